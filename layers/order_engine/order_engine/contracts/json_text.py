"""Lossless JSON: numbers are parsed as Decimal, never as float."""

import json
from decimal import Decimal
from typing import Any, NoReturn

from order_engine.domain.errors import InvalidJson


def parse(text: str) -> Any:
    """Parse JSON. Raises InvalidJson, also for NaN and Infinity, which are not JSON, and for too deep nesting.

    A name may occur only once in an object: parsers disagree on which of two amounts they use.
    """
    try:
        return json.loads(
            text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse, object_pairs_hook=_object
        )
    except ValueError as error:
        raise InvalidJson(f"The body is not valid JSON: {error}.") from error
    except RecursionError as error:
        raise InvalidJson("The body is not valid JSON, or is nested too deeply.") from error
    except ArithmeticError as error:
        raise InvalidJson("The body contains a number that is out of range.") from error


def dump(document: Any) -> str:
    """Compact JSON, in ASCII: a lone surrogate, which JSON can escape, cannot be encoded as UTF-8."""
    return json.dumps(document, separators=(",", ":"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a name occurs twice in an object")
    return document


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
