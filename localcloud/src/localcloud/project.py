"""`localcloud.toml`: what the local cloud has to know about an application that its template does not say."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from localcloud.errors import LocalCloudError

FILE_NAME = "localcloud.toml"
_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")


Attribute = str | bool | int
"""The value of an item's attribute."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=lambda name: name.replace("_", "-"))


class PostgresOptions(_Table):
    """The server's database and the role that owns it."""

    database: str
    owner: str


class Secret(_Table):
    """A random string, generated at the first start and kept in a file; `LOCAL_<NAME>` in the environment sets it."""

    prefix: str = ""


class Seed(_Table):
    """An item that is put into a table (named by its logical id) unless an item with its key exists."""

    table: str
    item: Mapping[str, Attribute]


class Project(_Table):
    """The file's contents; every table is optional. Strings may hold `${...}` placeholders, see README.md."""

    websocket_path: str = "/ws"
    emulator_python: Path | None = None
    postgres: PostgresOptions | None = None
    secrets: Mapping[str, Secret] = Field(default_factory=dict)
    parameters: Mapping[str, str] = Field(default_factory=dict)
    seeds: tuple[Seed, ...] = ()
    endpoints: Mapping[str, str] = Field(default_factory=dict)


def load_project(directory: Path) -> Project:
    """Reads the file in the directory; without one, everything has its default.

    Raises:
        LocalCloudError: the file is not valid.
    """
    file = directory / FILE_NAME
    if not file.is_file():
        return Project()
    try:
        return Project.model_validate(tomllib.loads(file.read_text()))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise LocalCloudError(f"{file}: {error}") from error


def fill_in(project: Project, values: Mapping[str, str]) -> Project:
    """The project with every `${name}` replaced by its value.

    Raises:
        LocalCloudError: there is no value of that name.
    """
    return Project.model_validate(_filled_in(project.model_dump(by_alias=True), values))


def _filled_in(node: Any, values: Mapping[str, str]) -> Any:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise LocalCloudError(f"{FILE_NAME}: {match[0]} is unknown; the known ones are {', '.join(sorted(values))}")
        return values[match[1]]

    match node:
        case str():
            return _PLACEHOLDER.sub(value, node)
        case dict():
            return {name: _filled_in(part, values) for name, part in node.items()}
        case list() | tuple():
            return [_filled_in(part, values) for part in node]
    return node
