"""`orders-admin load` on a running local cloud."""

from testing.polling import eventually
from tests.e2e.cli.conftest import CommandLine


def test_load(admin: CommandLine) -> None:
    result = admin.json("load", "20", "--in-flight", "8", "--slippage-bps", "5000")
    assert result["outcomes"] == {"confirmed": 20}
    assert 0 < result["acceptedMs"]["p50"] <= result["acceptedMs"]["max"] <= result["confirmedMs"]["max"]
    text = admin("load", "3", "--slippage-bps", "5000").stdout
    assert "confirmed 3" in text
    assert "###" in text


def test_load_counts_failures(admin: CommandLine) -> None:
    refused = admin.json("load", "2", "--amount", "-1", exits=1)
    assert (refused["outcomes"], refused["errors"]) == ({"refused": 2}, {"validation_failed": 2})
    failed = admin.json("load", "2", "--token-in", "BONK", "--token-out", "SOL", "--amount", "0.00001", exits=1)
    assert failed["outcomes"] == {"failed": 2}
    assert sum(failed["errors"].values()) == 2
    slow = ("load", "200", "--in-flight", "2", "--timeout", "0.3", "--slippage-bps", "5000")
    unsettled = admin.json(*slow, exits=1)["outcomes"]
    assert sum(unsettled.values()) == 200
    assert unsettled["unsettled"] > 0


def test_load_is_interrupted_cleanly(orders: CommandLine, admin: CommandLine) -> None:
    known = len(orders.json("list", "--all"))
    with admin.running("load", "100000", "--in-flight", "4") as load:
        eventually(lambda: len(orders.json("list", "--limit", str(known + 1))) > known, "the load has placed an order")
        assert "Traceback" not in admin.interrupt(load)
