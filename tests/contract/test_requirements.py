"""The layer is deployed with the versions that the tests ran with."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKED = {package["name"]: package for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}


def test_the_layer_pins_what_the_lock_file_has() -> None:
    text = (ROOT / "layers/order_engine/requirements.txt").read_text()
    pins = re.findall(r"^([a-z-]+)==([\d.]+).*((?:\\\n    --hash=\S+ ?)+)", text, re.M)
    assert len(pins) == len(re.findall(r"^\w", text, re.M))
    for name, version, hashes in pins:
        package = LOCKED[name]
        files = [package["sdist"], *package["wheels"]] if "sdist" in package else package["wheels"]
        assert version == package["version"]
        assert set(re.findall(r"--hash=(\S+)", hashes)) == {file["hash"] for file in files}


def test_the_runtime_brings_boto3_and_the_layer_does_not() -> None:
    runtime = (ROOT / "tools/lambda.txt").read_text().split()
    assert f"boto3=={LOCKED['boto3']['version']}" in runtime
    assert "boto" not in (ROOT / "layers/order_engine/requirements.txt").read_text().replace("--prune boto3", "")
