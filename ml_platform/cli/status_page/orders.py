"""Orders that come from the page: who gives them, and what comes of them."""

import hmac
import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from ml_platform.clock import utc_now
from ml_platform.data.handles import HandleStore
from ml_platform.release.commands import order, told
from ml_platform.release.store import SqlReleaseStore
from ml_platform.serving.examples import kept_example
from ml_platform.serving.http import keys
from ml_platform.serving.roll_back import prove, roll_back
from ml_platform.settings import Settings

TAKEN = ("approve", "hold", "resume", "rollback")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Refused(Exception):
    """An order that is not carried out. status: of the answer."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def keys_file(settings: Settings, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file of the API keys, the same that `ml-platform key` writes; None where it has none."""
    file = Path(environ.get(keys.VARIABLE) or settings.home / "api_keys")
    return file if file.exists() and keys.read(file) else None


def caller(file: Path, key: str) -> str | None:
    """The name of a key, None for one that is not in the file; read anew, as a revoked key is."""
    digest = sha256(key.encode()).hexdigest()
    found = [name for name, known in keys.read(file).items() if hmac.compare_digest(known, digest)]
    return found[0] if found else None


def check_origin(headers: Mapping[str, str]) -> None:
    """Raise Refused unless the request comes from the page itself.

    Browsers name the origin of every POST, so that no other page can use what a person typed,
    or what a password manager fills in.
    """
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is None or urlsplit(origin).netloc != host:
        raise Refused(
            403, "orders are taken from this page only: its origin is not that of the request"
        )


def carry_out(settings: Settings, body: bytes) -> Sequence[str]:
    """Carry out the order of a form; return what came of it, for people.

    Raises Refused, and MLPlatformError where the state of the release does not allow it.
    """
    found = parse_qs(body.decode("utf-8", errors="replace"), max_num_fields=10)
    form = {name: values[0].strip() for name, values in found.items()}
    file = keys_file(settings)
    if file is None:
        raise Refused(403, "no API key is known here; make one with: ml-platform key new NAME")
    key = form.get("key", "")
    by = caller(file, key)
    if by is None:
        raise Refused(401, f"this API key is not in {file}, or was revoked")
    model, what, why = form.get("model", ""), form.get("order", ""), form.get("why", "")
    if what not in TAKEN:
        raise Refused(400, f"{what!r} is no order (valid: {', '.join(TAKEN)})")
    if not why:
        raise Refused(400, "say why, for those who read it later")
    store = SqlReleaseStore(settings.release_url)
    if what == "rollback":
        return _rolled_back(settings, store, model, by=by, why=why, key=key)
    state = order(store, model, what, by=by, reason=why, now=utc_now())
    return [f"{model}: {told(state)}"]


def _rolled_back(
    settings: Settings, store: SqlReleaseStore, model: str, *, by: str, why: str, key: str
) -> list[str]:
    done = roll_back(
        store, model, to=None, by=by, reason=why, now=utc_now(), bentos=settings.bentos
    )
    assert done.after.champion is not None
    handles = HandleStore(f"{settings.data_url}/handles")
    example = kept_example(handles, model, done.after.champion)
    proof = prove(store, done.after, example=example, now=utc_now, key=key)
    proven = [] if proof.holds else [done.unproven]
    return [f"{model}: {done.summary}", *proof.lines(), *proven]
