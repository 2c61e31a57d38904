"""What a person can do about a version that may not go on: always three things, in commands."""

from collections.abc import Sequence
from pathlib import Path

from ml_platform.gates.result import GateRecord
from ml_platform.registry.waiver import NEVER_WAIVED


def past_gates(
    blocking: Sequence[GateRecord], *, model: str, file: Path, version: int | None
) -> str:
    """The ways on where gates block, numbered.

    file: the declaration. version: None before there is one.
    """
    return _numbered(
        "Look at what the check found, and mend the data or the model.",
        f"Change the gate, where its bound is wrong, in {file}, and have it judged: "
        f"ml-platform train {model}",
        _around(blocking, model=model, version=version),
    )


def past_a_certificate(*, model: str) -> str:
    """The ways on where the certificate itself does not hold, numbered."""
    return _numbered(
        f"Have the version judged as is declared now, and certified: ml-platform train {model}",
        f"Train another in its place: ml-platform train {model} --force",
        "Stay with what is live, or bring back a version that was champion: "
        f"ml-platform rollback {model} --to VERSION --reason WHY",
    )


def _around(blocking: Sequence[GateRecord], *, model: str, version: int | None) -> str:
    """What lets the work go on although the gate stands: by the declaration, or for a while."""
    names = {record.check for record in blocking}
    if "contract" in names:
        return "Set `on_invalid: quarantine` on the contract to go on without the bad rows."
    unclear = all(record.result.verdict == "inconclusive" for record in blocking)
    field = "on_inconclusive" if unclear else "enforce"
    warn = f"Set `{field}: warn` on the gate to see it without being stopped"
    if version is None:
        return f"{warn}; it cannot be waived, as there is no version yet that a waiver could name."
    waivable = sorted(names - NEVER_WAIVED)
    if not waivable:
        return f"{warn}."
    return (
        f"{warn}, or answer for this version alone: ml-platform waive {model} {waivable[0]} "
        f"--version {version} --by WHO --reason WHY --until DATE"
    )


def _numbered(*ways: str) -> str:
    listed = (f"  {number}. {way}" for number, way in enumerate(ways, 1))
    return "\n".join(["What you can do:", *listed])
