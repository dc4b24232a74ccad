-- The mocked chain's ledger. A signature is accepted once; sending it again changes nothing.

-- name: send
-- A transaction that would land after `valid_until` is not accepted; `landings` reports it as expired.
INSERT INTO mock_chain.transactions
    (signature, order_id, venue, token_in, token_out, amount_in, min_amount_out, outcome, amount_out, lands_at)
SELECT signature, order_id, venue, token_in, token_out, amount_in, min_amount_out, outcome, amount_out,
       now() + lands_in * interval '1 second'
FROM json_to_recordset(%(sent)s::json) AS s (
    signature text, order_id uuid, venue text, token_in text, token_out text, amount_in numeric, min_amount_out numeric,
    valid_until timestamptz, outcome text, amount_out numeric, lands_in float8)
WHERE now() + lands_in * interval '1 second' <= valid_until
ON CONFLICT (signature) DO NOTHING;

-- name: listings
SELECT token, venue FROM mock_chain.listings;

-- name: landings
-- A lookup after `valid_until` records an unseen transaction as expired, so that it can never land.
WITH asked AS (
    SELECT * FROM json_to_recordset(%(transactions)s::json) AS a (
        signature text, order_id uuid, venue text, token_in text, token_out text, amount_in numeric,
        min_amount_out numeric, valid_until timestamptz)
), expired AS (
    INSERT INTO mock_chain.transactions
        (signature, order_id, venue, token_in, token_out, amount_in, min_amount_out, outcome, lands_at)
    SELECT signature, order_id, venue, token_in, token_out, amount_in, min_amount_out, 'expired', valid_until
    FROM asked WHERE valid_until < now()
    ON CONFLICT (signature) DO NOTHING
    RETURNING signature, outcome, amount_out, lands_at
), known AS (
    SELECT signature, outcome, amount_out, lands_at FROM mock_chain.transactions
    WHERE signature = ANY(%(signatures)s)
    UNION ALL
    SELECT * FROM expired
)
SELECT signature, outcome, amount_out,
       extract(epoch FROM lands_at - now())::float8 AS lands_in
FROM known;
