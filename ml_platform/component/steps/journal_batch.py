"""Some segments, read together: what is new in them, and where each of it came from."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ml_platform.serving.journal.reader import Damage, read_segment
from ml_platform.serving.journal.record import PREDICTION
from ml_platform.serving.journal.segments import SegmentFile, Segments

_BATCH_BYTES = 96 * 1024 * 1024

Taken = Mapping[str, int]
"""How far a stream was taken, in bytes of its segment."""


@dataclass
class Batch:
    """What is new in some segments.

    segments: for each prediction its stream. moved: streams of which something is new, and up to
    where. ended: closed streams, now at their end. size: bytes read.
    """

    predictions: list[bytes] = field(default_factory=list[bytes])
    labels: list[bytes] = field(default_factory=list[bytes])
    damages: list[tuple[str, Damage]] = field(default_factory=list[tuple[str, Damage]])
    moved: dict[str, int] = field(default_factory=dict[str, int])
    ended: set[str] = field(default_factory=set[str])
    size: int = 0
    _streams: list[str] = field(default_factory=list[str])
    _origins: list[int] = field(default_factory=list[int])

    @property
    def segments(self) -> pa.Array:
        """For each prediction the name of its stream."""
        names = pa.array(self._streams, pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(self._origins, pa.int32()), names).cast(
            pa.string()
        )

    def add(self, stream: str, records: list[bytes], *, with_labels: bool) -> None:
        """Add records of a stream, in their order."""
        predictions = [record for record in records if record.startswith(PREDICTION)]
        self.predictions += predictions
        self._origins += [len(self._streams)] * len(predictions)
        self._streams.append(stream)
        if with_labels and len(predictions) < len(records):
            self.labels += [record for record in records if not record.startswith(PREDICTION)]


def batches(segments: Iterable[SegmentFile]) -> Iterator[list[SegmentFile]]:
    """Give segments in groups that fit in memory; a stream is in one group only."""
    group: list[SegmentFile] = []
    size, seen = 0, set[str]()
    for segment in segments:
        if segment.stream in seen:
            continue  # renamed while it was listed
        seen.add(segment.stream)
        if group and size + segment.size > _BATCH_BYTES:
            yield group
            group, size = [], 0
        group.append(segment)
        size += segment.size
    if group:
        yield group


def read_batch(
    place: Segments, segments: Sequence[SegmentFile], taken: Taken, *, labels_taken: Taken
) -> Batch:
    """Read what is new: predictions from `taken` on, labels from where they were taken to.

    The two differ only after a death between their commits.
    """
    batch = Batch()
    for segment in segments:
        start = taken[segment.stream]
        data = place.read(segment, start) if segment.size > start else b""
        if data is None:  # taken and deleted, or closed and renamed, since it was listed
            continue
        before = max(0, labels_taken[segment.stream] - start)
        content = read_segment(data[:before], start=start) if before else None
        if content is not None:
            batch.add(segment.stream, content.records, with_labels=False)
            batch.damages += [(segment.stream, damage) for damage in content.damages]
            start = content.offset
        content = read_segment(data[before:], start=start, closed=segment.closed)
        batch.add(segment.stream, content.records, with_labels=True)
        batch.damages += [(segment.stream, damage) for damage in content.damages]
        batch.size += len(data)
        if content.offset > taken[segment.stream]:
            batch.moved[segment.stream] = content.offset
        if segment.closed:
            batch.ended.add(segment.stream)
    return batch


def set_aside_damage(folder: Path, damages: Iterable[tuple[str, Damage]]) -> None:
    """Keep bytes that are no record: `<worker>-<segment>-<offset>.<kind>`; again is no harm."""
    for stream, damage in damages:
        name = f"{stream.replace('/', '-')}-{damage.offset}.{damage.kind}"
        _keep(folder / name, damage.content)


def set_aside_records(folder: Path, records: Iterable[bytes], *, kind: str) -> None:
    """Keep records that do not fit: `<sha256>.<kind>.json`; again is no harm."""
    for record in records:
        _keep(folder / f"{hashlib.sha256(record).hexdigest()[:32]}.{kind}.json", record)


def _keep(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(file)
