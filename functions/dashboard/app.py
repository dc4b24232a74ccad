"""The page at /."""


def handler(event: dict[str, object], context: object) -> dict[str, object]:
    """HTTP API event → the page."""
    return {"statusCode": 200, "headers": {"Content-Type": "text/html; charset=utf-8"}, "body": "<h1>Orders</h1>"}
