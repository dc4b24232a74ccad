-- Orders that wait for the market, cancellations, and the dead man's switch. Release N-1 keeps running while this runs,
-- and does not set the new columns.
ALTER TABLE orders
    ADD COLUMN trigger_price       numeric(38, 18), -- limit or stop price, in token_out per token_in
    ADD COLUMN triggered_by        json,            -- the price that activated the order
    ADD COLUMN cancel_requested_at timestamptz;     -- too late to stop the transaction; no further attempt follows

-- Not validated here: that would scan the table under a lock that keeps everybody out. 0007 does it.
ALTER TABLE orders
    DROP CONSTRAINT known_status,
    ADD CONSTRAINT known_status CHECK (status IN (
        'resting', 'pending', 'routing', 'building', 'submitted', 'confirmed', 'failed', 'cancelled', 'expired')) NOT VALID,
    ADD CONSTRAINT positive_price CHECK (trigger_price > 0) NOT VALID;

-- Until when the trigger is known to be running.
CREATE TABLE trigger_state (awake_until timestamptz NOT NULL);
INSERT INTO trigger_state VALUES ('-infinity');

-- Accounts whose open orders are cancelled unless they renew their switch in time.
CREATE TABLE dead_mans_switches (
    account   text PRIMARY KEY,
    cancel_at timestamptz NOT NULL
);

-- The pools of tokens that are not traded from the start.
CREATE TABLE mock_chain.listings (
    token     text NOT NULL,
    venue     text NOT NULL,
    listed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (token, venue)
);

GRANT UPDATE (status, sequence, details, amount_in, trigger_price, expires_at, cancel_requested_at,
              lease_until, not_before, watchdog_at, sweeps, finished_at, updated_at)
    ON orders TO order_engine_front_door;
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_mans_switches TO order_engine_front_door;
GRANT SELECT, DELETE ON dead_mans_switches TO order_engine_maintenance;
GRANT SELECT, UPDATE ON trigger_state TO order_engine_front_door, order_engine_execution, order_engine_maintenance;
GRANT USAGE ON SCHEMA mock_chain TO order_engine_front_door;
GRANT SELECT ON mock_chain.listings
    TO order_engine_front_door, order_engine_execution, order_engine_maintenance;
