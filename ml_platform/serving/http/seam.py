"""The one private seam of the service: which protocol class uvicorn takes.

BentoML's worker makes its `uvicorn.Config` with `http="auto"` after it has loaded the service;
uvicorn then looks "auto" up in `uvicorn.config.HTTP_PROTOCOLS`. Where uvicorn is not as it was
when this was written, nothing is replaced, the log says so, and the mounted ASGI routes answer:
the same bytes, at a third of the speed. A test holds the seam to the pinned version.
"""

import logging
import os
from collections.abc import Callable
from inspect import signature

from ml_platform.serving.http.desk import Desk

VARIABLE = "ML_PLATFORM_HOT_ROUTES"
"""`off` leaves uvicorn as it is; `unsampled` leaves it the requests that are to have a span."""

EXPECTED = {
    "__init__": ["self", "config", "server_state", "app_state", "_loop"],
    "connection_made": ["self", "transport"],
    "connection_lost": ["self", "exc"],
    "data_received": ["self", "data"],
    "eof_received": ["self"],
    "on_message_begin": ["self"],
    "on_url": ["self", "url"],
    "on_header": ["self", "name", "value"],
    "on_headers_complete": ["self"],
    "on_body": ["self", "body"],
    "on_message_complete": ["self"],
    "on_response_complete": ["self"],
    "pause_writing": ["self"],
    "resume_writing": ["self"],
    "shutdown": ["self"],
    "handle_websocket_upgrade": ["self"],
    "_should_upgrade": ["self"],
    "_unset_keepalive_if_required": ["self"],
    "_unsupported_upgrade_warning": ["self"],
}
"""What `HotProtocol` calls and replaces of uvicorn's protocol, with its arguments."""

_log = logging.getLogger(__name__)


def install(desk_of: Callable[[], Desk | None]) -> bool:
    """Let uvicorn answer the hot routes at the desk; whether it will."""
    if _asked() == "off":
        return False
    found = difference()
    if found is not None:
        _log.warning("the hot routes are answered by the ASGI application: %s", found)
        return False
    from uvicorn import config

    from ml_platform.serving.http.hot import HotProtocol
    from ml_platform.serving.http.line import Encoder

    members = {"desk_of": staticmethod(desk_of), "encoder": Encoder(), "traced": traces_sampled()}
    config.HTTP_PROTOCOLS["auto"] = type("HotProtocol", (HotProtocol,), members)  # type: ignore[assignment]
    return True


def traces_sampled() -> bool:
    """Tell whether requests that their callers' tracing keeps are to have a span."""
    return _asked() == "unsampled"


def difference() -> str | None:
    """Return in what uvicorn is not as expected, None when it is."""
    try:
        from uvicorn import config
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError as error:
        return str(error)
    if "auto" not in getattr(config, "HTTP_PROTOCOLS", {}):
        return "uvicorn.config.HTTP_PROTOCOLS has no 'auto'"
    for name, expected in EXPECTED.items():
        method = getattr(HttpToolsProtocol, name, None)
        if method is None:
            return f"uvicorn's protocol has no {name}"
        arguments = list(signature(method).parameters)
        if arguments != expected:
            return f"uvicorn's {name} takes {', '.join(arguments)}"
    return None


def _asked() -> str:
    return os.environ.get(VARIABLE, "").lower()
