"""The client works without the engine and its dependencies."""

import subprocess
import sys

PROGRAM = """
import sys

BLOCKED = "boto3 botocore pydantic psycopg order_engine aws_lambda_powertools typer rich".split()

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
import order_client
print(order_client.Client.__name__, order_client.AsyncClient.__name__)
"""


def test_the_client_imports_nothing_from_the_engine() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("Client AsyncClient\n", "")
