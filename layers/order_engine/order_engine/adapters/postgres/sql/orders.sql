-- Reading and writing orders. Statements that make a decision return it. The statuses of a kind are passed as parameters.

-- name: place
-- The unique index decides which insert is first; any other returns no row, and the first one's order is read instead.
WITH asked AS (
    SELECT * FROM json_to_recordset(%(orders)s::json) AS a (
        id uuid, account text, client_order_id text, type text, token_in text, token_out text, amount_in numeric,
        slippage_bps int, min_amount_out numeric, trigger_price numeric, triggered_by json, expires_at timestamptz,
        status text, rests bool, details json)
), placed AS (
    INSERT INTO orders (id, account, client_order_id, type, token_in, token_out, amount_in, slippage_bps,
                        min_amount_out, trigger_price, triggered_by, expires_at, status, details, watchdog_at)
    SELECT id, account, client_order_id, type, token_in, token_out, amount_in, slippage_bps, min_amount_out,
           trigger_price, triggered_by, coalesce(expires_at, now() + %(lifetime)s::interval), status, details,
           CASE WHEN rests THEN expires_at ELSE now() + %(watchdog)s::interval END
    FROM asked
    ORDER BY account, client_order_id -- two batches with the same ids wait for each other in the same order
    ON CONFLICT (account, client_order_id) WHERE client_order_id IS NOT NULL DO NOTHING
    RETURNING *
), first_event AS (
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT id, sequence, status, attempt, created_at, details FROM placed
)
SELECT * FROM placed;

-- name: placed_before
SELECT o.*, row_to_json(e) AS first_event
FROM orders o JOIN order_events e ON e.order_id = o.id AND e.sequence = 1
WHERE o.account = %(account)s AND o.client_order_id = ANY(%(client_order_ids)s);

-- name: get
SELECT o.*, (
    SELECT json_agg(e ORDER BY e.sequence) FROM order_events e
    WHERE e.order_id = o.id AND e.sequence > o.sequence - %(most)s) AS events
FROM orders o WHERE o.id = %(id)s AND o.account = %(account)s;

-- name: page
-- Ids are UUIDv7, so descending ids mean newest first.
SELECT * FROM orders WHERE account = %(account)s AND id < %(before)s ORDER BY id DESC LIMIT %(limit)s;

-- name: page_of_status
SELECT * FROM orders
WHERE account = %(account)s AND status = %(status)s AND id < %(before)s ORDER BY id DESC LIMIT %(limit)s;

-- name: events
SELECT o.id AS order_id, (
    SELECT json_agg(e ORDER BY e.sequence) FROM order_events e
    WHERE e.order_id = o.id AND e.sequence > o.sequence - %(most)s) AS events
FROM orders o WHERE o.id = ANY(%(ids)s);

