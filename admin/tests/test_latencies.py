"""Percentiles and the histogram."""

from order_admin.latencies import histogram, percentile


def test_percentiles_are_measured_values() -> None:
    values = [float(number) for number in range(1, 11)]
    assert [percentile(values, percent) for percent in (1, 50, 90, 95, 100)] == [1, 5, 9, 10, 10]
    assert percentile([7.0], 50) == 7


def test_the_histogram_covers_all_values() -> None:
    lines = list(histogram([0.0012, 0.0015, 0.011, 3.0]))
    assert lines[0].split() == ["1", "ms", "-", "2", "ms", "2", "#" * 40]
    assert lines[-1].split() == ["2", "s", "-", "5", "s", "1", "#" * 20]
    assert len(lines) == 11
    assert list(histogram([])) == []
