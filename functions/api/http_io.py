"""Reading requests and writing responses."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from order_engine.contracts.json_text import dump, parse
from order_engine.domain.errors import BodyTooLarge, InvalidJson, Unauthenticated, UnsupportedMediaType

LARGEST_BATCH_BODY = 131_072
_LARGEST_BODY = 16_384


def account_of(event: APIGatewayProxyEventV2) -> str:
    """The account of the request, as determined by the authorizer. Raises Unauthenticated."""
    authorizer = event.request_context.authorizer
    account = authorizer.get_lambda.get("account") if authorizer and authorizer.get_lambda else None
    if not account:
        raise Unauthenticated()
    return str(account)


def json_body(event: APIGatewayProxyEventV2, largest: int = _LARGEST_BODY) -> Any:
    """The parsed body, of at most `largest` bytes. Raises UnsupportedMediaType, BodyTooLarge, InvalidJson."""
    media_type = event.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType()
    too_large = BodyTooLarge(f"The body is larger than {largest // 1024} kB.")
    if len(event.body or "") > largest * 2:
        raise too_large
    try:
        text = event.decoded_body or ""
    except ValueError as error:
        raise InvalidJson("The body is not UTF-8 text.") from error
    if len(text.encode()) > largest:
        raise too_large
    return parse(text)


def answer(document: Any, status: int = 200, **headers: str) -> Response[str]:
    """A JSON response that must not be cached. Header names are passed in snake_case."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Response(status, "application/json", dump(document), {"Cache-Control": "no-store", **named})
