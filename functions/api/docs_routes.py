"""The API's description, for programs and for people. Its modules are loaded when it is asked for, not at the start."""

from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from exchange import answer
from order_engine.contracts.json_text import dump

router = APIGatewayHttpRouter()


@router.get("/openapi.json")
def openapi() -> Response[str]:
    """OpenAPI 3.1."""
    return answer(_description())


@router.get("/docs")
def docs() -> Response[str]:
    """Swagger UI, as Powertools carries it."""
    from aws_lambda_powertools.event_handler.openapi import swagger_ui  # noqa: PLC0415

    assets = Path(swagger_ui.__file__).parent
    page = swagger_ui.generate_swagger_html(
        spec=dump(_description()).replace("</", "<\\/"),  # nothing in it may end the page's script
        swagger_js=(assets / "swagger-ui-bundle.min.js").read_text(),
        swagger_css=(assets / "swagger-ui.min.css").read_text(),
        swagger_base_url="",
        oauth2_config=None,
        persist_authorization=True,
    )
    return Response(200, "text/html; charset=utf-8", page)


def _description() -> dict[str, Any]:
    from order_engine.contracts.openapi import openapi_document  # noqa: PLC0415

    return openapi_document()
