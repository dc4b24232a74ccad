"""CloudFormation's intrinsic functions, conditions and pseudo parameters."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.errors import LocalCloudError

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/local/00000000-0000-0000-0000-000000000000"

_NO_VALUE = object()
_PSEUDO_PARAMETERS: dict[str, Any] = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "local",
    "AWS::StackId": STACK_ID,
    "AWS::NotificationARNs": [],
    "AWS::NoValue": _NO_VALUE,
}
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class Resolver:
    """Replaces intrinsic functions with their values.

    `attribute(logical_id, name)` resolves Ref (name is None) and GetAtt of resources; `rewrite` is applied to every
    string that Fn::Sub or Fn::Join builds, so that URLs of APIs become local ones.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        parameters: Mapping[str, Any],
        attribute: Callable[[str, str | None], str],
        rewrite: Callable[[str], str],
    ) -> None:
        self._values = {**_PSEUDO_PARAMETERS, **parameters}
        self._conditions: Mapping[str, Any] = document.get("Conditions") or {}
        self._mappings: Mapping[str, Any] = document.get("Mappings") or {}
        self._attribute = attribute
        self._rewrite = rewrite
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.holds,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": lambda node: self.resolve(node[1])[int(self.resolve(node[0]))],
            "Fn::Split": lambda node: str(self.resolve(node[1])).split(self.resolve(node[0])),
            "Fn::If": lambda node: self._resolve(node[1] if self.holds(node[0]) else node[2]),
            "Fn::Equals": lambda node: _text(self.resolve(node[0])) == _text(self.resolve(node[1])),
            "Fn::Not": lambda node: not self.resolve(node[0]),
            "Fn::And": lambda node: all(self.resolve(part) for part in node),
            "Fn::Or": lambda node: any(self.resolve(part) for part in node),
            "Fn::FindInMap": self._find_in_map,
            "Fn::Base64": lambda node: base64.b64encode(str(self.resolve(node)).encode()).decode(),
            "Fn::GetAZs": lambda _: [f"{REGION}{zone}" for zone in "abc"],
        }

    def resolve(self, node: Any) -> Any:
        """The node with every intrinsic function replaced; AWS::NoValue at the top gives None."""
        value = self._resolve(node)
        return None if value is _NO_VALUE else value

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template is true."""
        if condition not in self._conditions:
            raise LocalCloudError(f"the template uses the condition {condition} but does not define it")
        return bool(self.resolve(self._conditions[condition]))

    def _resolve(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for value in map(self._resolve, node) if value is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            # A policy statement may have a key named Condition, with an object below it.
            if name in self._functions and not (name == "Condition" and not isinstance(argument, str)):
                return self._functions[name](argument)
            if str(name).startswith("Fn::"):
                raise LocalCloudError(f"the local cloud does not support the template function {name}")
        resolved = {key: self._resolve(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not _NO_VALUE}

    def _ref(self, name: str) -> Any:
        return self._values[name] if name in self._values else self._attribute(name, None)

    def _get_att(self, argument: str | list[str]) -> str:
        logical_id, name = (
            argument.split(".", 1) if isinstance(argument, str) else (argument[0], ".".join(argument[1:]))
        )
        return self._attribute(logical_id, name)

    def _sub(self, argument: str | list[Any]) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return _text(self.resolve(variables[name]))
            if "." in name:
                return self._get_att(name)
            return _text(self._ref(name))

        return self._rewrite(_PLACEHOLDER.sub(replace, text))

    def _join(self, argument: list[Any]) -> str:
        separator, parts = argument
        return self._rewrite(separator.join(_text(part) for part in self.resolve(parts)))

    def _find_in_map(self, argument: list[Any]) -> Any:
        found: Any = self._mappings
        for key in argument:
            found = found[self.resolve(key)]
        return self.resolve(found)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
