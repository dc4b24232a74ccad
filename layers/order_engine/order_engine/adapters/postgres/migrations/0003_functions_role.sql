-- The functions' own user: it does with rows what the engine's statements do, and nothing else. Events are never changed,
-- and the chain's ledger is append-only for it. On RDS it logs in with IAM tokens; elsewhere whoever runs the server made it, with a password.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'order_engine') THEN
        CREATE ROLE order_engine LOGIN;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
        GRANT rds_iam TO order_engine;
    END IF;
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;

GRANT USAGE ON SCHEMA mock_chain TO order_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO order_engine;
GRANT SELECT, INSERT, DELETE ON order_events TO order_engine;
GRANT SELECT, INSERT ON mock_chain.transactions TO order_engine;
