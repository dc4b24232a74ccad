"""Hostile requests: no 5xx, no internal details in a response, nothing stored, and unchanged tables."""

import gzip
import json
import re
import socket
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from testing.cloud import Cloud
from tests.e2e.frames import Socket

pytestmark = pytest.mark.security

SOL = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1}
BODY = json.dumps(SOL)
PLACE = "/api/orders/execute"
JSON = {"Content-Type": "application/json"}

# What no response may contain: the engine's languages, libraries, tables and paths.
INSIDES = re.compile(
    r"Traceback|File \"|line \d+, in |\.py\b|site-packages|/layers/|/functions/|<class|object at 0x|Error\(|Exception"
    r"|psycopg|postgres|pydantic|powertools|boto|aiohttp|decimal\.|recursion|SELECT |INSERT |UPDATE |order_events"
    r"|order_engine|localhost",
    re.IGNORECASE,
)

TEXTS = {
    "SQL, quoted": "SOL'; DROP TABLE orders; --",
    "SQL, union": "' UNION ALL SELECT * FROM orders --",
    "SQL, sleep": "1;SELECT pg_sleep(30)--",
    "a parameter": "%(account)s",
    "CR and LF": "SOL\r\nX-Injected: yes",
    "NUL": "SOL\x00",
    "NUL alone": "\x00",
    "control characters": "\x01\x08\x1b[31m\x7f",
    "a path": "../../../../etc/passwd",
    "a script": "<script>alert(1)</script>",
    "a template": "{{7*7}}${jndi:ldap://x}%{1}",
    "Cyrillic letters": "\u0405\u041eL",
    "full-width letters": "\uff33\uff2f\uff2c",
    "a zero-width space": "SO\u200bL",
    "right to left": "\u202eLOS",
    "a combining accent": "SO\u0301L",
    "a lone surrogate": "\ud800",
    "an emoji": "\U0001f4b0",
    "a space": " SOL",
    "lower case": "sol",
    "10,000 characters": "S" * 10_000,
    "nothing": "",
}
AMOUNTS = {
    "full-width digits": "\uff11",
    "Arabic digits": "\u0661",
    "mathematical digits": "\U0001d7cf",
    "superscript": "1\u00b2",
    "a fraction": "\u00bd",
    "a Chinese one": "\u4e00",
    "a comma": "1,5",
    "an underscore": "1_000",
    "a space": " 1",
    "a line feed": "1\n",
    "a sign": "+1",
    "a minus sign that is not ASCII": "\u22121",
    "hexadecimal": "0x10",
    "an exponent": "1e3",
    "no digit before the point": ".5",
    "no digit after the point": "1.",
    "two points": "1.1.1",
    "Infinity": "Infinity",
    "sNaN": "sNaN123",
    "60 decimals": f"1.{'0' * 59}1",
    "15,000 digits": "9" * 15_000,
}
# JSON texts of numbers that Python would accept, round or fail on.
NUMBERS = {
    "10,000 digits": "9" * 10_000,
    "10,000 decimals": f"1.{'0' * 10_000}1",
    "70 decimals": f"1.{'0' * 69}1",
    "the smallest exponent": "1e-999999999999999999",
    "an exponent of minus a million": "1e-1000000",
    "an exponent beyond the limit": "1e99999999999999999999",
    "an exponent beyond the limit, negative": "-1e99999999999999999999",
    "the largest exponent": "1e999999999999999999",
    "zero, with an exponent": "0e999999999999999999",
    "negative zero": "-0",
    "a leading zero": "01",
    "hexadecimal": "0x1",
    "an array": "[1]",
    "an object": '{"$gt":0}',
    "true": "true",
    "null": "null",
}
BODIES: dict[str, tuple[str | bytes, int]] = {
    "open arrays": ("[" * 16_000, 422),
    "open objects": ('{"a":' * 3_000, 422),
    "closed arrays": ("[" * 8_000 + "]" * 8_000, 422),
    "nesting in a field": (BODY[:-1] + ',"a":' + "[" * 900 + "]" * 900 + "}", 422),
    "an amount twice": (BODY[:-1] + ',"amount":2}', 422),
    "a token twice": ('{"tokenIn":"USDC",' + BODY[1:], 422),
    "a name twice, once escaped": (BODY[:-1] + ',"\\u0061mount":2}', 422),
    "1,500 unknown fields": (BODY[:-1] + "".join(f',"{number}":1' for number in range(1_500)) + "}", 422),
    "internal attributes": (BODY[:-1] + ',"__class__":"x","__proto__":{},"model_config":1,"account":"demo"}', 422),
    "snake case": (BODY.replace("tokenIn", "token_in"), 422),
    "a field name of 10,000 characters": (BODY[:-1] + f',"{"x" * 10_000}":1}}', 422),
    "a field name with a lone surrogate": (BODY[:-1] + ',"\\ud800":1}', 422),
    "an order in an array": (f"[{BODY}]", 422),
    "an order in a string": (json.dumps(BODY), 422),
    "two orders": (BODY + BODY, 422),
    "a comment": (BODY + "//", 422),
    "single quotes": (BODY.replace('"', "'"), 422),
    "a trailing NUL": (BODY + "\x00", 422),
    "a byte order mark": ("\ufeff" + BODY, 422),
    "UTF-16": (BODY.encode("utf-16"), 422),
    "UTF-7": (BODY.replace('"', "+ACI-"), 422),
    "bytes that are not text": (b'{"tokenIn":"\xff\xfe"}', 422),
    "overlong UTF-8": (BODY.encode().replace(b"S", b"\xc1\x93"), 422),
    "surrogates in UTF-8": (b'{"\xed\xa0\x80":1}', 422),
    "16 kB and a byte": (BODY + " " * (16_385 - len(BODY)), 413),
    "a number of 10^5 digits": (BODY[:-2] + "9" * 100_000 + "}", 413),
    "1 MB": (BODY + " " * 1_000_000, 413),
    "8 MB": (BODY + " " * 8_000_000, 413),
}
MEDIA_TYPES = [
    "application/jsonp",
    "application/json-patch+json",
    "application/problem+json",
    "text/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json, text/plain",
    "text/plain; application/json",
    "application/json/x",
    "application",
    "*/*",
    ";",
    "json",
    '"application/json"',
    "application/json" * 200,
]
PATHS = [
    "/api/orders/../..",
    "/api/orders/..%2f..%2fetc%2fpasswd",
    "/api/orders/%2e%2e/%2e%2e",
    "/api/orders/..;/",
    "/api/orders/a%2Fb",
    "/api/orders/a%5Cb",
    "/api/orders/%00",
    "/api/orders/0190a0a0-0000-7000-8000-000000000000%00",
    "/api/orders/0190a0a0-0000-7000-8000-000000000000%0a",
    "/api/orders/0190a0a0-0000-7000-8000-000000000000%20",
    "/api/orders/%d9%a0190a0a0-0000-7000-8000-000000000000",
    "/api/orders/%0d%0aX-Injected:%20yes",
    "/api/orders/%ff%fe",
    "/api/orders/%F0%9F%92%B0",
    "/api/orders/%25%30%30",
    "/api/orders/%",
    "/api/orders/%zz",
    "/api/orders/'%20OR%20'1'='1",
    "/api/orders/1;SELECT%20pg_sleep(30)",
    "/api/orders/{orderId}",
    "/api/orders/*",
    "/api/orders/-1",
    "/api/orders/null",
    "/api/orders/execute",
    "/api/orders/status",
    "/api/orders/" + "a" * 7_000,
    "/api/orders" + "/a" * 3_000,
    "//api/orders",
    "/api//orders",
    "/api/orders/",
    "/./api/orders",
    "/API/ORDERS",
    "/api/orders;a=b",
    "/api/tokens%00",
    "/openapi.json%2f..",
    "/docs%0a",
    "/docs/../app.py",
    "/app.py",
    "/assets/",
    "/assets/../app.py",
    "/assets/..%2fapp.py",
    "/assets/%2e%2e%5capp.py",
    "/assets/index.html",
    "/assets/main.js%00",
    "/assets/main.js/",
    "/assets/web/main.js",
    "/.env",
    "/.git/config",
    "/_aws/websocket/live/@connections/x",
    "/@connections/x",
    "/2018-06-01/runtime/invocation/next",
    "/metrics",
    "/%5c%5cevil.example/",
    "/https://evil.example/",
]
QUERIES = [
    "status='%20OR%20'1'='1",
    "status=pending%00",
    "status=pending&status=failed",
    "status[]=pending",
    "status[$ne]=x",
    "limit=1;DROP%20TABLE%20orders",
    "limit=1&limit=2",
    "limit=-1",
    "limit=1_0",
    "limit=%205",
    "limit=%2B5",
    "limit=5.0",
    "limit=%EF%BC%95",
    "limit=%D9%A5",
    "limit=" + "9" * 6_000,
    "limit=1e2",
    "limit=0x10",
    "limit",
    "cursor=%00",
    "cursor=%FF%FE",
    "cursor=%0d%0aX-Injected:%20yes",
    "cursor=" + "A" * 6_000,
    "cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "cursor='%20OR%20'1'='1",
    "cursor=../../etc/passwd",
    "account=demo",
    "_method=DELETE",
    "%00=1",
    "%ff=1",
    "__proto__=1",
    "&".join(f"a{number}=1" for number in range(800)),
]
QUOTES = [
    "tokenIn=SOL&tokenIn=RAY&tokenOut=USDC&amount=1",
    "tokenIn=SOL'--&tokenOut=USDC&amount=1",
    "tokenIn=SOL%00&tokenOut=USDC&amount=1",
    "tokenIn=%EF%BC%B3OL&tokenOut=USDC&amount=1",
    "tokenIn=SOL&tokenOut=USDC&amount=%EF%BC%91",
    "tokenIn=SOL&tokenOut=USDC&amount=1&amount=2",
    "tokenIn=SOL&tokenOut=USDC&amount=1%0a",
    "tokenIn=SOL&tokenOut=USDC&amount=1e400",
    "tokenIn=SOL&tokenOut=USDC&amount=1." + "0" * 59 + "1",
    "tokenIn=SOL&tokenOut=USDC&amount=" + "9" * 6_000,
    "tokenIn=SOL&tokenOut=USDC&amount=Infinity",
]


