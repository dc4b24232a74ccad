"""Placing and reading orders."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from composition import dependencies
from http_io import account_of, answer, json_body
from order_engine.contracts import cursors
from order_engine.contracts.documents import accepted_document, history_document, page_document
from order_engine.contracts.requests import ListOrders, OrderPath, PlaceOrder
from order_engine.domain.errors import OrderNotFound
from order_engine.runtime import run

router = APIGatewayHttpRouter()


@router.post("/api/orders/execute")
def place_order() -> Response[str]:
    """202 for a new order; 200 with the identical document for a repeat with the same key."""
    event = router.current_event
    account = account_of(event)
    new = PlaceOrder.of(json_body(event)).new_order(account, event.headers.get("idempotency-key"))
    submission = run(dependencies().submitter.submit(new))
    document = accepted_document(submission.order)
    location = f"/api/orders/{submission.order.id}"
    if submission.replayed:
        return answer(document, 200, location=location, idempotent_replayed="true")
    return answer(document, 202, location=location)


@router.get("/api/orders/<order_id>")
def get_order(order_id: str) -> Response[str]:
    """One order with its events."""
    account = account_of(router.current_event)
    path = OrderPath.of({"orderId": order_id})
    history = run(dependencies().orders.get(account, path.order_id))
    if history is None:
        raise OrderNotFound()
    return answer(history_document(history))


@router.get("/api/orders")
def list_orders() -> Response[str]:
    """A page of orders, newest first."""
    account = account_of(router.current_event)
    query = ListOrders.of(router.current_event.query_string_parameters)
    before = cursors.decode(query.cursor, account, query.status) if query.cursor is not None else None
    # One more than requested, to find out whether there is a next page.
    orders = run(dependencies().orders.page(account, query.status, before, query.limit + 1))
    page = orders[: query.limit]
    next_cursor = cursors.encode(page[-1].id, account, query.status) if len(orders) > len(page) else None
    return answer(page_document(page, next_cursor))
