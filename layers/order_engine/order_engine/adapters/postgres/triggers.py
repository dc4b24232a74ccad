"""Resting orders and dead man's switches, for the trigger."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.rows import order_of
from order_engine.contracts.facts import facts_document
from order_engine.domain.errors import Failure, OrderExpired
from order_engine.domain.facts import Facts
from order_engine.domain.orders import Order
from order_engine.domain.tokens import TOKENS
from order_engine.domain.triggers import Crossing, OrderType, Pair, Switches

_GRACE = timedelta(seconds=5)  # for which a trigger counts as running after its last sign of life


class TriggerStore:
    """Every method raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def resting(self) -> set[tuple[Pair, OrderType]]:
        """The pairs and types of all resting orders that this release can execute."""
        parameters = {"types": list(OrderType), "tokens": list(TOKENS)}
        rows = await self._database.fetch("triggers.resting", parameters)
        return {(Pair(row["token_in"], row["token_out"]), OrderType(row["type"])) for row in rows}

    async def activate(self, crossings: Collection[Crossing], *, watchdog: timedelta, limit: int) -> Sequence[Order]:
        """Make up to `limit` orders pending whose prices are reached. Each is due for the sweeper after `watchdog`."""
        document = json.dumps([_crossing_document(crossing) for crossing in crossings], default=str)
        parameters = {"crossings": document, "watchdog": watchdog, "limit": limit}
        return [order_of(row) for row in await self._database.fetch("triggers.activate", parameters)]

    async def expire(self, *, limit: int) -> Sequence[Order]:
        """Expire up to `limit` resting orders whose time is over."""
        details = facts_document(Facts(failure=Failure.of(OrderExpired("The order expired while it rested."))))
        parameters = {"details": json.dumps(details), "limit": limit}
        return [order_of(row) for row in await self._database.fetch("triggers.expire", parameters)]

    async def set_switch(self, account: str, after: timedelta) -> datetime:
        """Have the account's orders cancelled after this time, unless it sets its switch again; returns when.

        A switch whose time is over stays as it is until it has been applied: the returned time is in the past then.
        """
        (row,) = await self._database.fetch("triggers.set_switch", {"account": account, "after": after})
        cancel_at: datetime = row["cancel_at"]
        return cancel_at

    async def clear_switch(self, account: str) -> None:
        """Switch it off."""
        await self._database.fetch("triggers.clear_switch", {"account": account})

    async def wake(self) -> bool:
        """Whether the trigger is not running and the caller is to start it."""
        return bool(await self._database.fetch("triggers.wake", {"grace": _GRACE}))

    async def fall_asleep(self) -> None:
        """The trigger is about to end."""
        await self._database.fetch("triggers.fall_asleep")

    async def waiting(self) -> bool:
        """Whether any order rests or any switch is set."""
        (row,) = await self._database.fetch("triggers.waiting")
        return bool(row["waiting"])

    async def tick(self) -> Switches:
        """The trigger is running; returns the switches that are set."""
        (row,) = await self._database.fetch("triggers.tick", {"grace": _GRACE})
        return Switches(row["any"], tuple(row["over"]))

    async def end_switch(self, account: str) -> None:
        """The account's orders are cancelled."""
        await self._database.fetch("triggers.end_switch", {"account": account})


def _crossing_document(crossing: Crossing) -> dict[str, object]:
    return {
        "token_in": crossing.pair.token_in,
        "token_out": crossing.pair.token_out,
        "type": crossing.type,
        "lowest": crossing.lowest,
        "highest": crossing.highest,
        "details": facts_document(Facts(triggered_by=crossing.sample)),
    }
