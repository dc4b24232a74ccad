-- The role that all functions had before 0005 goes. Not while somebody is logged in as it: functions of the version before
-- are, until their deployment is through, and they come back if it is rolled back. Then the next run tries again.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'order_engine') THEN
        RAISE 'functions are still logged in as order_engine' USING ERRCODE = 'OE001';
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'order_engine') THEN
        REVOKE ALL ON orders, order_events, mock_chain.transactions FROM order_engine;
        REVOKE ALL ON SCHEMA mock_chain FROM order_engine;
        BEGIN
            DROP ROLE order_engine;
        EXCEPTION WHEN dependent_objects_still_exist THEN
            ALTER ROLE order_engine NOLOGIN; -- another database of this server still grants it something
        END;
    END IF;
END
$$;
