"""The HTTP API and the WebSocket API with their routes and authorizers."""

from typing import Any

from localcloud.errors import LocalCloudError
from localcloud.template.addresses import api_id
from localcloud.template.model import HttpApi, HttpAuthorizer, HttpRoute, WebSocketApi, WebSocketRoute
from localcloud.template.resources import Resource, Resources


def http_api(resources: Resources) -> HttpApi | None:
    """The HTTP API; functions' events of type HttpApi are its routes."""
    resource = resources.only("AWS::Serverless::HttpApi")
    properties = resource.properties if resource else {}
    auth = properties.get("Auth") or {}
    authorizers = {
        name: _http_authorizer(name, declaration, resources)
        for name, declaration in (auth.get("Authorizers") or {}).items()
    }
    routes = tuple(
        HttpRoute(
            method=str(event.get("Method", "ANY")).upper().replace("X-AMAZON-APIGATEWAY-ANY-METHOD", "ANY"),
            path=event.get("Path", "$default"),
            function=function.logical_id,
            authorizer=_route_authorizer(event, auth, authorizers, f"{function.logical_id}.{name}"),
        )
        for function, name, event in resources.events("HttpApi")
    )
    if resource is None and not routes:
        return None
    name = resource.logical_id if resource else "ServerlessHttpApi"
    cors = properties.get("CorsConfiguration")
    if cors is not None and not isinstance(cors, dict):
        cors = {"AllowOrigins": ["*"]} if cors else None
    return HttpApi(api_id(name), routes, authorizers, cors)


def _route_authorizer(
    event: dict[str, Any], auth: dict[str, Any], authorizers: dict[str, HttpAuthorizer], name: str
) -> str | None:
    wanted = (event.get("Auth") or {}).get("Authorizer") or auth.get("DefaultAuthorizer")
    if wanted in (None, "NONE"):
        return None
    if wanted not in authorizers:
        raise LocalCloudError(f"{name}: the HTTP API has no Lambda authorizer named {wanted}")
    return str(wanted)


def _http_authorizer(name: str, declaration: dict[str, Any], resources: Resources) -> HttpAuthorizer:
    if "FunctionArn" not in declaration or not declaration.get("EnableSimpleResponses"):
        raise LocalCloudError(f"authorizer {name}: the local cloud runs Lambda authorizers with simple responses only")
    identity = declaration.get("Identity") or {}
    return HttpAuthorizer(
        name=name,
        function=_function_id(declaration["FunctionArn"], resources),
        headers=tuple(identity.get("Headers") or ()),
        query_strings=tuple(identity.get("QueryStrings") or ()),
        cache_seconds=float(identity.get("ReauthorizeEvery", 0)),
    )


def websocket_api(resources: Resources) -> WebSocketApi | None:
    """The WebSocket API."""
    resource = resources.only("AWS::Serverless::WebSocketApi")
    if resource is None:
        return None
    properties = resource.properties
    auth = properties.get("Auth") or {}
    if auth.get("AuthType", "NONE") not in ("NONE", "CUSTOM"):
        raise LocalCloudError(f"{resource.logical_id}: the local cloud needs AuthType CUSTOM, not {auth['AuthType']}")
    answered = {
        declaration.properties.get("RouteId")
        for declaration in resources.of_type("AWS::ApiGatewayV2::RouteResponse")
        if declaration.properties.get("RouteResponseKey") == "$default"
    }
    routes = {
        key: WebSocketRoute(
            key=key,
            function=_function_id(route["FunctionArn"], resources),
            responds="RouteResponseSelectionExpression" in route
            and resources.ref(_route_logical_id(resource, key)) in answered,
        )
        for key, route in (properties.get("Routes") or {}).items()
    }
    return WebSocketApi(
        api_id=api_id(resource.logical_id),
        stage=properties.get("StageName", "default"),
        selection_key=str(properties.get("RouteSelectionExpression", "")).removeprefix("$request.body."),
        authorizer=_function_id(auth["AuthArn"], resources) if "AuthArn" in auth else None,
        identity_sources=tuple(auth.get("IdentitySource") or ()),
        routes=routes,
    )


def _route_logical_id(api: Resource, key: str) -> str:
    """SAM's name for the route: `$default` of `Api` is `ApiDefaultRoute`."""
    name = key.removeprefix("$")
    return f"{api.logical_id}{name[:1].upper()}{name[1:]}Route"


def _function_id(arn: str, resources: Resources) -> str:
    for function in resources.of_type("AWS::Serverless::Function"):
        if resources.arn(function.logical_id) == arn:
            return function.logical_id
    raise LocalCloudError(f"the template refers to a function that it does not define: {arn}")
