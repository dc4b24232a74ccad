"""Placing, reading, replacing and cancelling orders."""

from datetime import datetime, timedelta

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from composition import dependencies
from http_io import LARGEST_BATCH_BODY, account_of, answer, json_body
from order_engine.contracts import cursors
from order_engine.contracts.documents import (
    accepted_document,
    cancel_after_document,
    cancelled_document,
    history_document,
    order_document,
    page_document,
)
from order_engine.contracts.problems import problem_document
from order_engine.contracts.requests import (
    CancelAfter,
    CancelOrders,
    ListOrders,
    OrderPath,
    PlaceOrder,
    PlaceOrders,
    ReplaceOrder,
)
from order_engine.domain.errors import EngineError, FieldError, InvalidRequest, OrderNotFound
from order_engine.domain.lifecycle import OPEN
from order_engine.domain.orders import NewOrder
from order_engine.runtime import run
from order_engine.use_cases.submit import Submission

_TIME_LIMIT = timedelta(seconds=6)  # leaves time to publish and to answer

router = APIGatewayHttpRouter()


@router.post("/api/orders/execute")
def place_order() -> Response[str]:
    """202 for a new order; 200 with the identical document for a repeat with the same key."""
    event = router.current_event
    account = account_of(event)
    new = PlaceOrder.of(json_body(event)).new_order(account, event.headers.get("idempotency-key"))
    submission = run(dependencies().submitter.submit(new))
    document = accepted_document(submission.placement)
    location = f"/api/orders/{submission.order.id}"
    if submission.replayed:
        return answer(document, 200, location=location, idempotent_replayed="true")
    return answer(document, 202, location=location)


@router.post("/api/orders/batch")
def place_orders() -> Response[str]:
    """A result for each order of the batch, in order: the order as accepted, or a problem."""
    account = account_of(router.current_event)
    if "idempotency-key" in router.current_event.headers:
        raise InvalidRequest([FieldError("Idempotency-Key", "is not for batches: give each order a clientOrderId")])
    bodies = PlaceOrders.of(json_body(router.current_event, LARGEST_BATCH_BODY)).orders
    requested = [_requested(body, account) for body in bodies]
    sound = [new for new in requested if isinstance(new, NewOrder)]
    submitted = iter(run(dependencies().submitter.submit_all(sound)) if sound else ())
    results = [next(submitted) if isinstance(new, NewOrder) else new for new in requested]
    return answer({"results": [_result_document(result) for result in results]})


@router.get("/api/orders/<order_id>")
def get_order(order_id: str) -> Response[str]:
    """One order with its events."""
    account = account_of(router.current_event)
    path = OrderPath.of({"orderId": order_id})
    history = run(dependencies().orders.get(account, path.order_id))
    if history is None:
        raise OrderNotFound()
    return answer(history_document(history))


@router.patch("/api/orders/<order_id>")
def replace_order(order_id: str) -> Response[str]:
    """The resting order with its new terms."""
    account = account_of(router.current_event)
    path = OrderPath.of({"orderId": order_id})
    wanted = ReplaceOrder.of(json_body(router.current_event)).replacement()
    return answer(order_document(run(dependencies().replacer.replace(account, path.order_id, wanted, _TIME_LIMIT))))


@router.delete("/api/orders/<order_id>")
def cancel_order(order_id: str) -> Response[str]:
    """The cancelled order, also if it had been cancelled before."""
    account = account_of(router.current_event)
    path = OrderPath.of({"orderId": order_id})
    return answer(order_document(run(dependencies().canceller.cancel(account, path.order_id))))


@router.delete("/api/orders")
def cancel_orders() -> Response[str]:
    """Which open orders were cancelled, and which were not."""
    account = account_of(router.current_event)
    if router.current_event.body:
        raise InvalidRequest([FieldError("", "must be empty: the query selects orders, as in ?status=resting")])
    query = CancelOrders.of(router.current_event.query_string_parameters)
    statuses = {query.status} if query.status else OPEN
    pair = (query.token_in, query.token_out)
    cancelling = dependencies().canceller.cancel_all(account, _TIME_LIMIT, statuses=statuses, pair=pair)
    return answer(cancelled_document(run(cancelling)))


@router.post("/api/orders/cancel-after")
def cancel_after() -> Response[str]:
    """When all open orders will be cancelled, unless this is repeated earlier."""
    account = account_of(router.current_event)
    seconds = CancelAfter.of(json_body(router.current_event)).seconds
    if seconds == 0:
        run(dependencies().triggers.clear_switch(account))
        return answer(cancel_after_document(None))

    async def set_switch() -> datetime:
        cancel_at = await dependencies().triggers.set_switch(account, timedelta(seconds=seconds))
        await dependencies().waker.wake()
        return cancel_at

    return answer(cancel_after_document(run(set_switch())))


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


def _requested(body: object, account: str) -> NewOrder | EngineError:
    try:
        return PlaceOrder.of(body).new_order(account)
    except EngineError as error:
        return error


def _result_document(result: Submission | EngineError) -> dict[str, object]:
    if isinstance(result, EngineError):
        return {"problem": problem_document(result)}
    return {"order": accepted_document(result.placement), "replayed": result.replayed}
