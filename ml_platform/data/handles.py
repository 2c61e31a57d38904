"""Small documents under one address, each written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from ml_platform.addresses import without_secrets
from ml_platform.data.remote import opened, reached
from ml_platform.exceptions import StoreError

_UNFINISHED = ".unfinished"


class HandleStore:
    """Texts by path, below a local folder or an fsspec URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def write(self, path: str, text: str) -> None:
        """Put `text` at `path`; a reader sees the old or the new text, never a part.

        Raises StoreError when the store is away, full, or refuses us.
        """
        with self._reached("write", path):
            system, root = self._system
            target = f"{root}/{path}"
            if self._is_local:
                _replace(Path(target), text)
            else:  # an object store shows an object when all of it has come
                system.pipe_file(target, text.encode())

    def read(self, path: str) -> str | None:
        """Return the text at `path`, None where there is none."""
        with self._reached("read", path):
            system, root = self._system
            file = f"{root}/{path}"
            try:
                return (_bytes(file) if self._is_local else system.cat_file(file)).decode()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def list(self, prefix: str = "") -> list[str]:
        """Return the paths of all texts below the folder `prefix`, sorted."""
        with self._reached("list", prefix):
            system, root = self._system
            try:
                found: list[str] = system.find(f"{root}/{prefix}".rstrip("/"))
            except FileNotFoundError:
                return []
            start = len(root) + 1
            return sorted(path[start:] for path in found if not path.endswith(_UNFINISHED))

    def exists(self, path: str) -> bool:
        """Tell whether there is a text, or a folder with texts, at `path`."""
        with self._reached("look for", path):
            system, root = self._system
            return bool(system.exists(f"{root}/{path}"))

    @cached_property
    def _system(self) -> tuple[Any, str]:
        return opened(self.url)

    @cached_property
    def _is_local(self) -> bool:
        return "file" in _protocols(self._system[0])

    @contextmanager
    def _reached(self, verb: str, path: str) -> Iterator[None]:
        try:
            with reached(self.url):
                yield
        except (OSError, ValueError) as error:
            where, said = without_secrets(self.url), without_secrets(" ".join(str(error).split()))
            raise StoreError(f"cannot {verb} {where}/{path}: {said[:300]}") from error


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)


def _bytes(file: str) -> bytes:
    """Without fsspec and pathlib: a tick reads thousands of small files."""
    with open(file, "rb") as opened:
        return opened.read()


def _replace(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{uuid4().hex}{_UNFINISHED}")
    try:
        with unfinished.open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
