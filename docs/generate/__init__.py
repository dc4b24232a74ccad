"""What in docs/ follows from the code: `python -m docs.generate` writes it, a test holds the files against it."""

import json
from pathlib import Path
from typing import Any

from docs.generate.calls import calls_of
from docs.generate.pages import with_generated_parts
from docs.generate.postman import postman_collection
from docs.generate.rest_client import rest_client_file
from order_engine.contracts.asyncapi import asyncapi_document
from order_engine.contracts.openapi import openapi_document

DOCS = Path(__file__).resolve().parents[1]


def generated() -> dict[Path, str]:
    """The files and their contents."""
    openapi = openapi_document()
    calls = calls_of(openapi)
    pages = {page: with_generated_parts(page.read_text()) for page in sorted(DOCS.glob("*.md"))}
    return {
        DOCS / "openapi.json": _json(openapi),
        DOCS / "asyncapi.json": _json(asyncapi_document()),
        DOCS / "api.http": rest_client_file(calls),
        DOCS / "postman_collection.json": _json(postman_collection(openapi["info"], calls)),
        **pages,
    }


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
