"""JSON without loss: numbers come in as Decimal, never through a float."""

import json
from decimal import Decimal
from typing import Any, NoReturn

from order_engine.domain.errors import InvalidJson


def parse(text: str) -> Any:
    """Parse JSON. Raises InvalidJson, also for NaN and Infinity, which are not JSON, and for nesting without end.

    A name may occur only once in an object: of two amounts, every reader takes another.
    """
    try:
        return json.loads(
            text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse, object_pairs_hook=_object
        )
    except ValueError as error:
        raise InvalidJson(f"The body is not valid JSON: {error}.") from error
    except RecursionError as error:
        raise InvalidJson("The body is not valid JSON for us: it is nested too deeply.") from error
    except ArithmeticError as error:
        raise InvalidJson("The body is not valid JSON for us: a number in it is beyond all bounds.") from error


def dump(document: Any) -> str:
    """Compact JSON, in ASCII: half a surrogate pair, which JSON can say, has no UTF-8."""
    return json.dumps(document, separators=(",", ":"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a name occurs twice in an object")
    return document


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
