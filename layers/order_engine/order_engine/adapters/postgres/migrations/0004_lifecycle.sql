-- An order's time, the time of its next attempt, and how often it was swept. Release N-1 goes on while this runs: hence the defaults.
ALTER TABLE orders
    ADD COLUMN expires_at     timestamptz NOT NULL DEFAULT now() + interval '5 minutes', -- not signed by then: expired
    ADD COLUMN min_amount_out numeric(38, 18) CHECK (min_amount_out > 0), -- asked for; NULL: what the slippage allows
    ADD COLUMN not_before     timestamptz, -- no attempt is claimed before
    ADD COLUMN sweeps         integer NOT NULL DEFAULT 0; -- sent by the sweeper since the last step: each doubles the wait

ALTER TABLE orders
    DROP CONSTRAINT orders_status_check,
    DROP CONSTRAINT finished_is_terminal,
    DROP CONSTRAINT open_is_watched,
    ADD CONSTRAINT known_status CHECK (
        status IN ('pending', 'routing', 'building', 'submitted', 'confirmed', 'failed', 'cancelled', 'expired')),
    ADD CONSTRAINT finished_is_terminal CHECK (
        (finished_at IS NOT NULL) = (status IN ('confirmed', 'failed', 'cancelled', 'expired'))),
    ADD CONSTRAINT finished_is_unwatched CHECK (finished_at IS NULL OR watchdog_at IS NULL);
