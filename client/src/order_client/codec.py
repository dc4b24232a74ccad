"""Converts models from and to the engine's JSON: camelCase names, amounts as strings, times in RFC 3339 format."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from order_client.errors import ProtocolError

Model = TypeVar("Model")
_Reader = Callable[[Any], Any]


def decode(model: type[Model], document: object) -> Model:
    """A model from a JSON document; unknown fields are ignored, for compatibility with newer engines.

    Raises ProtocolError when the document lacks a required field or has a value of another type.
    """
    try:
        value: Model = _reader(cast(Any, model))(document)
        return value
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise ProtocolError(f"This is not a valid {model.__name__}: {error!r}") from error


def encode(value: Any) -> Any:
    """The value in the form of the engine's JSON; fields that have their default are left out."""
    if is_dataclass(value):
        own = type(value).__annotations__  # own fields before inherited ones, so that the id comes first
        ordered = sorted(fields(value), key=lambda field: field.name not in own)
        items = ((field, getattr(value, field.name)) for field in ordered)
        return {_camel(field.name): encode(item) for field, item in items if item != field.default}
    match value:
        case list() | tuple():
            return [encode(item) for item in value]
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


@cache
def _reader(kind: Any) -> _Reader:
    if is_dataclass(kind):
        return _model_reader(kind)
    if get_origin(kind) is tuple:
        item = _reader(get_args(kind)[0])
        return lambda value: tuple(item(one) for one in value)
    if get_origin(kind) is UnionType:  # always `X | None`
        known = _reader(next(part for part in get_args(kind) if part is not NoneType))
        return lambda value: None if value is None else known(value)
    if kind is datetime:
        return _instant
    if kind is Decimal:
        return lambda value: Decimal(str(value))
    return lambda value: _exactly(kind, value)


def _model_reader(model: Any) -> _Reader:
    kinds = get_type_hints(model)
    plan = [(field.name, _camel(field.name), _reader(kinds[field.name]), field.default) for field in fields(model)]

    def read(document: Any) -> Any:
        if not isinstance(document, Mapping):
            raise TypeError(f"{document!r} is not an object")
        present = [one for one in plan if one[1] in document or one[3] is MISSING]
        return model(**{name: reader(document[wire]) for name, wire, reader, _ in present})

    return read


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not a {kind.__name__}")
    return value


def _instant(value: str) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return at


def _camel(name: str) -> str:
    return re.sub(r"_(.)", lambda match: match[1].upper(), name)
