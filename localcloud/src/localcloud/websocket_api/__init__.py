"""API Gateway's WebSocket API: handshake with authorizer, routes, route responses, @connections."""
