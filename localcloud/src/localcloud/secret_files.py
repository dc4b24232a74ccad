"""Secrets of this machine: each is generated once and kept in a file that only its owner can read."""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path

from localcloud.project import Secret


def load_secrets(declared: Mapping[str, Secret], directory: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The values for placeholders: `secrets.<name>` and `secrets.<name>.sha256`, from `LOCAL_<NAME>` or the file."""
    values = {}
    for name, secret in declared.items():
        variable = f"LOCAL_{name.upper().replace('-', '_')}"
        value = environment.get(variable) or _load_or_create(directory / name, secret.prefix)
        values[f"secrets.{name}"] = value
        values[f"secrets.{name}.sha256"] = hashlib.sha256(value.encode()).hexdigest()
    return values


def _load_or_create(file: Path, prefix: str) -> str:
    if not file.is_file():
        file.touch(mode=0o600)
        file.write_text(f"{prefix}{secrets.token_urlsafe(24)}\n")
    return file.read_text().strip()
