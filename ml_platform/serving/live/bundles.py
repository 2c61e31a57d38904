"""Versions read from the Bento store, verified and warm."""

import logging
from pathlib import Path

from ml_platform.exceptions import MLPlatformError
from ml_platform.serving.bundle import Bundle
from ml_platform.serving.http.schemas import example_record
from ml_platform.serving.live.census import census_of
from ml_platform.serving.live.shelf import Loaded
from ml_platform.serving.predictor import Predictor
from ml_platform.spec.serving import ServingSpec

_log = logging.getLogger(__name__)


def bundle_folder(bentos: Path, model: str, version: int | str) -> Path:
    """Return where the Bento store keeps the content of a Bento."""
    return bentos / "bentos" / model / str(version) / "src"


def declared_serving(bentos: Path, model: str, version: str) -> ServingSpec | None:
    """Return how a version in the Bento store is to be served; None for one that is not there."""
    file = bundle_folder(bentos, model, version) / "serving.json"
    try:
        return ServingSpec.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def loaded_from(bundle: Bundle) -> Loaded:
    """Return a version ready to answer, warm. Raises ServingError when it cannot."""
    predictor = bundle.predictor()
    about = bundle.about()
    _warm(predictor, example_record(about["fields"]))
    return Loaded(
        version=int(bundle.identity.version),
        predictor=predictor,
        serving=bundle.serving,
        key=bundle.identity.key,
        about=about,
        census=census_of(bundle.model),
        has_code=bundle.model.transform is not None,
        explores=bundle.explores(),
    )


def _warm(predictor: Predictor, example: dict[str, object]) -> None:
    """Predict once, so that no client waits for what is made at the first call."""
    try:
        predictor.predict(example)
    except MLPlatformError as error:  # made up: the model need not have an answer to it
        _log.debug("the first prediction of version %s: %s", predictor.version, error)
