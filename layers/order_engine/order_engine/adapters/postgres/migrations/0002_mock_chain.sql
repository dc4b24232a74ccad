-- The mocked chain's ledger, apart from the engine's own tables: what was sent, and how it ended. A signature ends once.
CREATE SCHEMA mock_chain;

CREATE TABLE mock_chain.transactions (
    signature      text PRIMARY KEY,
    order_id       uuid NOT NULL,
    venue          text NOT NULL,
    token_in       text NOT NULL,
    token_out      text NOT NULL,
    amount_in      numeric(38, 18) NOT NULL,
    min_amount_out numeric(38, 18) NOT NULL,
    outcome        text NOT NULL CHECK (outcome IN ('filled', 'slippage_exceeded', 'reverted', 'expired')),
    amount_out     numeric(38, 18) CHECK ((amount_out IS NOT NULL) = (outcome = 'filled')),
    sent_at        timestamptz NOT NULL DEFAULT now(),
    lands_at       timestamptz NOT NULL
);

CREATE INDEX transactions_by_order ON mock_chain.transactions (order_id);
