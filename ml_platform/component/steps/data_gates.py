"""The gates of validated_data: rows that keep the contract, beside those that came before."""

from functools import cache, partial

import pandas as pd

from ml_platform.component.handles import RawData
from ml_platform.component.platform import Platform
from ml_platform.gates.evidence import DataEvidence, Reference
from ml_platform.gates.gate import Stage
from ml_platform.gates.result import GateRecord, GateResult
from ml_platform.registry.comparison import AGAINST_CHAMPION
from ml_platform.spec.load import Declaration


def judge_data(
    declaration: Declaration, platform: Platform, raw: RawData, frame: pd.DataFrame
) -> tuple[GateRecord, ...]:
    """The verdicts of the declared gates on valid rows, before they become a snapshot.

    What they are compared with is read when a gate asks for it. A verdict that may rest on the
    champion says which one that is.
    """
    spec = declaration.spec
    champion = platform.releases.state(spec.name).champion
    gates = spec.all_gates(Stage.VALIDATED_DATA)
    evidence = DataEvidence(
        frame=frame,
        contract=spec.data.contract,
        target=spec.data.target,
        previous=cache(partial(_previous, declaration, platform, raw)),
        champion=cache(partial(_trained_on, declaration, platform, champion)),
        id=spec.data.id,
        event_time=spec.data.event_time,
        seed=spec.training.seed,
        folder=declaration.folder,
    )
    beside = {AGAINST_CHAMPION: champion}
    return tuple(
        gate.record(_told(gate.judge(evidence), beside if gate.compares else {})) for gate in gates
    )


def _told(result: GateResult, beside: dict[str, int | None]) -> GateResult:
    return result.model_copy(update={"details": {**result.details, **beside}})


def origin(declaration: Declaration, raw: RawData) -> dict[str, str]:
    """What a snapshot of valid rows says of itself: the raw rows and the contract."""
    contract = declaration.spec.data.contract
    return {"raw": raw.snapshot.content_hash, "contract": str(contract.version)}


def _previous(declaration: Declaration, platform: Platform, raw: RawData) -> Reference | None:
    """The last snapshot that other rows gave: the same rows validated again are no news."""
    own = origin(declaration, raw)
    history = platform.snapshots.history(f"{declaration.spec.name}/validated_data")
    snapshot = next((each for each in history if each.metadata != own), None)
    if snapshot is None:
        return None
    frame = platform.snapshots.read(snapshot.table, version=snapshot.version)
    return Reference(f"{snapshot.table}@{snapshot.version}", frame)


def _trained_on(
    declaration: Declaration, platform: Platform, champion: int | None
) -> Reference | None:
    name = declaration.spec.name
    if champion is None:
        return None
    hashed = platform.registry.get(name, champion).tags["training_data_hash"]
    frame = platform.snapshots.read(f"{name}/validated_data", content_hash=hashed)
    return Reference(f"the training data of version {champion}", frame)
