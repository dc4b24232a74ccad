"""`python -m order_client`: the command line."""

from order_client.cli import app

app(prog_name="orders")
