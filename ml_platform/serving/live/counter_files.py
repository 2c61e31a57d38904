"""The counts of each worker in a file of its own, for whoever answers for all of them."""

import json
from collections.abc import Mapping
from pathlib import Path

from ml_platform.release.evidence import Counts
from ml_platform.serving.counters import summed
from ml_platform.serving.live.state_cache import write_whole


def write_counters(file: Path, counts: Mapping[tuple[str, str], Counts]) -> None:
    """Write what a worker counted by (version, role), whole or not at all. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {f"{version} {role}": each.to_json() for (version, role), each in counts.items()}
    write_whole(file, json.dumps(content))


def read_counters(folder: Path) -> dict[tuple[str, str], Counts]:
    """Return the sum over the workers of a folder; a file that cannot be read is passed over."""
    every: dict[tuple[str, str], Counts] = {}
    for file in sorted(folder.glob("*.json")):
        every = summed(every, _read(file))
    return every


def _read(file: Path) -> dict[tuple[str, str], Counts]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {
            (version, role): Counts.from_json(text)
            for (version, role), text in (
                (key.split(" ", 1), text) for key, text in content.items()
            )
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
