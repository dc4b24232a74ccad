"""Passes events (a JSON list on stdin) to the handler of the function in the working directory; prints the results.

For functions that are not built: it runs under the caller's interpreter, with the layer on PYTHONPATH.
"""

import json
import sys
import time
import traceback
from importlib import import_module


class Context:
    """The part of Lambda's context object that the functions use."""

    function_name = "sample"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:sample"
    aws_request_id = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    def __init__(self) -> None:
        self._ends = time.monotonic() + 10

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left."""
        return int((self._ends - time.monotonic()) * 1000)


def main() -> None:
    """Prints each result as one line, `RESULT ` and JSON. Logs go to stdout, too, as on Lambda."""
    sys.path.insert(0, ".")
    app = import_module("app")  # the app.py in the working directory

    for event in json.load(sys.stdin):
        try:
            result = {"result": app.handler(event, Context())}
        except Exception:
            result = {"error": traceback.format_exc()}
        print("RESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
