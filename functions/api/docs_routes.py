"""The API's description: OpenAPI and Swagger UI. Built on the first request, or before a snapshot."""

import gzip
from functools import cache
from pathlib import Path

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from snapshot_restore_py import register_before_snapshot

from order_engine.contracts.caching import CACHE_CONTROL, entity_tag, is_known
from order_engine.contracts.json_text import dump

router = APIGatewayHttpRouter()


@router.get("/openapi.json")
def openapi() -> Response[str]:
    """OpenAPI 3.1."""
    description = _description()
    headers = {"Cache-Control": CACHE_CONTROL, "ETag": entity_tag(description)}
    if _is_known(headers["ETag"]):
        return Response(304, headers=headers)
    return Response(200, "application/json", description, headers)


@router.get("/docs")
def docs() -> Response[bytes]:
    """Swagger UI, as bundled with Powertools; always compressed, which every browser accepts."""
    tag, page = _page()
    headers = {"Cache-Control": CACHE_CONTROL, "ETag": tag}
    if _is_known(tag):
        return Response(304, headers=headers)
    return Response(200, "text/html; charset=utf-8", page, {**headers, "Content-Encoding": "gzip"})


def _is_known(tag: str) -> bool:
    return is_known(router.current_event.headers.get("if-none-match"), tag)


@cache
def _page() -> tuple[str, bytes]:
    """The page's tag, and the compressed page: a quarter of its original 1.7 MB."""
    from aws_lambda_powertools.event_handler.openapi import swagger_ui  # noqa: PLC0415

    assets = Path(swagger_ui.__file__).parent
    page = swagger_ui.generate_swagger_html(
        spec=_description().replace("</", "<\\/"),  # so that nothing in it closes the page's script element
        swagger_js=(assets / "swagger-ui-bundle.min.js").read_text(),
        swagger_css=(assets / "swagger-ui.min.css").read_text(),
        swagger_base_url="",
        oauth2_config=None,
        persist_authorization=True,
    )
    return entity_tag(page), gzip.compress(page.encode(), mtime=0)


register_before_snapshot(_page)


@cache
def _description() -> str:
    from order_engine.contracts.openapi import openapi_document  # noqa: PLC0415

    return dump(openapi_document())
