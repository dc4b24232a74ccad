"""The command line `orders`, which uses the client for everything that concerns orders."""

from order_client.cli.app import app

__all__ = ["app"]
