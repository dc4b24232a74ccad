-- Activating resting orders, and the dead man's switch. `status = 'resting'` is not a parameter, so that the partial index
-- can be used.

-- name: resting
-- The pairs and types of all resting orders. Reads one index entry for each, however many orders rest.
WITH RECURSIVE found AS (
    (SELECT token_in, token_out, type FROM orders WHERE status = 'resting'
     ORDER BY token_in, token_out, type LIMIT 1)
    UNION ALL
    SELECT next.* FROM found, LATERAL (
        SELECT o.token_in, o.token_out, o.type FROM orders o
        WHERE o.status = 'resting' AND (o.token_in, o.token_out, o.type) > (found.token_in, found.token_out, found.type)
        ORDER BY o.token_in, o.token_out, o.type LIMIT 1) next
)
SELECT * FROM found WHERE type = ANY(%(types)s) AND token_in = ANY(%(tokens)s) AND token_out = ANY(%(tokens)s);

-- name: activate
-- Up to `limit` resting orders whose price is reached become pending. Skips those that another trigger, a cancellation
-- or a replacement has locked: the next tick finds them if they still rest.
WITH reached AS MATERIALIZED (
    SELECT o.id, c.details
    FROM json_to_recordset(%(crossings)s::json) AS c (
        token_in text, token_out text, type text, lowest numeric, highest numeric, details json)
    CROSS JOIN LATERAL (
        SELECT id FROM orders
        WHERE status = 'resting' AND token_in = c.token_in AND token_out = c.token_out AND type = c.type
          AND coalesce(trigger_price, 0) BETWEEN c.lowest AND c.highest
          AND expires_at > now() AND (not_before IS NULL OR not_before <= now())
        LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED) o
    LIMIT %(limit)s
), activated AS (
    UPDATE orders o SET
        status = 'pending',
        sequence = sequence + 1,
        details = r.details,
        triggered_by = r.details -> 'triggeredBy',
        not_before = NULL,
        watchdog_at = now() + %(watchdog)s::interval,
        sweeps = 0,
        updated_at = clock_timestamp()
    FROM reached r
    WHERE o.id = r.id
    RETURNING o.*
), logged AS (
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT id, sequence, status, attempt, updated_at, details FROM activated
)
SELECT * FROM activated;

-- name: expire
-- Resting orders whose time is over. A worker would expire them, too, when the sweeper has sent them.
WITH over AS (
    SELECT id FROM orders WHERE status = 'resting' AND watchdog_at <= now() AND expires_at <= now()
    ORDER BY watchdog_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
), expired AS (
    UPDATE orders o SET
        status = 'expired',
        sequence = sequence + 1,
        details = %(details)s,
        not_before = NULL,
        watchdog_at = NULL,
        finished_at = clock_timestamp(),
        updated_at = clock_timestamp()
    FROM over
    WHERE o.id = over.id
    RETURNING o.*
), logged AS (
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT id, sequence, status, attempt, updated_at, details FROM expired
)
SELECT * FROM expired;

-- name: set_switch
-- A switch whose time is over is left alone: the trigger is about to apply it, or is doing so.
INSERT INTO dead_mans_switches AS s (account, cancel_at) VALUES (%(account)s, now() + %(after)s::interval)
ON CONFLICT (account) DO UPDATE SET
    cancel_at = CASE WHEN s.cancel_at > now() THEN excluded.cancel_at ELSE s.cancel_at END
RETURNING cancel_at;

-- name: clear_switch
DELETE FROM dead_mans_switches WHERE account = %(account)s;

-- name: wake
-- Returns a row if the trigger is not running; only one of several callers gets it, and is to start the trigger.
UPDATE trigger_state SET awake_until = now() + %(grace)s::interval WHERE awake_until < now() RETURNING true AS asleep;

-- name: fall_asleep
UPDATE trigger_state SET awake_until = '-infinity';

-- name: waiting
SELECT EXISTS (SELECT FROM orders WHERE status = 'resting') OR EXISTS (SELECT FROM dead_mans_switches) AS waiting;

-- name: tick
-- The trigger is running. Returns whether any switch is set, and the accounts whose time is over.
WITH awake AS (
    UPDATE trigger_state SET awake_until = now() + %(grace)s::interval
)
SELECT count(*) > 0 AS any, coalesce(array_agg(account) FILTER (WHERE cancel_at <= now()), '{}') AS over
FROM dead_mans_switches;

-- name: end_switch
-- The account's orders are cancelled; unless it has set the switch again meanwhile.
DELETE FROM dead_mans_switches WHERE account = %(account)s AND cancel_at <= now();
