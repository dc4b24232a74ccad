"""Subscribe to one order, or to all of an account's orders."""

from uuid import UUID

from order_engine.domain.errors import OrderNotFound
from order_engine.domain.orders import History
from order_engine.domain.topics import account_topic, order_topic
from order_engine.use_cases.ports import Connections, Orders


async def subscribe_to_order(
    connection_id: str, account: str, order_id: UUID, connections: Connections, orders: Orders
) -> History:
    """Subscribe first and read second, so that no event is missed in between; returns the order and its events.

    Raises OrderNotFound (unknown, or another account's), DatabaseUnavailable and ConnectionsUnavailable.
    """
    topic = order_topic(account, order_id)
    connections.add(topic, connection_id)
    history = await orders.get(account, order_id)
    if history is None:
        connections.remove(topic, connection_id)
        raise OrderNotFound()
    return history


def subscribe_to_account(connection_id: str, account: str, connections: Connections) -> None:
    """Subscribe to every order of the account from now on."""
    connections.add(account_topic(account), connection_id)


def unsubscribe(connection_id: str, account: str, order_id: UUID | None, connections: Connections) -> None:
    """Unsubscribe from one order or, without an order id, from the account."""
    connections.remove(order_topic(account, order_id) if order_id else account_topic(account), connection_id)
