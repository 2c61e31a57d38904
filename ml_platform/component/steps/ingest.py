"""raw_data: read the source, keep what it gave."""

from dataclasses import dataclass

import pandas as pd

from ml_platform.component.handles import RawData
from ml_platform.component.platform import Platform
from ml_platform.exceptions import SourceError
from ml_platform.spec.load import Declaration
from ml_platform.spec.usable import require_trainable


@dataclass(frozen=True)
class IngestOutcome:
    """What the source gave: the handle, and the rows themselves."""

    handle: RawData
    frame: pd.DataFrame


def ingest(declaration: Declaration, platform: Platform) -> IngestOutcome:
    """Read all rows and write them as a snapshot; unchanged rows make no new version.

    Raises SourceError when the source cannot be read or has no rows, and DeclarationError before
    it is read when nothing could be trained on them.
    """
    require_trainable(declaration)
    spec, before = declaration.spec, platform.settings.rows_before
    frame = spec.data.source.read(folder=declaration.folder)
    if before is not None and spec.data.event_time in frame:
        at = pd.to_datetime(frame[spec.data.event_time], utc=True, errors="coerce")
        frame = frame[~(at >= before)]
    if frame.empty:
        until = f" before {before:%Y-%m-%d %H:%M}" if before else ""
        raise SourceError(f"the source of {spec.name} ({spec.data.source.type}) has no rows{until}")
    snapshot = platform.snapshots.write(
        f"{spec.name}/raw_data", frame, metadata={"source": spec.data.source.fingerprint()}
    )
    return IngestOutcome(RawData(snapshot=snapshot), frame)
