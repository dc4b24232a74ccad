"""The contents of the layer as built by sam build, for both architectures."""

import subprocess
from pathlib import Path

import pytest

from testing.lambda_runtime import ARCHITECTURE, PYTHON, sam_build

_MACHINES = {"x86_64": b"\x3e\x00", "arm64": b"\xb7\x00"}  # e_machine of an ELF file
# Under the runtime's Python: prints the modules that lack unchecked hash-based bytecode of their source.
_WRONG_BYTECODE = """
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path
for module in Path(sys.argv[1]).rglob("*.py"):
    bytecode = Path(cache_from_source(module))
    right = MAGIC_NUMBER + bytes([1, 0, 0, 0]) + source_hash(module.read_bytes())
    if not bytecode.exists() or bytecode.read_bytes()[:16] != right:
        print(module)
"""


@pytest.fixture(scope="module", params=_MACHINES)
def layer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """An architecture, and the layer's package folder that was built for it."""
    if request.param == ARCHITECTURE:
        build: Path = request.getfixturevalue("built")
        return request.param, build / "OrderEngineLayer" / "python"
    directory = tmp_path_factory.mktemp(request.param)
    return request.param, sam_build(directory, request.param, "OrderEngineLayer") / "OrderEngineLayer" / "python"


def test_every_module_has_bytecode_that_is_loaded_without_checks(layer: tuple[str, Path]) -> None:
    _, packages = layer
    wrong = subprocess.run([PYTHON, "-c", _WRONG_BYTECODE, packages], capture_output=True, check=True, text=True).stdout
    assert len(list(packages.rglob("*.py"))) > 500
    assert not wrong


def test_shared_objects_match_the_architecture(layer: tuple[str, Path]) -> None:
    architecture, packages = layer
    shared = list(packages.rglob("*.so*"))
    assert len(shared) > 3
    for file in shared:
        header = file.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert header[18:20] == _MACHINES[architecture], file


def test_the_layer_contains_no_unnecessary_files(layer: tuple[str, Path]) -> None:
    _, packages = layer
    assert not {"boto3", "botocore", "tests", "bin"} & {folder.name for folder in packages.iterdir()}
    suffixes = {file.suffix for file in packages.rglob("*") if file.is_file() and ".so" not in file.suffixes}
    assert suffixes <= {".py", ".pyc", ".sql", ".pem", ".js", ".css", ".json", ""}
    assert {file.name for file in packages.glob("*.dist-info/*")} == {"METADATA"}
    assert sum(file.stat().st_size for file in packages.rglob("*")) < 50e6
