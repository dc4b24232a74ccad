"""The operators' commands."""

from order_admin import keys, launch, load, redrive
from order_client.cli.app import new_app

app = new_app("Operate the Order Execution Engine: API keys, undeliverable messages, load tests, token launches.")
app.add_typer(keys.app, name="keys")
app.command()(redrive.redrive)
app.command()(load.load)
app.command()(launch.launch)
