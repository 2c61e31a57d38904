"""What is logged of columns that the contract calls sensitive."""

import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import orjson

SECRET_FILE = ".secret"

_BYTES = 16


class Sensitive:
    """Hashes sensitive columns, or leaves them out, before anything is written.

    columns: the sensitive ones. id_column: the declared id, whose value is the key.
    secret: the hash is keyed, or a column of few values could be guessed from its hashes. Equal
    values have equal hashes while the secret stays, so grouping and joining still work.
    """

    def __init__(
        self,
        columns: Iterable[str],
        mode: Literal["keep", "hash", "drop"],
        *,
        secret: bytes,
        id_column: str | None = None,
    ) -> None:
        self.columns = frozenset(columns) if mode != "keep" else frozenset[str]()
        self.mode = mode
        self._secret = secret
        self._hides_key = id_column is not None and id_column in self.columns

    def features(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the features as they may be logged; a missing value stays missing."""
        if not self.columns:
            return features
        if self.mode == "drop":
            return {name: value for name, value in features.items() if name not in self.columns}
        return {
            name: self._hash(value) if name in self.columns and value is not None else value
            for name, value in features.items()
        }

    def key(self, key: str | None) -> str | None:
        """Return the key as it may be logged; it is sensitive where the id column is."""
        if not self._hides_key or key is None:
            return key
        return None if self.mode == "drop" else self._hash(key)

    def _hash(self, value: object) -> str:
        text = value.encode() if isinstance(value, str) else orjson.dumps(value)
        return hashlib.blake2b(text, key=self._secret, digest_size=_BYTES).hexdigest()


def journal_secret(folder: Path) -> bytes:
    """Return the secret of a model's journal, made when first asked for; all workers get the same.

    It lies in `<folder>/.secret`, readable by its owner; who deletes it unlinks old hashes from
    new ones. Raises OSError when it can be neither read nor made.
    """
    file = folder / SECRET_FILE
    folder.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        own = folder / f"{SECRET_FILE}.{secrets.token_hex(4)}"
        try:
            with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(secrets.token_bytes(32))
                out.flush()
                os.fsync(out.fileno())
            with suppress(FileExistsError):  # another worker was first
                os.link(own, file)
        finally:
            own.unlink(missing_ok=True)
    return file.read_bytes()
