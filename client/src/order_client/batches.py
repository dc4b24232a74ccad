"""Places many orders with few calls. Those without a definite result are sent again with the same client order ids."""

from collections.abc import Mapping, Sequence
from typing import Any

from order_client.codec import decode
from order_client.errors import OrderEngineError, OutcomeUnknown, ProtocolError
from order_client.http import Http
from order_client.models import Order
from order_client.problems import error_in_result, outcome_unknown
from order_client.retries import WORTH_A_RETRY, Backoff

Result = Order | OrderEngineError
Body = Mapping[str, Any]

_LARGEST = 100  # the API's maximum batch size


async def place_all(http: Http, bodies: Sequence[Body], backoff: Backoff) -> tuple[Result, ...]:
    """For each order, in order, the order as it was accepted or why it was not placed.

    An order that may have been placed although no retry is left gets OutcomeUnknown. The orders that have not been sent
    by then are not sent, and get the error that ended the retries.
    """
    results: dict[int, Result] = {}
    unknown: dict[int, OutcomeUnknown] = {}
    left = [*range(len(bodies))]
    while left:
        batch, waiting = left[:_LARGEST], left[_LARGEST:]
        again: dict[int, OrderEngineError] = {}
        for index, result in zip(batch, await _place(http, [bodies[index] for index in batch]), strict=True):
            results[index] = result
            if isinstance(result, WORTH_A_RETRY):
                again[index] = result
                if may_be_placed := outcome_unknown(result, bodies[index]["clientOrderId"]):
                    unknown.setdefault(index, may_be_placed)
        left = [*again, *waiting]
        if len(again) < len(batch):
            backoff.reset()
        if again:
            try:
                await backoff.wait(next(iter(again.values())))
            except WORTH_A_RETRY as error:
                results |= dict.fromkeys(waiting, error) | {index: unknown.get(index, again[index]) for index in again}
                break
    return tuple(results[index] for index in range(len(bodies)))


async def _place(http: Http, bodies: Sequence[Body]) -> Sequence[Result]:
    """The results of one call; if it fails, each order gets its error."""
    try:
        answer = await http.attempt("POST", "/api/orders/batch", body={"orders": bodies})
        results = answer.get("results") if isinstance(answer, Mapping) else None
        if not isinstance(results, list) or len(results) != len(bodies):
            raise ProtocolError("The answer does not have a result for each order.")
        return [_result(document) for document in results]
    except OrderEngineError as error:
        return [error] * len(bodies)


def _result(document: Any) -> Result:
    result = document if isinstance(document, Mapping) else {}
    problem = result.get("problem")
    try:
        return error_in_result(problem) if isinstance(problem, Mapping) else decode(Order, result.get("order"))
    except ProtocolError as error:
        return error
