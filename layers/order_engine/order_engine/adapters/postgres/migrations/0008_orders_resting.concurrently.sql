-- The trigger: the resting orders of a pair and type, by price. A sniper has no price.
-- An interrupted run leaves an invalid index behind.
DROP INDEX CONCURRENTLY IF EXISTS orders_resting;

CREATE INDEX CONCURRENTLY orders_resting ON orders (token_in, token_out, type, (coalesce(trigger_price, 0)))
    WHERE status = 'resting';
