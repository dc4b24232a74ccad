"""Exact amounts."""

from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_engine.domain.money import decimals_of, floor_to, price, problem_with, text
from order_engine.domain.tokens import TOKENS

USDC = TOKENS["USDC"]


@pytest.mark.parametrize("amount", ["0.000001", "1", "1000", "99999999999999999999", "1E+3", "1.0000000", "1E-6"])
def test_tradable_amounts_are_accepted(amount: str) -> None:
    assert problem_with(Decimal(amount), USDC) is None


@pytest.mark.parametrize(
    ("amount", "problem"),
    [
        ("0", "greater than 0"),
        ("-1", "greater than 0"),
        ("0.0000001", "at most 6 decimals"),
        ("1.0000001", "at most 6 decimals"),
        ("1E-400", "at most 6 decimals"),
        ("100000000000000000000", "less than 10^20"),
        ("1E+400", "less than 10^20"),
        ("1E+999999", "less than 10^20"),
        ("NaN", "finite"),
        ("Infinity", "finite"),
    ],
)
def test_other_amounts_are_rejected(amount: str, problem: str) -> None:
    assert problem in (problem_with(Decimal(amount), USDC) or "")


@given(st.decimals(min_value=0, max_value=10**20, allow_nan=False, places=18))
def test_text_is_exact_and_without_an_exponent(amount: Decimal) -> None:
    assert Decimal(text(amount)) == amount
    assert "E" not in text(amount)


@given(st.decimals(min_value=0, max_value=10**20, allow_nan=False, places=18), st.sampled_from(list(TOKENS.values())))
def test_rounding_down_loses_less_than_the_smallest_unit(amount: Decimal, token: object) -> None:
    assert isinstance(token, type(USDC))
    floored = floor_to(amount, token)
    assert 0 <= Context(prec=60).subtract(amount, floored) < Decimal(1).scaleb(-token.decimals)
    assert decimals_of(floored) <= token.decimals


def test_the_price_is_the_amount_out_per_amount_in() -> None:
    assert price(Decimal(150), Decimal(3)) == 50
    assert price(Decimal(1), Decimal(3)) == Decimal("0.333333333333333333")
