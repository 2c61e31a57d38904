"""Where this process listens."""

import ipaddress
import os
import socket
from contextlib import suppress


def beyond_loopback() -> bool:
    """Return whether a listening socket of this process can be reached from another machine.

    BentoML's supervisor opens the socket, and its workers inherit it; so it is looked for among
    the open files. Where these cannot be listed the answer is yes, to be safe.
    """
    try:
        descriptors = [int(name) for name in os.listdir("/dev/fd")]
    except (OSError, ValueError):
        return True
    return any(_listens_beyond(descriptor) for descriptor in descriptors)


def _listens_beyond(descriptor: int) -> bool:
    with suppress(OSError):  # no socket, or closed by now
        found = socket.socket(fileno=descriptor)
        try:
            if found.family not in (socket.AF_INET, socket.AF_INET6):
                return False
            if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return False
            return not ipaddress.ip_address(found.getsockname()[0]).is_loopback
        finally:
            found.detach()  # it is another's to close
    return False
