"""CloudFormation YAML: short tags (`!Ref x`) become their long form (`{"Ref": "x"}`)."""

from pathlib import Path
from typing import Any

import yaml

from localcloud.errors import LocalCloudError


class _Loader(yaml.SafeLoader):
    pass


def _intrinsic(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def read_yaml(path: Path) -> dict[str, Any]:
    """The template's document.

    Raises:
        LocalCloudError: the file is missing or is not a template.
    """
    try:
        document = yaml.load(path.read_text(), Loader=_Loader)  # nosec B506 # a SafeLoader with tags
    except OSError as error:
        raise LocalCloudError(f"cannot read the template {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise LocalCloudError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise LocalCloudError(f"{path} is not a CloudFormation template: it has no Resources")
    return document
