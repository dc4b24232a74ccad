"""Orders in Postgres. The statements are in sql/, the schema in migrations/."""
