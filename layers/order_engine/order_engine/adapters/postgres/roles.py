"""The functions' roles in Postgres: their connection limits and timeouts.

Migration 0005 creates the roles and grants them access to tables. The settings made here depend on the deployment's
parameters, so `migrate` applies them in every run, even if there is no new migration.
"""

from dataclasses import dataclass
from math import ceil

import psycopg
from psycopg import sql

from order_engine.adapters.postgres.migrate import LOCK

FRONT_DOOR = "order_engine_front_door"
EXECUTION = "order_engine_execution"
MAINTENANCE = "order_engine_maintenance"

# Kept free: 5 are reserved by Postgres and RDS; the others are for the migration, for operators, and for logins, which
# hold a connection before Postgres counts it for their role. RDS Proxy leaves as many (infrastructure/database.yaml).
_FREE_PERCENT = 15
_FREE_AT_LEAST = 15
_FRONT_DOOR_AT_LEAST = 10
_MAINTENANCE_CONNECTIONS = 8  # 2 for dead_letter, 1 for sweeper, 2 for trigger, and some for the previous version

# Shorter than the functions' `time_limit` (see database.py), so that a client still receives the error of an aborted
# statement and knows that nothing was stored. It also limits how long a statement outlives its client.
_STATEMENT_SECONDS = {FRONT_DOOR: 2, EXECUTION: 4, MAINTENANCE: 9}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSettings:
    """The template's parameters that determine the roles' settings."""

    max_connections: int
    execution_concurrency: int
    idle_session_seconds: int
    """Postgres closes a session that has been idle for this time; 0: never."""
    password: str
    """The password of every role; empty if they log in with IAM tokens."""


def connection_limits(max_connections: int, execution_concurrency: int) -> dict[str, int]:
    """How many of the server's connections each role may hold. Raises ValueError if front doors get too few."""
    free = max(_FREE_AT_LEAST, ceil(max_connections * _FREE_PERCENT / 100))
    # Twice: after a deployment, frozen environments of the previous version keep theirs until the idle timeout.
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

    `password` is the owner's, if it is not in the URL. Raises psycopg.Error, and ValueError if there are too few
    connections; nothing has changed then.
    """
    with psycopg.connect(url, password=password) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        # A changed DatabaseMaxConnections takes effect when the server restarts; until then, use the smaller value.
        row = connection.execute("SELECT current_setting('max_connections')::int").fetchone()
        assert row
        limits = connection_limits(min(settings.max_connections, row[0]), settings.execution_concurrency)
        for role, limit in limits.items():
            _alter(connection, role, sql.SQL("CONNECTION LIMIT {}").format(limit))
            for name, seconds in {
                "statement_timeout": _STATEMENT_SECONDS[role],
                "client_connection_check_interval": 1,  # aborts a statement when its client has disconnected
                "idle_session_timeout": settings.idle_session_seconds,
            }.items():
                _alter(connection, role, sql.SQL("SET {} = {}").format(sql.Identifier(name), f"{seconds}s"))
            if settings.password:
                _alter(connection, role, sql.SQL("PASSWORD {}").format(_verifier(connection, role, settings.password)))
    return limits


def _alter(connection: psycopg.Connection, role: str, change: sql.Composed) -> None:
    connection.execute(sql.SQL("ALTER ROLE {} ").format(sql.Identifier(role)) + change)


def _verifier(connection: psycopg.Connection, role: str, password: str) -> str:
    """The hash that Postgres stores of a password. Computed here, so that no statement or log contains the password."""
    return connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