def shortened(text: str) -> str:
    """The beginning of a parameter, as a test id."""
    return text[:60]


def tables(cloud: Cloud) -> list[tuple[Any, ...]]:
    """Every column of every table, and the number of orders."""
    with psycopg.connect(cloud.database_url) as connection:
        columns = connection.execute(
            "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3"
        ).fetchall()
        return [*columns, *connection.execute("SELECT count(*) FROM orders").fetchall()]


@pytest.fixture(scope="module")
def key(new_key: Callable[[], str]) -> str:
    return new_key()


@pytest.fixture(scope="module")
def http(cloud: Cloud, key: str) -> Iterator[httpx.Client]:
    """A client with a valid key."""
    with httpx.Client(base_url=cloud.http_url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        yield client


@pytest.fixture
def database_unchanged(cloud: Cloud) -> Iterator[None]:
    """Checks that the test has stored no order and changed no table."""
    before = tables(cloud)
    yield
    assert tables(cloud) == before


def assert_leaks_nothing(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    assert not (found := INSIDES.search(answer.text)), (found, answer.text[:500])
    assert "X-Injected" not in answer.headers
    assert len(answer.content) < 32_000


def assert_rejected(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text[:500]
    assert_leaks_nothing(answer)


def post(http: httpx.Client, content: str | bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.post(PLACE, content=content, headers={**JSON, **named})


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_text_is_rejected_in_every_field(http: httpx.Client, text: str) -> None:
    for field in ("tokenIn", "tokenOut", "amount", "slippageBps"):
        assert_rejected(post(http, json.dumps({**SOL, field: text})), 422)
    if not re.fullmatch(r"[!-~]{1,128}", text):
        assert_rejected(post(http, json.dumps({**SOL, "clientOrderId": text})), 422)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("amount", AMOUNTS.values(), ids=AMOUNTS)
def test_amounts_must_be_plain_digits(http: httpx.Client, amount: str) -> None:
    assert_rejected(post(http, json.dumps({**SOL, "amount": amount})), 422)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_hostile_numbers_are_rejected(http: httpx.Client, number: str) -> None:
    assert_rejected(post(http, BODY[:-2] + number + "}"), 422)
    if number != "-0":  # which is 0, a valid slippage
        assert_rejected(post(http, BODY[:-1] + f',"slippageBps":{number}}}'), 422)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize(("content", "status"), BODIES.values(), ids=BODIES)
def test_hostile_bodies_are_rejected(http: httpx.Client, content: str | bytes, status: int) -> None:
    assert_rejected(post(http, content), status)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip", "zip", "../x"])
@pytest.mark.parametrize(
    "content",
    [gzip.compress(BODY.encode()), zlib.compress(BODY.encode()), gzip.compress(b" " * 8_000_000)],
    ids=["gzipped", "deflated", "a gzip bomb"],
)
def test_compressed_bodies_are_not_decompressed(http: httpx.Client, encoding: str, content: bytes) -> None:
    assert_rejected(post(http, content, Content_Encoding=encoding), 422)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("media_type", MEDIA_TYPES, ids=shortened)
def test_other_media_types_than_json_are_rejected(http: httpx.Client, media_type: str) -> None:
    assert_rejected(http.post(PLACE, content=BODY, headers={"Content-Type": media_type}), 415)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("value", ["a b", "", "k" * 129, "\x7f", "é", "\U0001f4b0", "a, b", '{"a": 1}', "' OR 1=1 --"])
def test_hostile_idempotency_keys_are_rejected(http: httpx.Client, value: str) -> None:
    headers = {b"Content-Type": b"application/json", b"Idempotency-Key": value.encode()}
    answer = http.post(PLACE, content=BODY, headers=headers)
    assert_rejected(answer, 400, 422)


@pytest.mark.parametrize(
    "text",
    [
        "';DROP/**/TABLE/**/orders;--",
        "%(id)s%s%%",
        "{0.__class__}",
        "%0d%0aX-Injected:%20yes",
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "\\",
        '"',
        "a,b",
    ],
)
def test_a_client_order_id_is_treated_as_plain_text(cloud: Cloud, http: httpx.Client, text: str) -> None:
    before = tables(cloud)
    order = http.post(PLACE, json={**SOL, "clientOrderId": text})
    assert order.status_code == 202
    assert_leaks_nothing(order)
    assert order.json()["clientOrderId"] == text
    again = post(http, BODY, Idempotency_Key=text)
    assert (again.status_code, again.json()) == (200, order.json())
    assert http.get(order.headers["Location"]).json()["clientOrderId"] == text
    after = tables(cloud)
    assert (after[:-1], after[-1][0]) == (before[:-1], before[-1][0] + 1)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("query", QUERIES, ids=shortened)
def test_hostile_queries_are_rejected(http: httpx.Client, query: str) -> None:
    if query == "limit":
        assert_leaks_nothing(http.get(f"/api/orders?{query}"))
    else:
        assert_rejected(http.get(f"/api/orders?{query}"), 422)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("query", QUOTES, ids=shortened)
def test_hostile_quote_requests_are_rejected(http: httpx.Client, query: str) -> None:
    assert_rejected(http.get(f"/api/quotes?{query}"), 422)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize(
    "order_id",
    [
        "\uff10190a0a0-0000-7000-8000-000000000000",
        "\u0660190a0a0-0000-7000-8000-000000000000",
        "0190a0a0-0000-7000-8000-00000000000 ",
        "0190a0a0-0000-7000-8000-0000000_0000",
        "0190a0a0-0000-7000-8000-0000-0000000",
        "0190a0a0-0000-7000-80000-00000000000",
        "{0190a0a0-0000-7000-8000-0000000000}",
        "+190a0a0-0000-7000-8000-000000000000",
    ],
)
def test_an_order_id_has_only_one_valid_form(cloud: Cloud, http: httpx.Client, key: str, order_id: str) -> None:
    assert_rejected(http.get(f"/api/orders/{order_id}"), 422)
    with Socket(cloud.websocket_url, {"Authorization": f"Bearer {key}"}) as socket:
        assert socket.ask(json.dumps({"orderId": order_id}))["code"] == "validation_failed"


# ---- Requests that client libraries do not send


def raw(cloud: Cloud, request: str | bytes) -> httpx.Response:
    """Send raw bytes and return the response."""
    address = urlsplit(cloud.http_url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(request if isinstance(request, bytes) else request.encode())
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    headers = [(name, value) for name, value in (field.split(": ", 1) for field in fields)]
    return httpx.Response(int(line.split()[1]), headers=headers, content=body)


def request(key: str, line: str, *fields: str, body: str = "") -> str:
    """A request with a valid key."""
    known = ("Host: 127.0.0.1", f"Authorization: Bearer {key}", "Connection: close")
    return "\r\n".join((f"{line} HTTP/1.1", *known, *fields, "", body))


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("path", PATHS, ids=shortened)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_hostile_paths_are_rejected(cloud: Cloud, key: str, method: str, path: str) -> None:
    body = BODY if method == "POST" and path != "/api/orders/execute" else ""
    answer = raw(
        cloud,
        request(key, f"{method} {path}", "Content-Type: application/json", f"Content-Length: {len(body)}", body=body),
    )
    assert_rejected(answer, 400, 404, 405, 410, 422)
    if answer.status_code != 400:  # a malformed path does not reach the API
        assert answer.headers["Content-Type"].startswith(("application/json", "application/problem+json"))


LENGTH = f"Content-Length: {len(BODY)}"
PLAIN = ["Content-Type: application/json", LENGTH]
MALFORMED: dict[str, tuple[str, list[str], str]] = {
    "a folded header": (f"POST {PLACE}", [*PLAIN, "Idempotency-Key: a", " b"], BODY),
    "a bare LF": (f"POST {PLACE}", [*PLAIN, "Idempotency-Key: a\nX-Injected: yes c"], BODY),
    "a bare CR": (f"POST {PLACE}", [*PLAIN, "Idempotency-Key: a\rb"], BODY),
    "a NUL": (f"POST {PLACE}", [*PLAIN, "Idempotency-Key: a\0b"], BODY),
    "a space before the colon": (f"POST {PLACE}", [*PLAIN, "Idempotency-Key : a"], BODY),
    "a header without a name": (f"POST {PLACE}", [*PLAIN, ": a"], BODY),
    "a header without a colon": (f"POST {PLACE}", [*PLAIN, "Idempotency-Key"], BODY),
    "two lengths": (f"POST {PLACE}", [*PLAIN, "Content-Length: 1"], BODY),
    "a length and chunks": (f"POST {PLACE}", [*PLAIN, "Transfer-Encoding: chunked"], f"0\r\n\r\n{BODY}"),
    "a negative length": (f"POST {PLACE}", ["Content-Type: application/json", "Content-Length: -1"], BODY),
    "a length that is not a number": (f"POST {PLACE}", ["Content-Type: application/json", "Content-Length: +5"], BODY),
    "a chunk without a length": (
        f"POST {PLACE}",
        ["Content-Type: application/json", "Transfer-Encoding: chunked"],
        f"zz\r\n{BODY}\r\n0\r\n\r\n",
    ),
    "an unknown transfer encoding": (f"POST {PLACE}", [*PLAIN, "Transfer-Encoding: gzip"], BODY),
    "a header of 9,000 bytes": (f"POST {PLACE}", [*PLAIN, f"X-Long: {'x' * 9_000}"], BODY),
    "a path of 9,000 bytes": (f"GET /api/orders/{'a' * 9_000}", [], ""),
    "two media types": (f"POST {PLACE}", [*PLAIN, "Content-Type: text/plain"], BODY),
    "two keys, one wrong": ("GET /api/orders", ["Authorization: Bearer x"], ""),
    "an unknown method": ("FLY /api/orders", [], ""),
    "a method in lower case": (f"post {PLACE}", PLAIN, BODY),
    "a method with a line end": ("GET\x0b /api/orders", [], ""),
    "CONNECT": ("CONNECT evil.example:443", [], ""),
    "TRACE": ("TRACE /api/orders", [], ""),
    "no path": ("GET ", [], ""),
    "HTTP/2 without TLS": ("PRI *", ["", "SM", ""], ""),
    "a handshake with a bad key": (
        "GET /api/orders/status",
        ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x"],
        "",
    ),
    "a handshake of another version": (
        "GET /api/orders/status",
        ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 99"],
        "",
    ),
}


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize(("line", "fields", "body"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_requests_are_rejected(cloud: Cloud, key: str, line: str, fields: list[str], body: str) -> None:
    assert_rejected(raw(cloud, request(key, line, *fields, body=body)), 400, 401, 404, 405, 413, 414, 415, 426, 431)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_no_header_changes_the_method(http: httpx.Client, header: str, method: str) -> None:
    answer = http.get("/api/orders", headers={header: method})
    assert (answer.status_code, set(answer.json())) == (200, {"orders", "nextCursor"})
    assert_rejected(http.request("GET", PLACE, content=BODY, headers={**JSON, header: method}), 422)


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize("header", ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Path"])
def test_no_header_changes_the_path(http: httpx.Client, header: str) -> None:
    assert http.get("/health", headers={header: "/api/orders"}).json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/", "/assets/main.js", "/api/tokens", "/docs"])
def test_requests_for_another_host_name_are_rejected(http: httpx.Client, path: str) -> None:
    answer = http.get(path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@pytest.mark.usefixtures("database_unchanged")
@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example"},
        {"Origin": "https://evil.example"},
        {"Referer": "https://evil.example"},
        {"User-Agent": "evil.example"},
        {"Accept": "text/evil.example"},
    ],
)
def test_request_headers_are_not_reflected_in_a_page_or_a_header(http: httpx.Client, header: dict[str, str]) -> None:
    for path in ("/", "/docs", "/openapi.json", "/api/orders", "/nothing"):
        answer = http.get(path, headers=header)
        assert "evil.example" not in answer.text + str(answer.headers)
        assert "Access-Control-Allow-Origin" not in answer.headers
