"""All input and output: Postgres, SQS, DynamoDB, API Gateway. Driver errors become the engine's own here."""
