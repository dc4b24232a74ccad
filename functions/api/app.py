"""The HTTP API. Routes are in orders_routes, market_routes and docs_routes; errors are mapped to problem+json here."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

import docs_routes
import market_routes
import orders_routes
from order_engine.contracts.json_text import dump
from order_engine.contracts.problems import CONTENT_TYPE, problem_document, status_of
from order_engine.domain.errors import EngineError, OutcomeUnknown, RouteNotFound, Unauthenticated
from order_engine.observability import error_fields, logger
from order_engine.observability.metrics import measured

app = APIGatewayHttpResolver()
app.include_router(orders_routes.router)
app.include_router(market_routes.router)
app.include_router(docs_routes.router)


@measured
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """API Gateway HTTP API event (payload 2.0) → response."""
    return app.resolve(event, context)


@app.exception_handler(EngineError)  # type: ignore[untyped-decorator] # Powertools declares no return type
def _engine_error(error: EngineError) -> Response[str]:
    if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("request failed", extra=error_fields(error))
    return _problem(error)


@app.exception_handler(Exception)  # type: ignore[untyped-decorator] # Powertools declares no return type
def _unexpected(error: Exception) -> Response[str]:
    logger.exception("unexpected error")
    return _problem(EngineError("Something went wrong on our side."))


@app.not_found
def _not_found(_: NotFoundError) -> Response[str]:
    return _problem(RouteNotFound())


def _problem(error: EngineError) -> Response[str]:
    headers = {"Cache-Control": "no-store"}
    # Not for OutcomeUnknown: a retry without an idempotency key may place a second order.
    if status_of(error) is HTTPStatus.SERVICE_UNAVAILABLE and not isinstance(error, OutcomeUnknown):
        headers["Retry-After"] = "1"
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(int(status_of(error)), CONTENT_TYPE, dump(problem_document(error)), headers)
