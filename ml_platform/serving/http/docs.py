"""The page at `/docs`: what can be asked of the service, and a form that asks it."""

from functools import cache
from pathlib import Path

PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""The page has all it needs in itself and talks to nobody but its own service."""


@cache
def page() -> bytes:
    """Return the page; it reads `openapi.json` beside it, so it is the same for every model."""
    return Path(__file__).with_name("docs.html").read_bytes()
