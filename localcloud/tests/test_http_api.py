"""The HTTP API over the wire: events, authorizer, failures of a function."""

import concurrent.futures
import json
from collections.abc import Iterator

import httpx
import pytest

from running import RunningCloud


@pytest.fixture
def client(cloud: RunningCloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cloud.url, timeout=30) as http:
        yield http


def act(client: httpx.Client, **what: object) -> httpx.Response:
    return client.post("/act", json=what)


def test_the_event_is_payload_format_2(client: httpx.Client) -> None:
    response = client.put(
        "/echo/a%20b?x=1&x=2&y=", headers=[("X-Two", "1"), ("X-Two", "2"), ("Cookie", "c=3; d=4")], json={"k": "v"}
    )
    event = response.json()["event"]
    assert response.headers["Apigw-Requestid"] == event["requestContext"]["requestId"]
    assert response.cookies["a"] == "1"
    assert event["version"] == "2.0"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "ANY /echo/{id}"
    assert (event["rawPath"], event["rawQueryString"]) == ("/echo/a b", "x=1&x=2&y=")
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["pathParameters"] == {"id": "a b"}
    assert event["headers"]["x-two"] == "1,2"
    assert event["cookies"] == ["c=3", "d=4"]
    assert (json.loads(event["body"]), event["isBase64Encoded"]) == ({"k": "v"}, False)
    assert event["requestContext"]["http"]["method"] == "PUT"
    assert event["requestContext"]["stage"] == "$default"


def test_a_binary_body_is_passed_in_base64(client: httpx.Client) -> None:
    event = client.post("/echo/1", content=b"\x00\xff", headers={"Content-Type": "image/png"}).json()["event"]
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)


def test_a_function_gets_the_templates_environment_and_not_the_users(cloud: RunningCloud, client: httpx.Client) -> None:
    answer = client.get("/echo/1").json()
    assert answer["environment"] == {
        "GREETING": "hello",
        "API_URL": cloud.url,
        "WORK_QUEUE_URL": cloud.endpoints["queues"]["WorkQueue"],
        "USER_SECRET": None,
    }
    assert 0 < answer["remaining"] <= 1000


@pytest.mark.parametrize("path", ["/", "/nothing", "/echo", "/private/more"])
def test_a_request_without_a_route_gets_404(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.text) == (404, '{"message":"Not Found"}')


def test_the_authorizer_determines_the_status(client: httpx.Client) -> None:
    missing = client.get("/private")
    assert (missing.status_code, missing.text) == (401, '{"message":"Unauthorized"}')
    denied = client.get("/private", headers={"Authorization": "bad"})
    assert (denied.status_code, denied.text) == (403, '{"message":"Forbidden"}')
    assert client.get("/private", headers={"Authorization": "broken"}).status_code == 500


def test_the_authorizers_response_is_cached_per_identity(client: httpx.Client) -> None:
    def calls(identity: str) -> int:
        event = client.get("/private", headers={"Authorization": identity}).json()["event"]
        return int(event["requestContext"]["authorizer"]["lambda"]["calls"])

    assert calls("good 1") == calls("good 1")
    assert calls("good 2") != calls("good 1")


def test_a_function_that_fails_or_times_out_gets_500(client: httpx.Client) -> None:
    for what in ({"raise": "boom"}, {"exit": 3}, {"sleep": 1.5}):
        response = act(client, **what)
        assert (response.status_code, response.text) == (500, '{"message":"Internal Server Error"}'), what
    assert act(client, idle=True).status_code == 200


def test_an_exception_keeps_the_environment_and_a_crash_does_not(client: httpx.Client) -> None:
    pid = act(client).json()["pid"]
    act(client, **{"raise": "boom"})
    assert act(client).json()["pid"] == pid
    act(client, exit=1)
    assert act(client).json()["pid"] != pid


def test_concurrent_requests_run_in_several_environments(client: httpx.Client) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        pids = list(executor.map(lambda _: act(client, sleep=0.3).json()["pid"], range(4)))
    assert len(set(pids)) > 1


def test_a_function_that_cannot_start_fails_its_requests_and_reports_the_reason(
    cloud: RunningCloud, client: httpx.Client
) -> None:
    assert client.get("/broken").status_code == 500
    assert "BrokenFunction cannot start: ModuleNotFoundError: No module named 'missing'" in cloud.output()


def test_a_large_body_is_rejected(client: httpx.Client) -> None:
    response = client.post("/echo/1", content=b"x" * (10 * 1024 * 1024 + 1))
    assert (response.status_code, response.text) == (413, '{"message":"Request Entity Too Large"}')
