"""What sam build puts into the layer, for either processor."""

import subprocess
from pathlib import Path

import pytest

from tests.lambda_runtime import ARCHITECTURE, PYTHON, sam_build

_MACHINES = {"x86_64": b"\x3e\x00", "arm64": b"\xb7\x00"}  # e_machine of an ELF file
# Under the runtime's Python: modules without bytecode of just this source, this Python and the kind "never checked".
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
    """An architecture, and the layer's folder of packages for it."""
    if request.param == ARCHITECTURE:
        build: Path = request.getfixturevalue("built")
        return request.param, build / "OrderEngineLayer" / "python"
    directory = tmp_path_factory.mktemp(request.param)
    return request.param, sam_build(directory, request.param, "OrderEngineLayer") / "OrderEngineLayer" / "python"


def test_every_module_comes_as_bytecode_that_lambda_loads_without_asking(layer: tuple[str, Path]) -> None:
    _, packages = layer
    wrong = subprocess.run([PYTHON, "-c", _WRONG_BYTECODE, packages], capture_output=True, check=True, text=True).stdout
    assert len(list(packages.rglob("*.py"))) > 500
    assert not wrong


def test_shared_objects_are_for_the_processor(layer: tuple[str, Path]) -> None:
    architecture, packages = layer
    shared = list(packages.rglob("*.so*"))
    assert len(shared) > 3
    for file in shared:
        header = file.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert header[18:20] == _MACHINES[architecture], file


def test_nothing_is_carried_that_no_function_reads(layer: tuple[str, Path]) -> None:
    _, packages = layer
    assert not {"boto3", "botocore", "tests", "bin"} & {folder.name for folder in packages.iterdir()}
    carried = {file.suffix for file in packages.rglob("*") if file.is_file() and ".so" not in file.suffixes}
    assert carried <= {".py", ".pyc", ".sql", ".pem", ".js", ".css", ".json", ""}
    assert {file.name for file in packages.glob("*.dist-info/*")} == {"METADATA"}
    assert sum(file.stat().st_size for file in packages.rglob("*")) < 50e6
