"""postman_collection.json: https://schema.getpostman.com/json/collection/v2.1.0/collection.json"""

from collections.abc import Mapping, Sequence
from typing import Any

from docs.generate.calls import Call

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def postman_collection(info: Mapping[str, Any], calls: Sequence[Call]) -> dict[str, Any]:
    """A collection whose requests check their status; an order's id goes from the answer into the next request."""
    kept = dict.fromkeys(name for call in calls for name in call.gives)
    return {
        "info": {
            "name": info["title"],
            "description": f"{info['description']} Made from the OpenAPI document by `python -m docs.generate`. Set the"
            " variable `key`: while the local cloud runs it is in .local/dev-key.",
            "schema": _SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{key}}", "type": "string"}]},
        "variable": [
            {"key": "url", "value": "http://127.0.0.1:3000"},
            {"key": "key", "value": ""},
            *({"key": name, "value": ""} for name in kept),
        ],
        "item": [_item(call) for call in calls],
    }


def _item(call: Call) -> dict[str, Any]:
    path = call.path.replace("{", "{{").replace("}", "}}")
    query = [{"key": name, "value": value} for name, value in call.query.items()]
    raw = "{{url}}" + path + ("?" + "&".join(f"{one['key']}={one['value']}" for one in query) if query else "")
    request: dict[str, Any] = {
        "method": call.method,
        "header": [],
        "url": {"raw": raw, "host": ["{{url}}"], "path": path.removeprefix("/").split("/"), "query": query},
    }
    if not call.private:
        request["auth"] = {"type": "noauth"}
    if call.body is not None:
        request["header"] = [{"key": "Content-Type", "value": "application/json"}]
        request["body"] = {"mode": "raw", "raw": call.body, "options": {"raw": {"language": "json"}}}
    script = [f'pm.test("{call.status}", () => pm.response.to.have.status({call.status}));']
    script += [
        f'pm.collectionVariables.set("{name}", pm.response.json().{field});' for name, field in call.gives.items()
    ]
    return {
        "name": call.summary,
        "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": script}}],
        "request": request,
    }
