-- An order as it stands. Amounts are exact: 20 digits before the point, 18 after it; the tokens' own decimals are checked
-- before. `sequence` and `attempt` guard every write (see sql/orders.sql); `details` are the facts of the latest event
-- (json, not jsonb: nobody looks inside, and clients get it as it was written).
CREATE TABLE orders (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    account         text NOT NULL,
    client_order_id text,
    type            text NOT NULL,
    token_in        text NOT NULL,
    token_out       text NOT NULL CHECK (token_out <> token_in),
    amount_in       numeric(38, 18) NOT NULL CHECK (amount_in > 0),
    slippage_bps    integer NOT NULL CHECK (slippage_bps BETWEEN 0 AND 10000),
    status          text NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'routing', 'building', 'submitted', 'confirmed', 'failed')),
    sequence        integer NOT NULL DEFAULT 1,
    attempt         integer NOT NULL DEFAULT 0,
    details         json NOT NULL DEFAULT '{}',
    transaction     json,
    amount_out      numeric(38, 18),
    executed_price  numeric(38, 18),
    lease_until     timestamptz,
    watchdog_at     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    CONSTRAINT finished_is_terminal CHECK ((finished_at IS NOT NULL) = (status IN ('confirmed', 'failed'))),
    CONSTRAINT open_is_watched CHECK ((watchdog_at IS NULL) = (finished_at IS NOT NULL)),
    CONSTRAINT signed_before_sent CHECK (status NOT IN ('submitted', 'confirmed') OR transaction IS NOT NULL),
    CONSTRAINT filled_is_confirmed CHECK ((status = 'confirmed') = (amount_out IS NOT NULL AND executed_price IS NOT NULL))
) WITH (fillfactor = 70); -- an order is updated four times in seconds: room for the new versions on its own page

-- Idempotency: one order per account and key.
CREATE UNIQUE INDEX orders_by_client_order_id ON orders (account, client_order_id) WHERE client_order_id IS NOT NULL;
-- GET /api/orders, newest first, with and without a status.
CREATE INDEX orders_by_account ON orders (account, id DESC);
CREATE INDEX orders_by_status ON orders (account, status, id DESC);
-- The sweeper: only open orders are in it, so it stays small.
CREATE INDEX orders_by_watchdog ON orders (watchdog_at) WHERE watchdog_at IS NOT NULL;

-- What happened, append-only, without a gap from 1 on. `details` are the event's public facts, as clients get them.
CREATE TABLE order_events (
    order_id uuid NOT NULL REFERENCES orders (id),
    sequence integer NOT NULL,
    status   text NOT NULL,
    attempt  integer NOT NULL,
    at       timestamptz NOT NULL,
    details  json NOT NULL DEFAULT '{}',
    PRIMARY KEY (order_id, sequence)
);
