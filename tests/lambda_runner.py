"""Feeds events (a JSON list on stdin) to the handler of the function in the working directory; prints what came back.

For functions that are not built: it runs under the interpreter of whoever starts it, with the layer on PYTHONPATH.
"""

import json
import sys
import time
import traceback
from importlib import import_module


class Context:
    """As much of Lambda's context as the functions use."""

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
    """Each result is one line on stdout, `RESULT ` and JSON; logs go there too, as on Lambda."""
    sys.path.insert(0, ".")
    app = import_module("app")  # the function's own, wherever we run

    for event in json.load(sys.stdin):
        try:
            result = {"result": app.handler(event, Context())}
        except Exception:
            result = {"error": traceback.format_exc()}
        print("RESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
