"""The resources of a deployment: the transformed template and those nested in it, with references resolved."""

import atexit
import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from localcloud.template.intrinsics import Resolver
from localcloud.template.parameters import parameter_values
from localcloud.template.yaml_file import read_yaml

ROOT = Path(__file__).parents[2]

Resources = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Deployment:
    """The resources of the stack and of nested ones (`Network.Vpc`). References are `name` or `name.Attribute`."""

    resources: Resources

    def of_type(self, kind: str) -> dict[str, Any]:
        """The properties of the resources of this type, by name."""
        return {name: body["Properties"] for name, body in self.resources.items() if body["Type"] == kind}

    def policy_of(self, role: str) -> list[dict[str, Any]]:
        """All policy statements of a role, including managed policies, with actions and resources as lists."""
        properties = self.resources[role]["Properties"]
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for managed in properties.get("ManagedPolicyArns", []):
            documents.append(self.resources[managed]["Properties"]["PolicyDocument"])
        return [
            {**statement, "Action": _listed(statement["Action"]), "Resource": _listed(statement["Resource"])}
            for document in documents
            for statement in document["Statement"]
        ]


@cache
def deployed(uploads: str = "{}", **parameters: str) -> Deployment:
    """The deployment with these parameters; `uploads`, as JSON, gives local folders other names in the bucket."""
    return Deployment(_Template(transformed(parameters, json.loads(uploads)), parameters).resources())


def transformed(parameters: dict[str, str], uploads: dict[str, str], bucket: str = "bucket") -> dict[str, Any]:
    """The template that CloudFormation gets. A folder is uploaded under its path, or under its name in `uploads`."""
    process = _transformer()
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps({"parameters": parameters, "uploads": uploads, "bucket": bucket}) + "\n")
    process.stdin.flush()
    template: dict[str, Any] = json.loads(process.stdout.readline())
    return template


@cache
def _transformer() -> subprocess.Popen[str]:
    """A single process, as it takes seconds to start. It exits when its stdin is closed."""
    process = subprocess.Popen(
        [ROOT / ".tools/sam/bin/python", Path(__file__).with_name("transform.py"), ROOT / "template.yaml"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(process.kill)
    return process


class _Template:
    """A template; nested ones are read when one of their outputs is needed."""

    def __init__(self, document: dict[str, Any], parameters: dict[str, str], prefix: str = "") -> None:
        self._document = document
        self._prefix = prefix
        given = {name: value for name, value in parameters.items() if name in document["Parameters"]}
        values = parameter_values(document["Parameters"], {}, given)
        self._resolver = Resolver(document, values, self._attribute, lambda text: text)
        self._nested: dict[str, _Template] = {}

    def resources(self) -> Resources:
        found: Resources = {}
        for name, body in self._document["Resources"].items():
            if "Condition" in body and not self._resolver.holds(body["Condition"]):
                continue
            found[self._prefix + name] = {**body, "Properties": self._resolver.resolve(body.get("Properties", {}))}
            if body["Type"] == "AWS::CloudFormation::Stack":
                found |= self._inner(name).resources()
        return found

    def _inner(self, name: str) -> "_Template":
        if name not in self._nested:
            properties = self._resolver.resolve(self._document["Resources"][name]["Properties"])
            document = read_yaml(ROOT / properties["TemplateURL"])
            given = {key: str(value) for key, value in properties["Parameters"].items()}
            self._nested[name] = _Template(document, given, f"{self._prefix}{name}.")
        return self._nested[name]

    def _attribute(self, name: str, attribute: str | None) -> Any:
        if attribute and attribute.startswith("Outputs."):
            inner = self._inner(name)
            output = inner._document["Outputs"][attribute.removeprefix("Outputs.")]
            return inner._resolver.resolve(output["Value"])
        if attribute == "DBProxyArn":
            return f"arn:aws:rds:us-east-1:000000000000:db-proxy:prx-{name}"
        return self._prefix + name if attribute is None else f"{self._prefix}{name}.{attribute}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
