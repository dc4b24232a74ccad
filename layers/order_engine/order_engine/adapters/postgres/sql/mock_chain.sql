-- The mocked chain's ledger. A signature is taken once; who comes second gets what the first one led to.

-- name: send
-- After its time a transaction is not taken: `landing` will say that it expired.
INSERT INTO mock_chain.transactions
    (signature, order_id, venue, token_in, token_out, amount_in, min_amount_out, outcome, amount_out, lands_at)
SELECT s.signature, s.order_id, s.venue, s.token_in, s.token_out, s.amount_in, s.min_amount_out, s.outcome, s.amount_out,
       now() + s.lands_in * interval '1 second'
FROM unnest(
    %(signatures)s::text[], %(order_ids)s::uuid[], %(venues)s::text[], %(tokens_in)s::text[], %(tokens_out)s::text[],
    %(amounts_in)s::numeric[], %(min_amounts_out)s::numeric[], %(outcomes)s::text[], %(amounts_out)s::numeric[],
    %(lands_in)s::float8[], %(valid_untils)s::timestamptz[]
) AS s (signature, order_id, venue, token_in, token_out, amount_in, min_amount_out, outcome, amount_out, lands_in, valid_until)
WHERE now() + s.lands_in * interval '1 second' <= s.valid_until
ON CONFLICT (signature) DO NOTHING;

-- name: landings
-- Whoever asks after its time about a transaction that never came writes down that it expired, so that it cannot land later.
WITH asked AS (
    SELECT * FROM unnest(
        %(signatures)s::text[], %(order_ids)s::uuid[], %(venues)s::text[], %(tokens_in)s::text[], %(tokens_out)s::text[],
        %(amounts_in)s::numeric[], %(min_amounts_out)s::numeric[], %(valid_untils)s::timestamptz[]
    ) AS a (signature, order_id, venue, token_in, token_out, amount_in, min_amount_out, valid_until)
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
       greatest(0, extract(epoch FROM lands_at - now()))::float8 AS lands_in
FROM known;
