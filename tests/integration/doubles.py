"""Test doubles of venues, chains and AWS services."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from order_engine.domain.errors import VenueUnavailable
from order_engine.domain.orders import Order
from order_engine.domain.routes import Quote, Swap
from order_engine.domain.transactions import InFlight, Transaction, TransactionStatus
from order_engine.domain.triggers import Pair

OWNER_PASSWORD = "the owner's pass: word"


class HangingVenue:
    """A venue that never responds."""

    name = "meteora"

    async def quote(self, swap: Swap) -> Quote:
        await asyncio.Event().wait()
        raise AssertionError

    async def price(self, pair: Pair) -> Decimal:
        await asyncio.Event().wait()
        raise AssertionError

    async def build(self, order: Order, quote: Quote, min_amount_out: Decimal, valid_until: datetime) -> Transaction:
        raise AssertionError


class FaultyVenue(HangingVenue):
    """A venue whose SDK raises an unexpected exception."""

    async def quote(self, swap: Swap) -> Quote:
        raise ZeroDivisionError


class UnavailableVenue(HangingVenue):
    """A venue that responds with an error."""

    async def quote(self, swap: Swap) -> Quote:
        raise VenueUnavailable("meteora is unavailable.")


class UnavailableChain:
    """A chain that does not respond."""

    async def send(self, transactions: Sequence[Transaction]) -> None:
        raise VenueUnavailable("no response")

    async def statuses(self, transactions: Sequence[Transaction]) -> Any:
        raise VenueUnavailable("no response")


class ScriptedChain:
    """A chain that returns the given statuses, by order id, and records its calls. Anything else is in flight."""

    def __init__(self, **statuses: TransactionStatus) -> None:
        self.known = statuses
        self.sent: list[list[str]] = []
        self.queried: list[list[str]] = []

    async def send(self, transactions: Sequence[Transaction]) -> None:
        self.sent.append([transaction.order_id for transaction in transactions])

    async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
        self.queried.append([transaction.order_id for transaction in transactions])
        return [self.known.get(transaction.order_id, InFlight.IN_FLIGHT) for transaction in transactions]


@dataclass
class FakeAws:
    """Secrets Manager, Lambda and CloudFormation's response bucket, as the schema function uses them."""

    outcome: Any
    """The response of the migrate function."""
    failed: bool = False
    url: str = ""
    invocations: list[Any] = field(default_factory=list)
    responses: list[dict[str, Any]] = field(default_factory=list)
    """What CloudFormation received."""


@contextmanager
def fake_aws(outcome: Any, *, failed: bool = False) -> Iterator[FakeAws]:
    """Serve all three on one port. `failed`: the migrate function raises an exception, and `outcome` describes it."""
    state = FakeAws(outcome, failed)

    class Handler(BaseHTTPRequestHandler):
        def body(self) -> Any:
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

        def do_POST(self) -> None:
            if self.headers.get("X-Amz-Target") == "secretsmanager.GetSecretValue":
                assert self.body() == {"SecretId": "owner-secret"}
                self.reply({"SecretString": json.dumps({"username": "orders_owner", "password": OWNER_PASSWORD})})
            else:
                assert self.path == "/2015-03-31/functions/migrate-function/invocations"
                state.invocations.append(self.body())
                self.reply(state.outcome, **({"X-Amz-Function-Error": "Unhandled"} if state.failed else {}))

        def do_PUT(self) -> None:
            state.responses.append(self.body())
            self.reply({})

        def reply(self, document: Any, **headers: str) -> None:
            text = json.dumps(document).encode()
            self.send_response(200)
            for name, value in {"Content-Length": str(len(text)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()
