"""The layer is deployed with the package versions that the tests use."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKED = {package["name"]: package for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}


def test_the_layer_pins_the_versions_of_the_lock_file() -> None:
    text = (ROOT / "layers/order_engine/requirements.txt").read_text()
    pins = re.findall(r"^([a-z-]+)==([\d.]+).*((?:\\\n    --hash=\S+ ?)+)", text, re.M)
    assert len(pins) == len(re.findall(r"^\w", text, re.M))
    for name, version, hashes in pins:
        package = LOCKED[name]
        files = [package["sdist"], *package["wheels"]] if "sdist" in package else package["wheels"]
        assert version == package["version"]
        assert set(re.findall(r"--hash=(\S+)", hashes)) == {file["hash"] for file in files}


def test_boto3_comes_from_the_lambda_runtime_and_not_from_the_layer() -> None:
    runtime = (ROOT / "tools/lambda.txt").read_text().split()
    assert f"boto3=={LOCKED['boto3']['version']}" in runtime
    assert "boto" not in (ROOT / "layers/order_engine/requirements.txt").read_text().replace("--prune boto3", "")
