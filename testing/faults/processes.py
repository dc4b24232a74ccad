"""Finds the local cloud's processes, for tests that kill and freeze them."""

import psutil

from testing.cloud import Cloud


def loaders(cloud: Cloud) -> list[psutil.Process]:
    """Each function's process that has loaded the handler; its forks are the execution environments and end with it."""
    return [child for child in psutil.Process(cloud.pid).children() if "bootstrap.py" in " ".join(child.cmdline())]


def environments(cloud: Cloud, function: str | None = None) -> list[psutil.Process]:
    """The execution environments of one function, or of all."""
    return [
        environment
        for loader in loaders(cloud)
        if function in (None, loader.environ().get("AWS_LAMBDA_FUNCTION_NAME"))
        for environment in loader.children()
    ]


def emulator(cloud: Cloud) -> psutil.Process:
    """The emulator of SQS and DynamoDB."""
    return _child(cloud, "emulator_main")


def postgres(cloud: Cloud) -> psutil.Process:
    """The Postgres server, if the cloud has started it."""
    return _child(cloud, "postgres")


def _child(cloud: Cloud, name: str) -> psutil.Process:
    """Raises psutil.NoSuchProcess while the process is being restarted."""
    for child in psutil.Process(cloud.pid).children():
        if name in " ".join(child.cmdline()[:4]):
            return child
    raise psutil.NoSuchProcess(cloud.pid, name)
