"""Ports on the loopback interface."""

import random
import socket
from pathlib import Path

from localcloud.errors import LocalCloudError

HOST = "127.0.0.1"
# Below the ports that the kernel gives to outgoing connections, one of which could take it before its server starts.
_STABLE_PORTS = range(20_000, 32_000)
_TRIES = 100


def listen(port: int) -> socket.socket:
    """A bound socket for the cloud's own server; port 0 picks a free port. It accepts connections once it listens.

    Raises:
        LocalCloudError: the port is in use or cannot be used.
    """
    # On macOS, SO_REUSEADDR allows binding a port of a server on all interfaces; only connecting reveals that server.
    if port and _answers(port):
        raise LocalCloudError(_in_use(port))
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((HOST, port))
    except OSError as error:
        server.close()
        raise LocalCloudError(_in_use(port) if port >= 1024 else f"cannot use port {port}: {error.strerror}") from error
    return server


def stable_port(memory: Path) -> int:
    """A free port, the same one as last time if it is still free."""
    remembered = memory.read_text().strip() if memory.is_file() else ""
    port = _free_port(int(remembered)) if remembered.isdecimal() else None
    if port is None:
        candidates = (_free_port(random.choice(_STABLE_PORTS)) for _ in range(_TRIES))
        port = next((port for port in candidates if port is not None), None)
        if port is None:
            raise LocalCloudError(f"none of {_TRIES} ports that were tried is free")
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(f"{port}\n")
    return port


def _free_port(port: int) -> int | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return None
        found: int = probe.getsockname()[1]
        return found


def _answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _in_use(port: int) -> str:
    return f"port {port} is in use: stop the program that listens on it, or set PORT to another one"
