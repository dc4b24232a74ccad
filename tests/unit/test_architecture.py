"""The dependencies between the engine's packages."""

import ast
from pathlib import Path

import pytest

ENGINE = Path("layers/order_engine/order_engine")
MAY_NOT = {
    "domain": {"boto3", "botocore", "psycopg", "os", "time", "pydantic", "order_engine.adapters", "order_engine.venues",
               "order_engine.use_cases", "order_engine.contracts", "order_engine.settings", "aws_lambda_powertools"},
    "use_cases": {"boto3", "botocore", "psycopg", "os", "pydantic", "order_engine.adapters", "order_engine.contracts",
                  "order_engine.settings", "order_engine.venues.mock"},
    "adapters": {"order_engine.use_cases", "order_engine.venues", "os"},
    "venues": {"order_engine.use_cases", "order_engine.contracts", "os", "boto3"},
    "contracts": {"order_engine.use_cases", "order_engine.adapters", "order_engine.venues", "boto3", "psycopg", "os"},
}  # fmt: skip


def imports_of(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize(("package", "forbidden"), MAY_NOT.items())
def test_no_package_has_a_forbidden_import(package: str, forbidden: set[str]) -> None:
    files = list((ENGINE / package).rglob("*.py"))
    assert files
    for file in files:
        for name in imports_of(file):
            assert not any(name == other or name.startswith(f"{other}.") for other in forbidden), (
                f"{file} imports {name}"
            )


def test_only_the_settings_module_reads_the_environment() -> None:
    readers = [file for file in (*ENGINE.rglob("*.py"), *Path("functions").rglob("*.py")) if "os" in imports_of(file)]
    assert readers == [ENGINE / "settings.py"]
