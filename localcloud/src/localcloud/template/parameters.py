"""Values of the template's parameters: defaults, overridden by the environment (`MockLatency` by `MOCK_LATENCY`)."""

import re
from collections.abc import Mapping
from typing import Any

from localcloud.errors import LocalCloudError

Value = str | list[str]
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def variable_name(parameter: str) -> str:
    """The environment variable that overrides a parameter: `MockLatency` -> `MOCK_LATENCY`."""
    return _WORD_START.sub("_", parameter).upper()


def parameter_values(
    declared: Mapping[str, dict[str, Any]], environment: Mapping[str, str], provided: Mapping[str, str]
) -> dict[str, Value]:
    """Every parameter's value: what the cloud itself provides, then the environment, then the default.

    Raises:
        LocalCloudError: a value is missing or outside what the template allows.
    """
    values: dict[str, Value] = {}
    for name, declaration in declared.items():
        value = provided.get(name, environment.get(variable_name(name), declaration.get("Default")))
        if value is None:
            raise LocalCloudError(f"the template's parameter {name} has no default: set {variable_name(name)}")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        _check(name, text, declaration)
        is_list = "List" in str(declaration.get("Type"))
        values[name] = [part.strip() for part in text.split(",")] if is_list else text
    return values


def _check(name: str, text: str, declaration: Mapping[str, Any]) -> None:
    allowed = declaration.get("AllowedValues")
    if allowed and text not in (str(value) for value in allowed):
        raise LocalCloudError(f"{variable_name(name)} must be one of {', '.join(map(str, allowed))}, not {text!r}")
    if declaration.get("Type") != "Number":
        return
    try:
        number = float(text)
    except ValueError:
        raise LocalCloudError(f"{variable_name(name)} must be a number, not {text!r}") from None
    low, high = declaration.get("MinValue"), declaration.get("MaxValue")
    if (low is not None and number < float(low)) or (high is not None and number > float(high)):
        limits = " and ".join(
            f"at {end} {limit}" for end, limit in (("least", low), ("most", high)) if limit is not None
        )
        raise LocalCloudError(f"{variable_name(name)} must be {limits}, not {text}")
