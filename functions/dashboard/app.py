"""The page at /, and its scripts and styles at /assets/. These routes are public."""

from typing import TYPE_CHECKING, Any

from composition import resources

if TYPE_CHECKING:  # avoids loading Powertools just for a type
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """HTTP API event (payload 2.0) → the page or one of its files, or 304 if the client has it."""
    resource = resources().get(event["rawPath"])
    if resource is None:
        return _not_found()
    if resource.is_known_to(event["headers"]):
        return {"statusCode": 304, "headers": resource.headers}
    return {"statusCode": 200, "headers": resource.headers, "body": resource.content}


def _not_found() -> dict[str, Any]:
    """The same answer as the api function's to an unknown route."""
    # Imported here, because loading the function would take a quarter longer and the page does not need it.
    from order_engine.contracts.json_text import dump  # noqa: PLC0415
    from order_engine.contracts.problems import CONTENT_TYPE, problem_document, status_of  # noqa: PLC0415
    from order_engine.domain.errors import RouteNotFound  # noqa: PLC0415

    error = RouteNotFound()
    headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
    return {"statusCode": int(status_of(error)), "headers": headers, "body": dump(problem_document(error))}
