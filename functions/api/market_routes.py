"""Quotes, tokens and health checks."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from composition import dependencies
from http_io import account_of, answer
from order_engine.contracts.documents import quotes_document, tokens_document
from order_engine.contracts.requests import Trade
from order_engine.runtime import run
from order_engine.use_cases.quote import quote

router = APIGatewayHttpRouter()


@router.get("/api/quotes")
def get_quotes() -> Response[str]:
    """Every venue's quote and the winner."""
    account_of(router.current_event)
    swap = Trade.of(router.current_event.query_string_parameters).swap()
    return answer(quotes_document(run(quote(swap, dependencies().venues, dependencies().venue_timeout))))


@router.get("/api/tokens")
def list_tokens() -> Response[str]:
    """The tokens that can be traded."""
    return answer(tokens_document())


@router.get("/health")
def health() -> Response[str]:
    """200 if requests are answered. Public, so it does not use a database connection."""
    return answer({"status": "ok"})


@router.get("/health/ready")
def ready() -> Response[str]:
    """200 if orders can be accepted, 503 if not."""
    account_of(router.current_event)
    run(dependencies().orders.ping())
    return answer({"status": "ok"})
