"""One connection per execution environment, and named statements from .sql files."""

import asyncio
import re
import select
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row

from order_engine.adapters.postgres.iam_token import login
from order_engine.domain.errors import DatabaseUnavailable, StatementRejected

Connection = psycopg.AsyncConnection[DictRow]
Parameters = Mapping[str, Any]

_CONNECT_SECONDS = 2
_IDLE_SECONDS = 30
_DEADLOCKS = 3  # retries of a statement that Postgres aborted as a deadlock victim
_OPTIONS: dict[str, Any] = {
    "autocommit": True,
    "connect_timeout": _CONNECT_SECONDS,
    # A host that vanished is detected within seconds, not after the kernel's 15 minutes.
    "tcp_user_timeout": 3_000,
    "application_name": "order-engine",
}


class Database:
    """A connection that is opened on first use, checked after it was idle, and replaced only between statements.

    Every method raises DatabaseUnavailable if Postgres cannot be reached, disconnects, or does not respond within
    `time_limit`; the error tells whether the statement may have run. Without a password in `url`, the function's IAM
    role is used to log in.
    """

    def __init__(self, url: str, time_limit: timedelta = timedelta(seconds=10)) -> None:
        self._url = url
        self._options = {**_OPTIONS, **_plans(url)}
        self._seconds = time_limit.total_seconds()
        self._connection: Connection | None = None
        self._used_at = 0.0
        self._lock = asyncio.Lock()

    async def fetch(
        self, statement: str, parameters: Parameters | None = None, *, prepare: bool = False
    ) -> list[DictRow]:
        """Run one named statement in its own transaction.

        `prepare` halves the cost in Postgres of statements that run for every order. Plans are cached, so there must be
        only one good plan. Also raises StatementRejected if Postgres does not accept a value.
        """
        async with self._lock:
            call = _Call(statement_named(statement), parameters, prepare)
            work = asyncio.create_task(self._run(call))
            try:
                done, _ = await asyncio.wait({work}, timeout=self._seconds)
            finally:
                if not work.done():
                    # The driver waits for a response to its cancel request, possibly forever, so it is left behind.
                    self._connection = None
                    work.cancel()
                    work.add_done_callback(lambda late: late.cancelled() or late.exception())
            if not done:
                raise DatabaseUnavailable(
                    f"The database did not answer within {self._seconds:g} s.", may_have_run=call.sent
                )
            return work.result()

    async def close(self) -> None:
        """Close the connection; the next use opens a new one."""
        if self._connection:
            await self._connection.close()
            self._connection = None

    async def _run(self, call: "_Call") -> list[DictRow]:
        try:
            connection = await self._connected()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise DatabaseUnavailable() from error
        try:
            call.sent = True
            return await _execute(connection, call)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            await connection.close()
            raise DatabaseUnavailable(may_have_run=_may_have_run(error)) from error
        except asyncio.CancelledError:  # abandoned by fetch
            await connection.close()
            raise
        except psycopg.Error as error:
            # Class 25: a server that became a standby accepts no writes. Reconnect, to find the new primary.
            if (error.sqlstate or "").startswith("25"):
                await connection.close()
                raise DatabaseUnavailable() from error
            raise StatementRejected() from error
        finally:
            self._used_at = time.monotonic()

    async def _connected(self) -> Connection:
        if self._connection is None or await self._is_stale(self._connection):
            options = {**self._options, **login(self._url)}
            self._connection = await psycopg.AsyncConnection.connect(self._url, row_factory=dict_row, **options)
        return self._connection

    async def _is_stale(self, connection: Connection) -> bool:
        if connection.broken or connection.closed:
            return True
        # If the server has closed the connection, the socket is readable (end of file). This takes no round trip.
        readable, _, _ = select.select([connection.fileno()], [], [], 0)
        if readable or time.monotonic() - self._used_at > _IDLE_SECONDS:
            try:
                await connection.execute("SELECT 1")
            except psycopg.Error:
                await connection.close()
                return True
        return False


def _plans(url: str) -> dict[str, Any]:
    """Connection options for planning. Nothing is prepared through RDS Proxy: that may pin a connection to its client.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
    """
    target = conninfo_to_dict(url)
    if ".proxy-" in str(target.get("host")):
        return {"prepare_threshold": None}
    # A plan cached while a table was small is still used once it has grown, so it must not scan sequentially.
    return {"options": f"-c enable_seqscan=off {target.get('options') or ''}"}


@dataclass(slots=True)
class _Call:
    statement: str
    parameters: Parameters | None
    prepare: bool
    sent: bool = False


async def _execute(connection: Connection, call: _Call) -> list[DictRow]:
    for _ in range(_DEADLOCKS):
        with suppress(psycopg.errors.DeadlockDetected):  # rolled back by Postgres, so that the other side can proceed
            return await _fetch(connection, call)
    return await _fetch(connection, call)


async def _fetch(connection: Connection, call: _Call) -> list[DictRow]:
    try:
        cursor = await connection.execute(call.statement, call.parameters, prepare=call.prepare)
    except psycopg.errors.FeatureNotSupported:
        # A migration changed the prepared statement's columns: run it unprepared this once, then on a new connection.
        cursor = await connection.execute(call.statement, call.parameters, prepare=False)
        rows = await _rows(cursor)
        await connection.close()
        return rows
    return await _rows(cursor)


async def _rows(cursor: psycopg.AsyncCursor[DictRow]) -> list[DictRow]:
    return await cursor.fetchall() if cursor.description else []


def _may_have_run(error: psycopg.Error) -> bool:
    """An error reported by the server means a rollback, unless the server was shutting down (class 57P)."""
    return error.sqlstate is None or error.sqlstate.startswith("57P")


@cache
def statement_named(name: str) -> str:
    """The statement under `-- name: …` in one of the .sql files; "orders.claim" is `claim` in orders.sql."""
    file, _, statement = name.partition(".")
    return _statements(file)[statement]


@cache
def _statements(file: str) -> dict[str, str]:
    return parse_statements(_sql_file(file).read_text())


def parse_statements(text: str) -> dict[str, str]:
    """Split a file at its `-- name: …` lines."""
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def _sql_file(name: str) -> Traversable:
    return files("order_engine.adapters.postgres") / "sql" / f"{name}.sql"
