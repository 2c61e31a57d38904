"""batch_predictions: score the declared rows by the champion."""

from pathlib import Path

from ml_platform.component.platform import Platform
from ml_platform.release.store import champion
from ml_platform.serving.batch import BatchOutcome, Progress, score_file
from ml_platform.serving.build import built_bento
from ml_platform.serving.bundle import Bundle
from ml_platform.spec.load import Declaration
from ml_platform.spec.scoring import ScoringSpec


def released(platform: Platform, model: str, version: int | str | None = None) -> Bundle:
    """The champion of a model, or a version of it, as it lies in the Bento store.

    Raises NothingReleased without a champion, ModelError when there is no such Bento.
    """
    found = version or champion(platform.releases, model)
    return Bundle.read(built_bento(platform.settings.bentos, model, found) / "src")


def score_declared(
    declaration: Declaration, platform: Platform, scoring: ScoringSpec, *, progress: Progress
) -> BatchOutcome:
    """Score the declared input by the champion; the output is replaced whole.

    progress: told how many rows are done.
    """
    folder = declaration.folder
    output = folder / Path(scoring.output).expanduser()
    output.parent.mkdir(parents=True, exist_ok=True)
    return score_file(
        released(platform, declaration.spec.name),
        source=folder / Path(scoring.input).expanduser(),
        output=output,
        on_invalid=scoring.on_invalid,
        overwrite=True,
        progress=progress,
    )
