"""The shared options of the command line."""

from order_client.cli.group import shared_first


def test_shared_options_may_be_in_any_position() -> None:
    assert shared_first(["list", "--json", "--limit", "3", "--key", "k"]) == [
        "--json",
        "--key",
        "k",
        "list",
        "--limit",
        "3",
    ]
    assert shared_first(["list", "--url=x", "--", "--json"]) == ["--url=x", "list", "--", "--json"]
    assert shared_first(["list", "--key"]) == ["--key", "list"]
