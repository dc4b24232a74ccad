"""Selects the route of a request by API Gateway's precedence.

Static segments before `{param}`, those before `{proxy+}`, a named method before ANY, `$default` last
(https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from localcloud.template.model import HttpRoute


@dataclass(frozen=True)
class Match:
    """A route and the values of its path parameters."""

    route: HttpRoute
    parameters: dict[str, str]


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[HttpRoute]) -> None:
        self._routes = sorted(routes, key=_rank)

    def match(self, method: str, raw_path: str) -> Match | None:
        """The best route for a method and a path as it was sent (still percent-encoded)."""
        segments = raw_path.strip("/").split("/") if raw_path != "/" else []
        for route in self._routes:
            if route.path == "$default":
                return Match(route, {})
            if route.method in (method, "ANY"):
                parameters = _parameters(route, segments)
                if parameters is not None:
                    return Match(route, parameters)
        return None


def _segments(route: HttpRoute) -> list[str]:
    return [segment for segment in route.path.strip("/").split("/") if segment]


def _rank(route: HttpRoute) -> tuple[bool, list[int], bool]:
    kinds = [2 if segment.endswith("+}") else 1 if segment.startswith("{") else 0 for segment in _segments(route)]
    return route.path == "$default", kinds, route.method == "ANY"


def _parameters(route: HttpRoute, segments: list[str]) -> dict[str, str] | None:
    pattern = _segments(route)
    greedy = bool(pattern) and pattern[-1].endswith("+}")
    if len(segments) < len(pattern) if greedy else len(segments) != len(pattern):
        return None
    parameters = {}
    for position, part in enumerate(pattern):
        if part.endswith("+}"):
            parameters[part[1:-2]] = unquote("/".join(segments[position:]))
        elif part.startswith("{"):
            parameters[part[1:-1]] = unquote(segments[position])
        elif part != unquote(segments[position]):
            return None
    return parameters
