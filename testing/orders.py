"""Orders over the HTTP API of a running cloud. Responses are validated against the documented views."""

from typing import Any

import httpx

from order_engine.contracts.views import AcceptedView, HistoryView
from testing.polling import eventually

SOL = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1}
LIFE = ["pending", "routing", "building", "submitted", "confirmed"]


def place(http: httpx.Client, order: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    answer = http.post("/api/orders/execute", json=order or SOL, headers=headers)
    assert answer.status_code in (200, 202), answer.text
    AcceptedView.model_validate_json(answer.text)
    document: dict[str, Any] = answer.json()
    return document


def finished(http: httpx.Client, order_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        answer = http.get(f"/api/orders/{order_id}")
        HistoryView.model_validate_json(answer.text)
        document: dict[str, Any] = answer.json()
        return document if document["terminal"] else None

    return eventually(look, f"{order_id} is finished")
