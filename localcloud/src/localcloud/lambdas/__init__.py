"""Lambda: execution environments are processes that get invocations through the Runtime API."""
