"""Free TCP ports on loopback."""

import http.client
import socket
from collections.abc import Sequence
from contextlib import ExitStack

from ml_platform.exceptions import ServiceUnavailable

LOOPBACK = "127.0.0.1"


def choose_ports(preferred: Sequence[int]) -> list[int]:
    """Return a free port for each preferred one: itself where it is free, else any.

    No port is returned twice; 0 means that there is no preference.
    """
    with ExitStack() as held:
        return [_hold(held, port) for port in preferred]


def _hold(held: ExitStack, port: int) -> int:
    for attempt in (port, 0):
        holder = held.enter_context(socket.socket())
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind((LOOPBACK, attempt))
        except OSError:
            continue
        return int(holder.getsockname()[1])
    raise OSError(f"no free port on {LOOPBACK}")


def require_free(host: str, port: int) -> None:
    """Raise ServiceUnavailable where nobody can listen at that port of that address; 0 is any."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServiceUnavailable(
                f"cannot listen at port {port} of {host}: {error.strerror or error}; name another, "
                "or 0 for a free one"
            ) from error


def answers(port: int) -> bool:
    """Tell whether an HTTP server at a port of loopback answers, whatever it says."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=0.5)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