-- name: claim
-- Decides for every given order, under its row lock and by a clock that is read once the lock is held. If `start` is
-- true, starts the next attempt of those that are claimable. Rows are locked in id order.
WITH locked AS MATERIALIZED (
    SELECT o AS stored FROM orders o WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE
), timed AS MATERIALIZED (
    SELECT stored, clock_timestamp() AS at FROM locked
), decided AS MATERIALIZED (
    SELECT stored, at, to_status, CASE
        WHEN (stored).finished_at IS NOT NULL THEN 'finished'
        WHEN (stored).type <> ALL(%(types)s) THEN 'unsupported'
        WHEN (stored).token_in <> ALL(%(tokens)s) OR (stored).token_out <> ALL(%(tokens)s) THEN 'unsupported'
        WHEN (stored).lease_until > at THEN 'leased'
        WHEN (stored).transaction IS NOT NULL THEN 'in_flight'
        WHEN (stored).cancel_requested_at IS NOT NULL THEN 'cancel_requested'
        WHEN (stored).status = ANY(%(resting)s) AND (stored).expires_at > at THEN 'resting'
        WHEN (stored).status = ANY(%(resting)s) THEN 'overdue'
        WHEN to_status IS NULL THEN 'unsupported'
        WHEN (stored).attempt >= %(max_attempts)s THEN 'exhausted'
        WHEN (stored).expires_at <= at THEN 'overdue'
        WHEN (stored).not_before > at THEN 'not_yet'
        ELSE 'claimable' END AS decision
    FROM timed
    LEFT JOIN unnest(%(from_statuses)s::text[], %(to_statuses)s::text[]) AS c (from_status, to_status)
        ON from_status = (stored).status
), claimed AS (
    UPDATE orders o SET
        status = to_status,
        details = '{}',
        attempt = attempt + 1,
        sequence = sequence + 1,
        lease_until = at + %(lease)s::interval,
        watchdog_at = at + %(lease)s::interval,
        not_before = NULL,
        sweeps = 0,
        updated_at = at
    FROM decided
    WHERE id = (stored).id AND decision = 'claimable' AND %(start)s
    RETURNING id AS claimed_id, o AS changed
), logged AS (
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT (changed).id, (changed).sequence, (changed).status, (changed).attempt, (changed).updated_at, (changed).details
    FROM claimed
)
SELECT CASE WHEN claimed_id IS NOT NULL THEN 'claimed' ELSE decision END AS decision,
       CASE decision WHEN 'leased' THEN (stored).lease_until - at WHEN 'not_yet' THEN (stored).not_before - at END AS back_in,
       (coalesce(changed, stored)).*
FROM decided LEFT JOIN claimed ON claimed_id = (stored).id;

-- name: record
-- Group commit: many orders, one transition each. A transition is accepted only if its order has not changed since it
-- was read (sequence counts every transition and is the fencing token), if the life cycle allows it and, if it stores a
-- signed transaction, if the order has not expired. Returns the accepted transitions.
WITH transition AS (
    -- One JSON text costs the client a fifth of what an array for each column would.
    SELECT * FROM json_to_recordset(%(transitions)s::json) AS t (
        id uuid, attempt int, sequence int, status text, details json, transaction json, amount_out numeric,
        executed_price numeric, retry_in float8, rests bool, leased bool, signs bool, terminal bool)
), recorded AS (
    UPDATE orders o SET
        status = t.status,
        sequence = t.sequence,
        attempt = t.attempt,
        details = t.details,
        transaction = t.transaction,
        amount_out = t.amount_out,
        executed_price = t.executed_price,
        lease_until = CASE WHEN t.leased THEN o.lease_until END,
        not_before = now() + t.retry_in * interval '1 second',
        watchdog_at = CASE
            WHEN t.terminal THEN NULL
            WHEN t.rests THEN o.expires_at
            WHEN t.leased THEN o.watchdog_at
            ELSE now() + coalesce(t.retry_in, 0) * interval '1 second' + %(watchdog)s::interval END,
        triggered_by = CASE WHEN NOT t.rests THEN o.triggered_by END,
        sweeps = 0,
        finished_at = CASE WHEN t.terminal THEN now() END,
        updated_at = now()
    FROM transition t
    WHERE o.id = ANY(%(ids)s) AND o.id = t.id AND o.sequence = t.sequence - 1
      AND (o.status, t.status) IN (SELECT * FROM json_to_recordset(%(allowed)s::json) AS m (source text, target text))
      AND (o.expires_at > now() OR NOT t.signs)
    RETURNING o.*
), logged AS (
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT id, sequence, status, attempt, updated_at, details FROM recorded
)
SELECT id, attempt, sequence, status, updated_at FROM recorded;

-- name: mark_due
-- These orders could not be queued: the next sweep queues them.
UPDATE orders SET watchdog_at = now() WHERE id = ANY(%(ids)s) AND status = ANY(%(waiting)s);

-- name: due
-- Open orders that this release can execute and that made no progress in time.
SELECT id FROM orders
WHERE watchdog_at <= now() AND type = ANY(%(types)s) AND token_in = ANY(%(tokens)s) AND token_out = ANY(%(tokens)s)
ORDER BY watchdog_at LIMIT %(limit)s;

