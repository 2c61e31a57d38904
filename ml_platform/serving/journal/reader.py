"""Read segments, whole or damaged: what is whole is returned, what is not is reported."""

from typing import Literal, NamedTuple
from zlib import crc32

from ml_platform.serving.journal.record import FEEDBACK, PREDICTION
from ml_platform.serving.journal.segment import FRAME, MAGIC, MAX_RECORD

_BEGINNINGS = (PREDICTION, FEEDBACK)
_COMMON = b'{"kind":"'


class Damage(NamedTuple):
    """Bytes of a segment that are no record.

    offset: in the segment. content: the bytes.
    kind: `torn`: a write that was under way when its writer died, never acknowledged; `damaged`:
    something else, which may have been a record that was.
    """

    offset: int
    content: bytes
    kind: Literal["torn", "damaged"]


class SegmentContent(NamedTuple):
    """What a part of a segment holds.

    records: payloads in the order in which they were written. offset: where to read on.
    """

    records: list[bytes]
    offset: int
    damages: tuple[Damage, ...]


def read_segment(data: bytes, *, start: int = 0, closed: bool = True) -> SegmentContent:
    """Return the records in `data`, the bytes of a segment from the offset `start` on.

    closed: whether nothing is appended any more. An open segment is read up to its last whole
    record; what follows may still be under way.
    Never raises, whatever the bytes; a record is returned only when its checksum fits.
    """
    records: list[bytes] = []
    damages: list[Damage] = []
    at = 0
    if start == 0:
        if data[: len(MAGIC)] == MAGIC:
            at = len(MAGIC)
        elif not closed and len(data) < len(MAGIC):
            return SegmentContent([], 0, ())
    while True:
        at = _whole_records(data, at, records)
        if at == len(data):
            break
        following = _next_whole(data, at + 1)
        if following is None and not closed:
            break
        end = len(data) if following is None else following
        kind = "torn" if following is None and _is_cut_off(data, at) else "damaged"
        damages.append(Damage(start + at, data[at:end], kind))
        at = end
    return SegmentContent(records, start + at, tuple(damages))


def _whole_records(data: bytes, at: int, records: list[bytes]) -> int:
    """Append the whole records from `at` on; return where the first that is not whole begins."""
    end = len(data)
    unpack, header, append = FRAME.unpack_from, FRAME.size, records.append
    while at + header <= end:
        length, checksum = unpack(data, at)
        begin = at + header
        after = begin + length
        if after > end or not length:
            break
        payload = data[begin:after]
        if crc32(payload) != checksum:
            break
        append(payload)
        at = after
    return at


def _next_whole(data: bytes, at: int) -> int | None:
    """Return where the next whole record begins, found by how every record of ours begins."""
    found = data.find(_COMMON, at + FRAME.size)
    while found >= 0:
        if data.startswith(_BEGINNINGS, found) and _is_whole(data, found - FRAME.size):
            return found - FRAME.size
        found = data.find(_COMMON, found + 1)
    return None


def _is_whole(data: bytes, at: int) -> bool:
    length, checksum = FRAME.unpack_from(data, at)
    begin = at + FRAME.size
    if not 0 < length <= min(MAX_RECORD, len(data) - begin):
        return False
    return crc32(memoryview(data)[begin : begin + length]) == checksum


def _is_cut_off(data: bytes, at: int) -> bool:
    """Say whether the end of the data cuts a record off, as when its writer died."""
    if len(data) - at < FRAME.size:
        return True
    length, _ = FRAME.unpack_from(data, at)
    return at + FRAME.size + length > len(data)
