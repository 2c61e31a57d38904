"""The ids that clients made and that were logged, as far back as memory is allowed to reach."""

from collections.abc import Iterable

_REMEMBERED = 100_000


class RecentIds:
    """A bounded set that forgets the oldest."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._size = size
        self._ids: dict[bytes, None] = {}

    def __contains__(self, sent: bytes) -> bool:
        return sent in self._ids

    def add(self, ids: Iterable[bytes]) -> None:
        """Remember ids."""
        known = self._ids
        for sent in ids:
            known[sent] = None
        while len(known) > self._size:
            del known[next(iter(known))]