-- name: extend_watch
-- The orders were requeued: check again after twice the previous wait, or when the order expires if that is earlier.
UPDATE orders SET
    sweeps = sweeps + 1,
    watchdog_at = least(now() + least(%(longest)s::interval, %(watchdog)s::interval * 2 ^ least(sweeps + 1, 20)),
                        CASE WHEN expires_at > now() THEN expires_at END)
WHERE id = ANY(%(ids)s) AND watchdog_at <= now();

-- name: open_ids
-- Ids are UUIDv7, so descending ids mean newest first.
SELECT id FROM orders
WHERE account = %(account)s AND status = ANY(%(statuses)s) AND id < %(before)s
  AND token_in = coalesce(%(token_in)s, token_in) AND token_out = coalesce(%(token_out)s, token_out)
ORDER BY id DESC LIMIT %(limit)s;

-- name: cancel
-- Decides for every given order of the account, under its row lock, whether the cancellation or the fill wins. One that
-- may be filled is only marked, so that no further attempt follows. Rows are locked in id order.
WITH locked AS MATERIALIZED (
    SELECT o AS stored FROM orders o
    WHERE account = %(account)s AND id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE
), timed AS MATERIALIZED (
    SELECT stored, clock_timestamp() AS at, CASE
        WHEN (stored).status = ANY(%(cancellable)s) THEN 'cancelled'
        WHEN (stored).finished_at IS NULL THEN 'in_flight'
        WHEN (stored).status = 'cancelled' THEN 'cancelled'
        ELSE 'finished' END AS decision
    FROM locked
), changed AS (
    UPDATE orders o SET
        status = CASE decision WHEN 'cancelled' THEN 'cancelled' ELSE status END,
        sequence = sequence + 1,
        details = CASE decision
            WHEN 'cancelled' THEN '{}'
            ELSE (details::jsonb || '{"cancelRequested": true}')::json END,
        cancel_requested_at = at,
        lease_until = NULL,
        not_before = NULL,
        watchdog_at = CASE decision WHEN 'cancelled' THEN NULL ELSE watchdog_at END,
        finished_at = CASE decision WHEN 'cancelled' THEN at END,
        updated_at = at
    FROM timed
    WHERE id = (stored).id AND (stored).finished_at IS NULL
      AND (decision = 'cancelled' OR (stored).cancel_requested_at IS NULL)
    RETURNING id AS changed_id, o AS new
), logged AS (
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT (new).id, (new).sequence, (new).status, (new).attempt, (new).updated_at, (new).details FROM changed
)
SELECT decision, changed_id IS NOT NULL AS is_new, (coalesce(new, stored)).*
FROM timed LEFT JOIN changed ON changed_id = (stored).id;

-- name: replace
-- Other terms for an order that still rests and has not changed since it was read.
WITH replaced AS (
    UPDATE orders SET
        amount_in = %(amount_in)s,
        trigger_price = %(trigger_price)s,
        expires_at = %(expires_at)s,
        sequence = sequence + 1,
        details = %(details)s,
        not_before = NULL,
        watchdog_at = %(expires_at)s,
        sweeps = 0,
        updated_at = clock_timestamp()
    WHERE id = %(id)s AND account = %(account)s AND sequence = %(sequence)s AND status = ANY(%(resting)s)
      AND expires_at > clock_timestamp()
    RETURNING *
), logged AS (
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT id, sequence, status, attempt, updated_at, details FROM replaced
)
SELECT * FROM replaced;

-- name: purge_finished
-- Orders that were placed and finished more than `days` ago. Ids are UUIDv7, so the oldest come first in the primary key.
WITH old AS (
    SELECT id FROM orders
    WHERE id < (SELECT uuidv7(- %(days)s::float8 * interval '1 day'))
      AND finished_at < now() - %(days)s::float8 * interval '1 day'
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), events AS (
    DELETE FROM order_events e USING old WHERE e.order_id = old.id
)
DELETE FROM orders o USING old WHERE o.id = old.id
RETURNING o.id;

-- name: ping
SELECT 1;
