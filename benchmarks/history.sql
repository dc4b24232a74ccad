-- name: fill
-- Copies of the database's first order, which is finished, placed a second apart; a tenth of them belong to the account demo.
INSERT INTO orders (id, account, type, token_in, token_out, amount_in, slippage_bps, status, sequence, attempt, details,
                    transaction, amount_out, executed_price, created_at, updated_at, finished_at)
SELECT uuidv7(- n * interval '1 second'), CASE WHEN n %% 10 = 0 THEN 'demo' ELSE 'account-' || n %% 1000 END, type, token_in,
       token_out, amount_in, slippage_bps, status, sequence, attempt, details, transaction, amount_out, executed_price,
       created_at - n * interval '1 second', updated_at - n * interval '1 second', finished_at - n * interval '1 second'
FROM (SELECT * FROM orders ORDER BY id LIMIT 1) AS first, generate_series(%(orders)s, 1, -1) AS n;

-- name: fill_events
-- Copies of the events of the first order, the only one that has any.
INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
SELECT o.id, e.sequence, e.status, e.attempt, o.created_at + (e.at - first.created_at), e.details
FROM order_events e JOIN orders first ON first.id = e.order_id JOIN orders o ON o.id <> first.id;

-- name: page_start
-- The id after which a page of the account demo's orders, newest first, begins.
SELECT id FROM orders WHERE account = 'demo' ORDER BY id DESC OFFSET %(skipped)s LIMIT 1;

-- name: bytes
SELECT pg_table_size('orders') AS orders, pg_indexes_size('orders') AS orders_indexes,
       pg_table_size('order_events') AS order_events, pg_indexes_size('order_events') AS order_events_indexes,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS write_ahead_log;
