"""Free TCP ports on loopback."""

import socket
from collections.abc import Sequence
from contextlib import ExitStack

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


def answers(port: int) -> bool:
    """Tell whether something accepts connections on a port of loopback."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.2):
            return True
    except OSError:
        return False
