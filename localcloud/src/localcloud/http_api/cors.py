"""CORS as configured by `CorsConfiguration`."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web


class Cors:
    """Answers preflight requests and adds the CORS headers to responses."""

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        self._configuration = configuration

    def preflight(self, request: web.Request) -> web.Response | None:
        """The response to a preflight request; None if the request is not one."""
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        response = web.Response(status=204)
        self.add_headers(request, response)
        if "Access-Control-Allow-Origin" in response.headers:
            for name in ("Methods", "Headers"):
                if values := self._configuration.get(f"Allow{name}"):
                    response.headers[f"Access-Control-Allow-{name}"] = ",".join(values)
            if "MaxAge" in self._configuration:
                response.headers["Access-Control-Max-Age"] = str(self._configuration["MaxAge"])
        return response

    def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        origin = request.headers.get("Origin")
        allowed = self._configuration.get("AllowOrigins") or []
        if origin is None or not ("*" in allowed or origin in allowed):
            return
        response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
        if str(self._configuration.get("AllowCredentials", "")).lower() == "true":
            response.headers["Access-Control-Allow-Credentials"] = "true"
        if exposed := self._configuration.get("ExposeHeaders"):
            response.headers["Access-Control-Expose-Headers"] = ",".join(exposed)
