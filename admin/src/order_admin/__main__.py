"""`python -m order_admin`: the command line."""

from order_admin.app import app

app(prog_name="orders-admin")
