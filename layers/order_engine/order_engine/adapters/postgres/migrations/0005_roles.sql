-- A role per purpose, so that the connections of one are never taken by another (see ../roles.py): front doors (api,
-- websocket), execution (worker), maintenance (dead_letter, sweeper). Each does with rows what the statements of its
-- functions do, and nothing else. On RDS they log in with IAM tokens, elsewhere with a password that `migrate` sets.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['order_engine_front_door', 'order_engine_execution', 'order_engine_maintenance'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- roles belong to the server: the migration of another of its databases made this one
        END;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
            EXECUTE format('GRANT rds_iam TO %I', role);
        END IF;
    END LOOP;
END
$$;

GRANT SELECT, INSERT ON orders, order_events TO order_engine_front_door;
GRANT UPDATE (watchdog_at) ON orders TO order_engine_front_door; -- an order that the queue did not take

GRANT SELECT, UPDATE ON orders TO order_engine_execution, order_engine_maintenance;
GRANT SELECT, INSERT ON order_events TO order_engine_execution, order_engine_maintenance;
GRANT USAGE ON SCHEMA mock_chain TO order_engine_execution, order_engine_maintenance;
GRANT SELECT, INSERT ON mock_chain.transactions TO order_engine_execution, order_engine_maintenance;

GRANT DELETE ON orders, order_events TO order_engine_maintenance; -- orders past their retention
