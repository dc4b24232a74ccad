"""The layer is deployed with the versions that the tests ran with."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_layer_pins_what_the_lock_file_has() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {package["name"]: package["version"] for package in lock["package"] if "version" in package}
    lines = (ROOT / "layers/order_engine/requirements.txt").read_text().split()
    pins = [match.groups() for line in lines if (match := re.fullmatch(r"([a-z-]+)(?:\[\w+\])?==([\d.]+)", line))]
    assert len(pins) == len(lines) == 3
    assert dict(pins) == {name: locked[name] for name, _ in pins}


def test_the_runtime_of_the_tests_has_the_same_boto3() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {package["name"]: package["version"] for package in lock["package"] if "version" in package}
    assert f"boto3=={locked['boto3']}\n" in (ROOT / "local/requirements-lambda.txt").read_text()
