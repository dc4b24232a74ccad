"""The command line `orders`: everything it does with orders, it does through the client."""

from order_client.cli.app import app

__all__ = ["app"]
