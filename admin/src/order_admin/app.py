"""The operators' commands."""

from order_admin import keys, load, redrive
from order_client.cli.app import new_app

app = new_app("Operate the Order Execution Engine: API keys, undeliverable messages, load tests.")
app.add_typer(keys.app, name="keys")
app.command()(redrive.redrive)
app.command()(load.load)
