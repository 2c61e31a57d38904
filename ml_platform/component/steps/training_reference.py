"""What reports compare with: columns and scores of the champion's training, counted once."""

from collections.abc import Sequence
from dataclasses import dataclass

from ml_platform.component.platform import Platform
from ml_platform.component.steps.prediction_drift import figures
from ml_platform.component.steps.production_window import Training
from ml_platform.data.handles import HandleStore
from ml_platform.drift.bins import Reference
from ml_platform.plugins import Strict

FOLDER = "training_reference"

MOST_VALUES = 10_000
"""Different texts up to which a column is kept; one with more is counted by each report."""


class Kept(Strict):
    """What is kept of a version.

    asked: of which training, and counted how. columns: None where there are too many values.
    scores: by figure, what the version's predictions of its holdout are like.
    """

    asked: str
    columns: dict[str, Reference | None]
    scores: dict[str, Reference]


@dataclass(frozen=True)
class TrainingReference:
    """The columns of a training, and its predictions of its holdout by figure, as counted."""

    columns: dict[str, Reference]
    scores: dict[str, Reference]


def training_reference(
    training: Training, platform: Platform, names: Sequence[str]
) -> TrainingReference:
    """Return what columns of the training of a version are like; counted once for a version."""
    spec = training.declaration.spec
    store = HandleStore(f"{platform.settings.data_url}/{FOLDER}")
    path = f"{spec.name}/v{training.version}.json"
    asked = f"{training.fingerprint} {spec.digest_of('monitoring')} {spec.training.seed}"
    text = store.read(path)
    known = None if text is None else Kept.model_validate_json(text)
    if known is None or known.asked != asked or not known.columns.keys() >= set(names):
        known = _counted(training, names, asked)
        store.write(path, known.model_dump_json())
    return TrainingReference(
        {name: known.columns[name] or _column(training, name) for name in names}, known.scores
    )


def _counted(training: Training, names: Sequence[str], asked: str) -> Kept:
    spec = training.declaration.spec
    columns = {name: _column(training, name) for name in names}
    return Kept(
        asked=asked,
        columns={name: each if _is_small(each) else None for name, each in columns.items()},
        scores={
            name: spec.monitoring.drift.reference(each)
            for name, each in figures(training.holdout_scores, spec.task).items()
        },
    )


def _column(training: Training, name: str) -> Reference:
    spec = training.declaration.spec
    return spec.monitoring.drift.reference(training.feature(name), seed=spec.training.seed)


def _is_small(reference: Reference) -> bool:
    return reference.tally is None or len(reference.tally) <= MOST_VALUES
