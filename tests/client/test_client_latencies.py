"""Percentiles, the histogram, and options in any place."""

from order_client.cli.group import shared_first
from order_client.cli.latencies import histogram, percentile


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(number) for number in range(1, 11)]
    assert [percentile(values, percent) for percent in (1, 50, 90, 95, 100)] == [1, 5, 9, 10, 10]
    assert percentile([7.0], 50) == 7


def test_the_histogram_covers_what_occurred() -> None:
    lines = list(histogram([0.0012, 0.0015, 0.011, 3.0]))
    assert lines[0].split() == ["1", "ms", "-", "2", "ms", "2", "#" * 40]
    assert lines[-1].split() == ["2", "s", "-", "5", "s", "1", "#" * 20]
    assert len(lines) == 11
    assert list(histogram([])) == []


def test_shared_options_may_stand_anywhere() -> None:
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
