"""api.http: for the REST client of VS Code and the HTTP client of JetBrains."""

from collections.abc import Sequence
from urllib.parse import urlencode

from docs.generate.calls import Call

_HEAD = """\
# Made from the OpenAPI document by `python -m docs.generate`. Opens in VS Code (REST Client) and in JetBrains' editors.
# The key is in .local/dev-key while the local cloud runs. An orderId is in the answer to an order.

@url = http://127.0.0.1:3000
@key = paste-your-key
"""


def rest_client_file(calls: Sequence[Call]) -> str:
    """One request after the other."""
    variables = dict.fromkeys(name for call in calls for name in call.gives)
    return "\n".join([_HEAD + "".join(f"@{name} = paste-an-{name}\n" for name in variables), *map(_request, calls)])


def _request(call: Call) -> str:
    path = call.path.replace("{", "{{").replace("}", "}}")
    query = f"?{urlencode(call.query)}" if call.query else ""
    lines = [f"### {call.summary} ({call.status})", f"# @name {call.name}", f"{call.method} {{{{url}}}}{path}{query}"]
    if call.private:
        lines.append("Authorization: Bearer {{key}}")
    if call.body is not None:
        lines += ["Content-Type: application/json", "", call.body]
    return "\n".join([*lines, ""])
