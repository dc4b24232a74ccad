"""JSON without loss: numbers come in as Decimal, never through a float."""

import json
from decimal import Decimal
from typing import Any, NoReturn

from order_engine.domain.errors import InvalidJson


def parse(text: str) -> Any:
    """Parse JSON. Raises InvalidJson, also for NaN and Infinity, which are not JSON, and for nesting without end."""
    try:
        return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise InvalidJson(f"The body is not valid JSON: {error}.") from error


def dump(document: Any) -> str:
    """Compact JSON."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
