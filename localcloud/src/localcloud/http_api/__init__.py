"""API Gateway's HTTP API: routing, payload format 2.0, Lambda authorizers, CORS."""
