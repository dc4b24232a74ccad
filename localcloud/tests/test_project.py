"""localcloud.toml: secrets, seeds, endpoints, and errors in it."""

import hashlib
from pathlib import Path

import pytest

from localcloud.errors import LocalCloudError
from localcloud.project import FILE_NAME, Project, fill_in, load_project
from running import Aws, RunningCloud


def test_a_secret_is_generated_and_kept_in_a_private_file(cloud: RunningCloud) -> None:
    file = cloud.directory / "example-key"
    assert file.read_text().startswith("example_")
    assert file.stat().st_mode & 0o077 == 0
    assert cloud.endpoints["exampleKey"] == file.read_text().strip()


def test_a_seed_is_stored_with_the_types_of_its_values(cloud: RunningCloud, aws: Aws) -> None:
    (item,) = aws("dynamodb").scan(TableName=cloud.endpoints["tables"]["KeysTable"])["Items"]
    assert item["keyHash"] == {"S": hashlib.sha256(cloud.endpoints["exampleKey"].encode()).hexdigest()}
    assert (item["uses"], item["disabled"]) == ({"N": "3"}, {"BOOL": False})


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert load_project(tmp_path) == Project()


@pytest.mark.parametrize("text", ["[postgres", "unknown = 1", "[postgres]\ndatabase = 'app'"])
def test_an_invalid_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(LocalCloudError, match=FILE_NAME):
        load_project(tmp_path)


def test_placeholders_are_replaced_everywhere() -> None:
    project = Project.model_validate(
        {"parameters": {"Url": "${aws.url}/x"}, "seeds": [{"table": "T", "item": {"a": "${aws.url}", "b": 1}}]}
    )
    filled = fill_in(project, {"aws.url": "http://aws"})
    assert filled.parameters == {"Url": "http://aws/x"}
    assert filled.seeds[0].item == {"a": "http://aws", "b": 1}


def test_an_unknown_placeholder_is_named() -> None:
    with pytest.raises(LocalCloudError, match=r"\$\{postgres.url\} is unknown"):
        fill_in(Project(parameters={"Url": "${postgres.url}"}), {"aws.url": "http://aws"})
