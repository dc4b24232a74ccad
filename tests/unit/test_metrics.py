"""Metrics in CloudWatch's embedded metric format on standard output."""

import json
import sys
from decimal import Decimal
from typing import Any

import pytest

from order_engine.domain.errors import VenueUnavailable
from order_engine.domain.routes import Quote, Swap, choose
from order_engine.domain.tokens import TOKENS
from order_engine.observability.metrics import (
    ATTEMPTS,
    ORDERS_CONFIRMED,
    ORDERS_FAILED,
    TIME_TO_CONFIRM,
    Metrics,
    measured,
    metrics,
)
from order_engine.observability.orders import routing_gain_bps


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "worker")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "OrderEngine/test")


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_invocation_writes_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    collected = Metrics()
    for milliseconds in (3000, 3500):
        collected.add(ORDERS_CONFIRMED)
        collected.add(TIME_TO_CONFIRM, milliseconds)
    collected.flush()
    collected.flush()
    (document,) = written(capsys)
    assert document["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "OrderEngine/test",
            "Dimensions": [["service"]],
            "Metrics": [
                {"Name": "OrdersConfirmed", "Unit": "Count"},
                {"Name": "TimeToConfirm", "Unit": "Milliseconds"},
            ],
        }
    ]
    assert document["service"] == "worker"
    assert (document["OrdersConfirmed"], document["TimeToConfirm"]) == ([1, 1], [3000, 3500])


def test_failures_are_counted_in_total_and_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    collected = Metrics()
    collected.add(ATTEMPTS, 3)
    for reason in ("no_quote", "slippage_exceeded", "no_quote"):
        collected.add(ORDERS_FAILED, of=reason)
    collected.flush()
    plain, *by_reason = written(capsys)
    assert plain["Attempts"] == [3]
    assert "OrdersFailed" not in plain
    assert [(document["reason"], document["OrdersFailed"]) for document in by_reason] == [
        ("no_quote", [1, 1]),
        ("slippage_exceeded", [1]),
    ]
    for document in by_reason:
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert directive["Dimensions"] == [["service"], ["service", "reason"]]


def test_no_document_has_more_values_than_cloudwatch_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    collected = Metrics()
    for milliseconds in range(250):
        collected.add(TIME_TO_CONFIRM, milliseconds)
    collected.add(ORDERS_CONFIRMED)
    collected.flush()
    documents = written(capsys)
    assert [len(document["TimeToConfirm"]) for document in documents] == [100, 100, 50]
    assert [value for document in documents for value in document["TimeToConfirm"]] == list(range(250))
    assert [document.get("OrdersConfirmed") for document in documents] == [[1], None, None]


def test_a_failing_handler_writes_its_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.flush()  # discard what other tests counted in this process
    capsys.readouterr()

    @measured
    def handler(event: dict[str, Any]) -> None:
        metrics.add(ORDERS_CONFIRMED)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        handler({})
    assert written(capsys)[0]["OrdersConfirmed"] == [1]


def test_the_routing_gain_is_measured_against_the_worst_quote() -> None:
    swap = Swap(TOKENS["SOL"], TOKENS["USDC"], Decimal(1))
    quotes = [Quote(amount, swap, Decimal(amount), Decimal(0), Decimal(0)) for amount in ("101", "100.5", "100")]
    errors = {"unavailable": VenueUnavailable()}
    assert routing_gain_bps(choose(quotes, errors)) == pytest.approx(100)
    assert routing_gain_bps(choose(quotes[:1], errors)) is None


def test_a_document_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several environments write to the same log, where the parts of a document would be interleaved."""
    writes: list[str] = []
    monkeypatch.setattr(sys.stdout, "write", writes.append)
    collected = Metrics()
    collected.add(ORDERS_CONFIRMED)
    collected.flush()
    (text,) = writes
    assert text.endswith("}\n")
