"""The gate `training_smoke`."""

from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from ml_platform.evaluation.metrics.metric import Scores, Target
from ml_platform.evaluation.metrics.probabilities import LogLoss
from ml_platform.evaluation.metrics.regression import RootMeanSquaredError
from ml_platform.exceptions import MLPlatformError
from ml_platform.gates.evidence import FittedModel, TrainingEvidence
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.gates.result import GateResult
from ml_platform.task import Task


@GATES.register
class TrainingSmoke(Gate[TrainingEvidence]):
    """Train as declared on a few rows: it must fit, score every row, and its loss must fall.

    The loss falls from the first round to the last where the trainer reports it by round; else
    the model's loss on these rows must lie below that of one constant answer.
    rows: how many, drawn so that each class is among them.
    """

    stage: ClassVar[Stage] = Stage.TRAINED_MODEL

    type: Literal["training_smoke"] = "training_smoke"
    rows: int = Field(default=100, ge=2)

    def judge(self, evidence: TrainingEvidence) -> GateResult:
        """Train and score a sample; an error of training is a failure, its text the reason."""
        sample = self.sample(evidence)
        rows = len(sample)
        if rows < 2 or sample[evidence.target].nunique() < 2:
            reason = f"{rows} rows with one target value are too little to learn from"
            return GateResult(verdict="inconclusive", rows=rows, reason=reason)
        try:
            model = evidence.fit(sample)
            scores = model.scores(sample)
            encoded = model.encode_target(pd.Series(sample[evidence.target]))
        except MLPlatformError as error:
            return GateResult(
                verdict="failed", rows=rows, reason=f"training on {rows} rows failed: {error}"
            )
        wrong = _wrong_scores(scores, rows, model)
        if wrong:
            return GateResult(verdict="failed", rows=rows, reason=wrong)
        first, last = _loss(model, encoded, scores)
        fell = last < first
        words = "fell" if fell else "did not fall"
        return GateResult(
            verdict="passed" if fell else "failed",
            value=last,
            bound=first,
            rows=rows,
            reason=f"loss {words} on {rows} rows: {first:.4g} to {last:.4g}",
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


def _wrong_scores(scores: Scores, rows: int, model: FittedModel) -> str | None:
    shape = (rows, len(model.classes)) if model.task is Task.MULTICLASS else (rows,)
    if scores.shape != shape:
        return f"scores have shape {scores.shape}, not {shape}"
    if not np.isfinite(scores).all():
        return f"{int((~np.isfinite(scores)).sum())} scores of {rows} rows are not finite"
    if model.task is not Task.REGRESSION and (scores.min() < 0 or scores.max() > 1):
        return f"probabilities reach from {scores.min():.4g} to {scores.max():.4g}"
    return None


def _loss(model: FittedModel, encoded: Target, scores: Scores) -> tuple[float, float]:
    losses = model.estimator.losses
    if len(losses) > 1:
        return losses[0], losses[-1]
    metric = RootMeanSquaredError() if model.task is Task.REGRESSION else LogLoss()
    return metric.measure(encoded, _constant(encoded, scores)), metric.measure(encoded, scores)


def _constant(encoded: Target, scores: Scores) -> Scores:
    if scores.ndim == 1:
        return np.full(len(encoded), encoded.astype(np.float64).mean())
    shares = np.bincount(encoded.astype(np.int64), minlength=scores.shape[1]) / len(encoded)
    return np.tile(shares, (len(encoded), 1))
