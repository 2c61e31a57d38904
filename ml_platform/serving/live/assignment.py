"""Which keys a candidate answers: the same ones in every worker, and ever more as it ramps up."""

from hashlib import blake2b

WHOLE = 1 << 64


def salt(model: str, candidate: str) -> bytes:
    """Return what sets one release's draw of keys apart from another's; 16 bytes."""
    return blake2b(f"{model}:{candidate}".encode(), digest_size=16).digest()


def position(key: str, salt: bytes) -> int:
    """Return where a key lies, evenly spread from 0 to 2**64 - 1.

    A key with unpaired surrogates, which no UTF-8 has, still gets a place.
    """
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, salt=salt).digest()
    return int.from_bytes(digest, "big")


def share(percent: float) -> int:
    """Return the bound below which keys are the candidate's; more percent, the same keys and more.

    >>> share(50) == 1 << 63
    True
    """
    return min(WHOLE, max(0, int(percent / 100 * WHOLE)))
