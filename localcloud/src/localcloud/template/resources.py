"""Access to the resources of a template: conditions applied, Globals merged, properties resolved on demand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.errors import LocalCloudError
from localcloud.template.intrinsics import Resolver

_GLOBALS = {
    "AWS::Serverless::Function": "Function",
    "AWS::Serverless::HttpApi": "HttpApi",
    "AWS::Serverless::WebSocketApi": "WebSocketApi",
    "AWS::Serverless::LayerVersion": "LayerVersion",
}


@dataclass(frozen=True)
class Resource:
    """One resource with its properties resolved."""

    logical_id: str
    kind: str
    properties: dict[str, Any]


class Resources:
    """The resources whose condition holds."""

    def __init__(self, document: Mapping[str, Any], resolver: Resolver) -> None:
        self._document = document
        self._resolver = resolver

    def of_type(self, *kinds: str) -> Iterator[Resource]:
        """Resources of these types; a kind that ends in `::` matches all types below it."""
        for logical_id, resource in self._document["Resources"].items():
            kind = str(resource.get("Type", ""))
            if not any(kind == wanted or (wanted.endswith("::") and kind.startswith(wanted)) for wanted in kinds):
                continue
            if "Condition" in resource and not self._resolver.holds(resource["Condition"]):
                continue
            shared = self._resolver.resolve((self._document.get("Globals") or {}).get(_GLOBALS.get(kind, ""), {}))
            own = self._resolver.resolve(resource.get("Properties") or {})
            yield Resource(logical_id, kind, merge(shared, own))

    def events(self, *kinds: str) -> Iterator[tuple[Resource, str, dict[str, Any]]]:
        """(function, event name, event properties) of the functions' events of these types."""
        for function in self.of_type("AWS::Serverless::Function"):
            for name, event in (function.properties.get("Events") or {}).items():
                if event.get("Type") in kinds:
                    yield function, name, event.get("Properties") or {}

    def only(self, kind: str) -> Resource | None:
        """The one resource of this type, or None.

        Raises:
            LocalCloudError: there are several.
        """
        found = list(self.of_type(kind))
        if len(found) > 1:
            names = ", ".join(resource.logical_id for resource in found)
            raise LocalCloudError(f"the local cloud serves one {kind} and the template has {len(found)}: {names}")
        return found[0] if found else None

    def ref(self, logical_id: str) -> str:
        return str(self._resolver.resolve({"Ref": logical_id}))

    def arn(self, logical_id: str) -> str:
        return str(self._resolver.resolve({"Fn::GetAtt": [logical_id, "Arn"]}))


def merge(shared: Any, own: Any) -> Any:
    """SAM's rule for Globals: maps merge, lists join, anything else is overridden."""
    if isinstance(shared, dict) and isinstance(own, dict):
        return {**shared, **{key: merge(shared[key], value) if key in shared else value for key, value in own.items()}}
    if isinstance(shared, list) and isinstance(own, list):
        return [*shared, *own]
    return own
