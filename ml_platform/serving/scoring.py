"""Choose the code that scores a version: compiled where it is equal, else the training library."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_platform.data.contract import ColumnContract
from ml_platform.exceptions import FeatureError
from ml_platform.serving.adversarial import adversarial_records
from ml_platform.serving.compiled.model import CompiledModel, compiled
from ml_platform.serving.compiled.scorer import Score, Unsupported
from ml_platform.serving.predictor import Predictor
from ml_platform.serving.records import DEFAULT_LIMITS, RecordChecker
from ml_platform.spec.serving import LimitsSpec
from ml_platform.training.model import Model
from ml_platform.training.scoring_path import ScoringPath

Columns = Mapping[str, ColumnContract]
Record = Mapping[str, Any]

_log = logging.getLogger(__name__)


def predictor_of(
    model: Model,
    columns: Columns,
    *,
    version: str,
    limits: LimitsSpec = DEFAULT_LIMITS,
    allowed: bool = True,
) -> Predictor:
    """Return the predictor of a version, as the service, the gates and batch scoring use it.

    allowed: whether the compiled path may be taken; it is taken only if it gives the bits of the
        reference on adversarial records here and now, since libraries and machine may be others
        than when the version was proven. This also compiles it before the first request.

    Raises ServingError when model and contract do not fit each other.
    """
    checker = RecordChecker(columns, model.inputs, limits=limits)
    if not allowed:
        return Predictor(model, checker, version=version)
    fast, path = prove(model, columns, holdout=(), apart=False)
    if fast is None:
        _log.warning("version %s is %s", version, path)
    return Predictor(fast or model, checker, version=version)


def prove(
    model: Model, columns: Columns, *, holdout: Sequence[Record], apart: bool = True
) -> tuple[CompiledModel | None, ScoringPath]:
    """Compile a model and compare it, bit for bit, with itself as it was trained.

    holdout: real records, as the predictor gets them: checked by the contract.
    apart: whether a transform runs for each odd record alone, as in serving; this finds, too, that
        it looks at other rows. It takes milliseconds a record; for the holdout it runs once.
    Returns None for the model where it has no compiled form or differs, with the reason.
    """
    path = ScoringPath(path="reference", code=code_digest())
    try:
        fast = compiled(model)
        odd = adversarial_records(model, columns)
        different = _difference(model, fast, odd, apart=apart)
        different = different or _difference(model, fast, holdout, kept=True)
    except (Unsupported, ImportError) as error:
        return None, path.model_copy(update={"reason": str(error)})
    if different:
        return None, path.model_copy(update={"reason": different})
    counts = {"holdout": len(holdout), "adversarial": len(odd)}
    return fast, path.model_copy(update={"path": "compiled", **counts})


@cache
def code_digest() -> str:
    """Hash of the compiled path's own code (hex)."""
    total = sha256()
    for file in sorted(Path(__file__).parent.joinpath("compiled").glob("*.py")):
        total.update(file.read_bytes())
    return total.hexdigest()


def _difference(
    model: Model,
    fast: CompiledModel,
    records: Sequence[Record],
    *,
    kept: bool = False,
    apart: bool = False,
) -> str:
    """Where the compiled path is another; "" where it is the same.

    kept: whether the records are real, and to be kept to ourselves.
    """
    accepted = records
    try:
        alone = _each(fast, records) if apart else fast.scores_each(records)
    except FeatureError:
        judged = [(record, _accepts(fast, record)) for record in records]
        for record, taken in judged:
            if not taken and not isinstance(_together(model, [record]), str):
                return f"the compiled path refuses {_shown(record, kept=kept)}"
        accepted = [record for record, taken in judged if taken]
        alone = _each(fast, accepted)
    if not accepted:
        return ""
    expected = _together(model, accepted)
    if isinstance(expected, str):
        return f"the compiled path answers what the reference refuses: {expected}"
    wrong = expected != _bits(np.array(alone))
    if wrong.any():
        first = int(np.flatnonzero(wrong.reshape(len(accepted), -1).any(axis=1))[0])
        return f"the compiled path answers another score to {_shown(accepted[first], kept=kept)}"
    if not np.array_equal(expected, _together(fast, accepted)):
        return "the compiled path answers a batch by other scores"
    return ""


def _each(fast: CompiledModel, records: Sequence[Record]) -> list[Score]:
    return [fast.score_of_record(record) for record in records]


def _accepts(fast: CompiledModel, record: Record) -> bool:
    try:
        fast.score_of_record(record)
    except FeatureError:
        return False
    return True


def _shown(record: Record, *, kept: bool) -> str:
    return "a record of the holdout" if kept else f"{dict(record)!r:.300}"


def _together(model: Model | CompiledModel, records: Sequence[Record]) -> NDArray[np.uint64] | str:
    """The bits of the scores, or how the records are refused."""
    try:
        return _bits(model.scores_of_records(records))
    except FeatureError as error:
        return str(error)


def _bits(scores: NDArray[np.float64]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(scores, np.float64).view(np.uint64)
