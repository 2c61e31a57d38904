"""The gate `training_smoke`."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from ml_platform.evaluation.metrics.metric import Scores, Target
from ml_platform.exceptions import MLPlatformError, TrainingError
from ml_platform.gates.evidence import FittedModel, TrainingEvidence
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.gates.learned import Floats, beyond_chance, direction, most_possible, planted
from ml_platform.gates.result import GateResult
from ml_platform.task import Task

ASKED = 3.0
"""Standard deviations beyond chance."""

TARGETS, BY_ROUND = 5, 2
"""How many of them a model has to learn, as one that looks at no target may follow a few by chance;
and where a loss that falls from round to round shows that it looks at some."""


@dataclass(frozen=True)
class _Trial:
    """What came of training on a target along the features.

    reached: how far beyond chance the scores follow it.
    missing: why that does not count as learned; "" where it does.
    most: how far scores of these features could follow it. by_round: whether the loss is known.
    """

    reached: float
    missing: str
    most: float
    by_round: bool


@GATES.register
class TrainingSmoke(Gate[TrainingEvidence]):
    """Train as declared on a few rows: it must fit, score every row, and be able to learn.

    A hundred rows may tell next to nothing of their target. So the same targets are dealt out
    along the features, in five ways, and each training has to learn them: the scores of these very
    rows rank them three standard deviations beyond chance. Where the trainer reports its loss by
    round, that has to fall, and two ways are enough.
    rows: how many, drawn so that each class is among them.
    """

    stage: ClassVar[Stage] = Stage.TRAINED_MODEL

    type: Literal["training_smoke"] = "training_smoke"
    on_inconclusive: Literal["block", "warn"] = "warn"
    rows: int = Field(default=100, ge=2)

    def judge(self, evidence: TrainingEvidence) -> GateResult:
        """Train and score a sample; an error of training is a failure, its text the reason."""
        sample = self.sample(evidence)
        rows = len(sample)
        if rows < 2 or sample[evidence.target].nunique() < 2:
            alike = rows > 1 and evidence.frame[evidence.target].nunique() == 1
            reason = f"{rows} rows with one target value are too little to learn from"
            return GateResult(
                verdict="failed" if alike else "inconclusive", rows=rows, reason=reason
            )
        try:
            model, _ = _trained(evidence, sample)
            codes = model.encode_target(pd.Series(sample[evidence.target]))
            return _taught(evidence, sample, codes)
        except MLPlatformError as error:
            return GateResult(
                verdict="failed", rows=rows, reason=f"training on {rows} rows failed: {error}"
            )

    def sample(self, evidence: TrainingEvidence) -> pd.DataFrame:
        """Return at most `rows` rows in their order, some of each class that is not too rare."""
        frame = evidence.frame
        order = np.random.default_rng(evidence.seed).permutation(len(frame))
        if evidence.task is not Task.REGRESSION:
            codes = pd.factorize(frame[evidence.target].iloc[order])[0]
            turn = pd.Series(codes).groupby(codes).cumcount().to_numpy()
            least = max(1, self.rows // (10 * max(1, int(codes.max(initial=0)) + 1)))
            order = order[np.argsort(turn >= least, kind="stable")]
        return frame.iloc[np.sort(order[: self.rows])]


def _taught(evidence: TrainingEvidence, sample: pd.DataFrame, codes: Target) -> GateResult:
    """Train on targets that the features tell, along several directions.

    One alone would prove little: a model that never saw a target, but looks at the features, may
    follow it by chance. One that may not follow it, as a monotone constraint forbids, follows the
    opposite; it does not go against it.
    """
    rows = len(sample)
    if evidence.features is None:
        reason = f"the features of these {rows} rows were not given to the gate"
        return GateResult(verdict="inconclusive", rows=rows, reason=reason)
    features = evidence.features(sample)
    reached: list[float] = []
    for number in range(TARGETS):
        along = direction(features, seed=evidence.seed + number)
        trial = _trial(evidence, sample, codes, along)
        if trial.missing and trial.reached > -ASKED:
            trial = _trial(evidence, sample, codes, -along)
        if trial.missing:
            return _not_learned(trial, rows)
        reached.append(trial.reached)
        if trial.by_round and len(reached) == BY_ROUND:
            break
    least = min(reached)
    learned = f"all {len(reached)} targets that the features tell were learned on {rows} rows"
    reason = f"{learned}: {_beyond(least)}"
    return GateResult(verdict="passed", value=least, bound=ASKED, rows=rows, reason=reason)


def _trial(
    evidence: TrainingEvidence, sample: pd.DataFrame, codes: Target, along: Floats
) -> _Trial:
    dealt = planted(pd.Series(sample[evidence.target]), codes, along)
    model, scores = _trained(evidence, sample.assign(**{evidence.target: dealt}))
    taught = model.encode_target(dealt)
    reached = beyond_chance(taught, scores, model.task)
    return _Trial(
        reached,
        missing=_missing(model, scores, reached),
        most=most_possible(taught, along, model.task),
        by_round=len(model.estimator.losses) > 1,
    )


def _not_learned(trial: _Trial, rows: int) -> GateResult:
    if trial.most == 0:
        reason = f"no feature varies over these {rows} rows, so nothing can be learned from them"
        return GateResult(verdict="failed", rows=rows, reason=reason)
    if trial.most < ASKED:
        reason = f"{rows} rows that differ so little cannot tell whether anything is learned"
        return GateResult(verdict="inconclusive", rows=rows, reason=reason)
    reason = (
        f"a target that the features tell was not learned on {rows} rows: {trial.missing}; "
        "an estimator that needs more rows to begin with needs more `rows` here"
    )
    return GateResult(verdict="failed", value=trial.reached, bound=ASKED, rows=rows, reason=reason)


def _trained(evidence: TrainingEvidence, sample: pd.DataFrame) -> tuple[FittedModel, Scores]:
    """The model of these rows and its scores of them. Raises TrainingError for scores not fit."""
    model = evidence.fit(sample)
    scores = model.scores(sample)
    wrong = _wrong_scores(scores, len(sample), model)
    if wrong:
        raise TrainingError(wrong)
    return model, scores


def _missing(model: FittedModel, scores: Scores, reached: float) -> str:
    """Why that does not count as learned; "" where it does."""
    losses = model.estimator.losses
    if np.ptp(scores, axis=0).max() == 0:
        return "every row got the same score"
    if len(losses) > 1 and not losses[-1] < losses[0]:
        return f"the loss did not fall from round to round, {losses[0]:.4g} to {losses[-1]:.4g}"
    return f"the scores follow it {_beyond(reached)}" if reached < ASKED else ""


def _beyond(reached: float) -> str:
    return f"{reached:.3g} standard deviations beyond chance, {ASKED:g} are asked"


def _wrong_scores(scores: Scores, rows: int, model: FittedModel) -> str | None:
    shape = (rows, len(model.classes)) if model.task is Task.MULTICLASS else (rows,)
    if scores.shape != shape:
        return f"scores have shape {scores.shape}, not {shape}"
    if not np.isfinite(scores).all():
        return f"{int((~np.isfinite(scores)).sum())} scores of {rows} rows are not finite"
    if model.task is not Task.REGRESSION and (scores.min() < 0 or scores.max() > 1):
        return f"probabilities reach from {scores.min():.4g} to {scores.max():.4g}"
    return None
