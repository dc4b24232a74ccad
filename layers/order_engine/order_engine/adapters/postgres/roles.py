"""The functions' roles in Postgres: how many connections each may hold, and for how long.

Migration 0005 makes the roles and grants them their tables. What is set here follows from the deployment's parameters,
so `migrate` sets it at every run, also when no migration is new.
"""

from dataclasses import dataclass
from math import ceil

import psycopg
from psycopg import sql

from order_engine.adapters.postgres.migrate import LOCK

FRONT_DOOR = "order_engine_front_door"
EXECUTION = "order_engine_execution"
MAINTENANCE = "order_engine_maintenance"

# Kept free: Postgres and RDS reserve 5; the others are for the migration, for people, and for log-ins, which hold a
# connection before Postgres counts it as their role's. RDS Proxy leaves as many (infrastructure/database.yaml).
_FREE_PERCENT = 15
_FREE_AT_LEAST = 15
_FRONT_DOOR_AT_LEAST = 10
_MAINTENANCE_CONNECTIONS = 5  # dead_letter's 2, the sweeper's 1, and some of the version before

# Shorter than the functions' `time_limit` (see database.py): a client still hears that its statement was ended, and so
# knows that nothing was stored. And a statement whose client is gone does not go on for long.
_STATEMENT_SECONDS = {FRONT_DOOR: 2, EXECUTION: 4, MAINTENANCE: 9}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSettings:
    """What the roles' settings follow from: the template's parameters."""

    max_connections: int
    execution_concurrency: int
    idle_session_seconds: int
    """After so long without a statement Postgres ends a session; 0: never."""
    password: str
    """Of every role; empty where they log in with IAM tokens."""


def connection_limits(max_connections: int, execution_concurrency: int) -> dict[str, int]:
    """How many of the server's connections each role may hold. Raises ValueError if front doors get too few."""
    free = max(_FREE_AT_LEAST, ceil(max_connections * _FREE_PERCENT / 100))
    # Twice: after a deployment the frozen environments of the version before hold theirs until they have been idle.
    execution = 2 * execution_concurrency
    front_door = max_connections - free - execution - _MAINTENANCE_CONNECTIONS
    if front_door < _FRONT_DOOR_AT_LEAST:
        raise ValueError(
            f"DatabaseMaxConnections={max_connections} and WorkerConcurrency + ConfirmerConcurrency ="
            f" {execution_concurrency} leave {front_door} connections to the front doors, which need"
            f" {_FRONT_DOOR_AT_LEAST}: raise the first or lower the others."
        )
    return {FRONT_DOOR: front_door, EXECUTION: execution, MAINTENANCE: _MAINTENANCE_CONNECTIONS}


def configure_roles(url: str, password: str | None, settings: RoleSettings) -> dict[str, int]:
    """Set the roles' limits, timeouts and password as the owner of the database of `url`; returns their limits.

    `password` is the owner's, if the URL does not have it. Raises psycopg.Error, and ValueError if the numbers do not
    add up; then nothing has changed.
    """
    with psycopg.connect(url, password=password) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        # A changed DatabaseMaxConnections takes effect when the server restarts: until then the smaller of both holds.
        row = connection.execute("SELECT current_setting('max_connections')::int").fetchone()
        assert row
        limits = connection_limits(min(settings.max_connections, row[0]), settings.execution_concurrency)
        for role, limit in limits.items():
            _alter(connection, role, sql.SQL("CONNECTION LIMIT {}").format(limit))
            for name, seconds in {
                "statement_timeout": _STATEMENT_SECONDS[role],
                "client_connection_check_interval": 1,  # a statement ends when its client is seen to be gone
                "idle_session_timeout": settings.idle_session_seconds,
            }.items():
                _alter(connection, role, sql.SQL("SET {} = {}").format(sql.Identifier(name), f"{seconds}s"))
            if settings.password:
                _alter(connection, role, sql.SQL("PASSWORD {}").format(_verifier(connection, role, settings.password)))
    return limits


def _alter(connection: psycopg.Connection, role: str, change: sql.Composed) -> None:
    connection.execute(sql.SQL("ALTER ROLE {} ").format(sql.Identifier(role)) + change)


def _verifier(connection: psycopg.Connection, role: str, password: str) -> str:
    """What Postgres stores of a password. Made here, so that the password is in no statement and so in no log."""
    return connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
