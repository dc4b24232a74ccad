-- Reading and writing orders. Every write of a status is guarded by the state that it may come from.

-- name: place
-- The unique index decides who was first; the loser gets no row and reads the winner's order.
WITH placed AS (
    INSERT INTO orders (account, client_order_id, type, token_in, token_out, amount_in, slippage_bps, watchdog_at)
    VALUES (%(account)s, %(client_order_id)s, %(type)s, %(token_in)s, %(token_out)s, %(amount_in)s, %(slippage_bps)s,
            now() + %(watchdog)s * interval '1 second')
    ON CONFLICT (account, client_order_id) WHERE client_order_id IS NOT NULL DO NOTHING
    RETURNING *
), first_event AS (
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT id, sequence, status, attempt, created_at, details FROM placed
)
SELECT *, false AS leased FROM placed;

-- name: placed_before
SELECT *, false AS leased FROM orders WHERE account = %(account)s AND client_order_id = %(client_order_id)s;

-- name: look_now
-- The queue did not take the order: the next sweep sends it.
UPDATE orders SET watchdog_at = now() WHERE id = %(id)s AND status = 'pending' AND attempt = 0;

-- name: one
SELECT o.*, (o.lease_until > now()) IS TRUE AS leased,
       (SELECT json_agg(e ORDER BY e.sequence) FROM order_events e WHERE e.order_id = o.id) AS events
FROM orders o WHERE o.id = %(id)s AND o.account = %(account)s;

-- name: histories
SELECT o.*, (o.lease_until > now()) IS TRUE AS leased,
       (SELECT json_agg(e ORDER BY e.sequence) FROM order_events e WHERE e.order_id = o.id) AS events
FROM orders o WHERE o.id = ANY(%(ids)s);

-- name: page
-- Ids are UUIDv7: newest first is id, descending.
SELECT *, (lease_until > now()) IS TRUE AS leased FROM orders
WHERE account = %(account)s
  AND (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s;

-- name: claim
-- A new attempt for every order that is open, has attempts left and is in nobody's hands. Locked in id order: no deadlocks.
WITH claimable AS (
    SELECT id FROM orders
    WHERE id = ANY(%(ids)s) AND finished_at IS NULL AND attempt < %(max_attempts)s
      AND (lease_until IS NULL OR lease_until <= now())
    ORDER BY id FOR UPDATE
), claimed AS (
    UPDATE orders o SET
        status = c.to_status,
        details = CASE WHEN c.to_status = o.status AND o.status = 'submitted' THEN o.details ELSE '{}' END,
        attempt = o.attempt + 1,
        sequence = o.sequence + 1,
        lease_until = now() + %(lease)s * interval '1 second',
        watchdog_at = now() + 2 * %(lease)s * interval '1 second',
        updated_at = now()
    FROM claimable, unnest(%(from_statuses)s::text[], %(to_statuses)s::text[]) AS c (from_status, to_status)
    WHERE o.id = claimable.id AND o.status = c.from_status
    RETURNING o.*
), logged AS (
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT id, sequence, status, attempt, updated_at, details FROM claimed
)
SELECT id FROM claimed;

-- name: record
-- Group commit: many orders, one step each. A step holds only if its order is still where the worker left it
-- (attempt: the fencing token; sequence: nothing happened since; move: the table in domain/statuses.py).
WITH step AS (
    -- One JSON text: it costs the client a fifth of what as many arrays would.
    SELECT * FROM json_to_recordset(%(steps)s::json) AS s (
        id uuid, attempt int, sequence int, status text, details json, transaction json,
        amount_out numeric, executed_price numeric, retry_in float8)
), moved AS (
    UPDATE orders o SET
        status = s.status,
        sequence = s.sequence,
        details = s.details,
        transaction = s.transaction,
        amount_out = s.amount_out,
        executed_price = s.executed_price,
        lease_until = CASE WHEN s.status IN ('building', 'submitted') THEN o.lease_until END,
        watchdog_at = CASE
            WHEN s.status IN ('confirmed', 'failed') THEN NULL
            WHEN s.status = 'pending' THEN now() + (s.retry_in + %(patience)s) * interval '1 second'
            ELSE o.watchdog_at END,
        finished_at = CASE WHEN s.status IN ('confirmed', 'failed') THEN now() END,
        updated_at = now()
    FROM step s
    WHERE o.id = s.id AND o.attempt = s.attempt AND o.sequence = s.sequence - 1
      AND (o.status, s.status) IN (SELECT * FROM json_to_recordset(%(moves)s::json) AS m (source text, target text))
    RETURNING o.*
), logged AS (
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT id, sequence, status, attempt, updated_at, details FROM moved
)
SELECT id, updated_at FROM moved;

-- name: due
-- Orders that somebody should look at again. Looked after for another `watchdog` seconds by being sent.
UPDATE orders SET watchdog_at = now() + %(watchdog)s * interval '1 second'
WHERE id IN (
    SELECT id FROM orders WHERE watchdog_at <= now() ORDER BY watchdog_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
RETURNING id;

-- name: forget
-- Finished orders that were placed so many days ago. Ids are UUIDv7, so the oldest are the first in the primary key.
WITH old AS (
    SELECT id FROM orders
    WHERE id < (SELECT uuidv7(- %(days)s::float8 * interval '1 day')) AND finished_at IS NOT NULL
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), events AS (
    DELETE FROM order_events e USING old WHERE e.order_id = old.id
)
DELETE FROM orders o USING old WHERE o.id = old.id
RETURNING o.id;

-- name: ping
SELECT 1;
