"""API keys: a file of hashes, read anew when it changes; the keys themselves are nowhere."""

import hmac
import logging
import os
import re
import secrets
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from time import monotonic

from ml_platform.exceptions import ServingError

VARIABLE = "ML_PLATFORM_API_KEYS_FILE"
PREFIX = "mlp_"
CHECK_EVERY = 1.0
"""Seconds between two looks at the file."""

_LINE = re.compile(r"([0-9a-f]{64})[ \t]+([A-Za-z0-9._@-]{1,64})")
_log = logging.getLogger(__name__)


class ApiKeys:
    """The keys that a service knows.

    file: one `<sha256 of the key> <name>` a line; empty lines and `#` comments are fine.
    clock: seconds of a clock that never goes back.

    A change of the file holds within a second, without a restart. When it then cannot be read,
    or a line is wrong, the keys known before stay: a slip of the editor locks nobody out, and
    the log says so. Raises ServingError when that is so from the start.
    """

    def __init__(self, file: Path, *, clock: Callable[[], float] = monotonic) -> None:
        self._file = file
        self._clock = clock
        self._stamp = _stamp(file)
        self._hashes = tuple(bytes.fromhex(known) for known in read(file).values())
        self._looked = clock()

    def know(self, key: bytes | None) -> bool:
        """Whether the key is one of them; takes the same time for every wrong one."""
        if self._clock() - self._looked >= CHECK_EVERY:
            self._look()
        if key is None:
            return False
        found = sha256(key).digest()
        right = False
        for known in self._hashes:
            right |= hmac.compare_digest(found, known)
        return right

    def _look(self) -> None:
        self._looked = self._clock()
        stamp = _stamp(self._file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            names = read(self._file)
        except ServingError as error:
            _log.error("the API keys stay as they were: %s", error)
            return
        self._hashes = tuple(bytes.fromhex(known) for known in names.values())
        _log.info("API keys read anew: %s", ", ".join(names) or "none")


def read(file: Path) -> dict[str, str]:
    """Return the hash of each name. Raises ServingError that names file and line."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ServingError(f"there is no file of API keys {file}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ServingError(f"the API keys in {file} cannot be read: {error}") from error
    names: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        found = _LINE.fullmatch(content)
        if found is None:
            raise ServingError(
                f"{file}:{number}: a line is the SHA-256 of a key in 64 hexadecimal digits, a "
                "space and a name of letters, digits and ._@-"
            )
        if found[2] in names:
            raise ServingError(f"{file}:{number}: the name {found[2]} stands there twice")
        names[found[2]] = found[1]
    return names


def new_key(file: Path, name: str) -> str:
    """Add a key of that name to the file, made if need be; return the key, kept nowhere else.

    Raises ServingError when the name is taken or no name.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    line = f"{sha256(key.encode()).hexdigest()} {name}"
    if _LINE.fullmatch(line) is None:
        raise ServingError(f"{name!r} is no name for a key; valid: 1 to 64 letters, digits, ._@-")
    if file.exists() and name in read(file):
        raise ServingError(f"{file} has a key {name} already; revoke it first, or take a new name")
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    _replace(file, f"{before}{'' if before.endswith(chr(10)) or not before else chr(10)}{line}\n")
    return key


def revoke(file: Path, name: str) -> None:
    """Take the key of that name out of the file. Raises ServingError when there is none."""
    names = read(file)
    if name not in names:
        known = ", ".join(names) or "none"
        raise ServingError(f"{file} has no key {name} (it has: {known})")
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.lstrip().startswith(names[name])]
    _replace(file, "".join(kept))


def _replace(file: Path, text: str) -> None:
    """By one rename, so that a service never reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    scratch.touch(mode=0o600)
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(file)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
