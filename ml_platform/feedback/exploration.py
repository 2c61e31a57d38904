"""Decisions made at random on purpose, so that what would not have been decided gets an outcome.

Where only the approved repay, nothing is ever learned about the refused. A small declared share of
the keys is decided at random instead: the service says so in its answer (`explore`) and marks the
prediction (`random` in the inference table); among those alone, labels do not depend on the model.
"""

from functools import lru_cache
from hashlib import blake2b

_PERSON = b"explores"


def explores(key: str, percent: float, salt: str) -> bool:
    """Whether the decision about `key` is one of the `percent` made at random.

    The same key explores always, another salt draws other keys; independent of the assignment of
    versions by the same key.

    >>> sum(explores(f"k{i}", 5, "loans") for i in range(10_000))
    515
    >>> explores("k1", 0, "loans"), explores("k1", 100, "loans")
    (False, True)
    """
    text = key.encode("utf-8", "surrogatepass")  # as a client may send it
    digest = blake2b(text, digest_size=8, key=_key(salt), person=_PERSON).digest()
    return int.from_bytes(digest) < percent / 100 * 2.0**64


@lru_cache(maxsize=8)
def _key(salt: str) -> bytes:
    """The salt, of any length, as blake2b takes a key."""
    return blake2b(salt.encode(), digest_size=32).digest()
