"""Exact amounts: Decimal here, NUMERIC in SQL, strings in JSON. Input amounts are never rounded."""

from decimal import MAX_PREC, MIN_EMIN, ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

from order_engine.domain.tokens import Token

# NUMERIC(38, 18): 20 digits before the point, 18 after it.
COLUMN_SCALE = 18
LARGEST_AMOUNT = Decimal(10) ** 20

_EXACT = Context(prec=60, rounding=ROUND_DOWN)
_UNROUNDED = Context(prec=MAX_PREC, Emin=MIN_EMIN)
_PRICE = Context(prec=60, rounding=ROUND_HALF_EVEN)


def problem_with(amount: Decimal, token: Token) -> str | None:
    """Why `amount` (whole tokens) is not a valid order amount of `token`, as a message; None if it is valid."""
    return _problem_with(amount, token.decimals, f" for {token.symbol}")


def problem_with_price(value: Decimal) -> str | None:
    """Why `value` is not a valid price in tokens out per token in, as a message; None if it is valid."""
    return _problem_with(value, COLUMN_SCALE)


def _problem_with(value: Decimal, decimals: int, of: str = "") -> str | None:
    if not value.is_finite():
        return "must be a finite number"
    if value <= 0:
        return "must be greater than 0"
    if value >= LARGEST_AMOUNT:
        return "must be less than 10^20"
    if decimals_of(value) > decimals:
        return f"must have at most {decimals} decimals{of}"
    return None


def decimals_of(amount: Decimal) -> int:
    """The number of digits after the decimal point, without a limit; trailing zeros do not count."""
    return max(0, -int(_UNROUNDED.normalize(amount).as_tuple().exponent))


def floor_to(amount: Decimal, token: Token) -> Decimal:
    """`amount` rounded down to the decimals of `token`, which the chain can pay out."""
    return amount.quantize(Decimal(1).scaleb(-token.decimals), context=_EXACT)


def price(amount_out: Decimal, amount_in: Decimal) -> Decimal:
    """Tokens out per token in, to 18 decimals."""
    return _PRICE.divide(amount_out, amount_in).quantize(Decimal(1).scaleb(-COLUMN_SCALE), context=_PRICE)


def text(amount: Decimal) -> str:
    """The amount as shown in JSON: plain digits, no exponent, no trailing zeros."""
    plain = format(amount, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
