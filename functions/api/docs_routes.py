"""The API's description, for programs and for people."""

import json
from pathlib import Path

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi import swagger_ui
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from exchange import answer
from order_engine.contracts.openapi import openapi_document

router = APIGatewayHttpRouter()


@router.get("/openapi.json")
def openapi() -> Response[str]:
    """OpenAPI 3.1."""
    return answer(openapi_document())


@router.get("/docs")
def docs() -> Response[str]:
    """Swagger UI, as Powertools carries it."""
    assets = Path(swagger_ui.__file__).parent
    page = swagger_ui.generate_swagger_html(
        spec=json.dumps(openapi_document()).replace("</", "<\\/"),  # nothing in it may end the page's script
        swagger_js=(assets / "swagger-ui-bundle.min.js").read_text(),
        swagger_css=(assets / "swagger-ui.min.css").read_text(),
        swagger_base_url="",
        oauth2_config=None,
        persist_authorization=True,
    )
    return Response(200, "text/html; charset=utf-8", page)
