"""Models that differ by chance alone, made one after the other within a budget."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.component.steps.train import fit_model
from ml_platform.data.resampling import resampled
from ml_platform.evaluation.metrics.metric import Scores
from ml_platform.evaluation.spread import FEWEST
from ml_platform.exceptions import CalibrationError, MLPlatformError
from ml_platform.gates.calibration import (
    KEPT,
    WHOLE,
    BatchTiming,
    Evidence,
    Fit,
    Judges,
    Key,
    Kind,
    judges_of,
)
from ml_platform.gates.latency import Latency
from ml_platform.gates.timing import Predict, time_interleaved
from ml_platform.serving.client_records import client_records
from ml_platform.serving.scoring import predictor_of
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model

BATCHES = (1, 64)
SECONDS_A_BATCH = 0.15
RECORDS = 256

Clock = Callable[[], float]
Tell = Callable[[Fit], None]


@dataclass(frozen=True)
class Planned:
    """A fit to be made; `number` tells the bootstrap fold."""

    kind: Kind
    number: int
    seed: int


def plan(seeds: int, *, seed: int) -> list[Planned]:
    """The fits in the order in which they are worth most: a stop at any of them is well.

    The seeds are those from the declared one on.
    """
    late: dict[Kind, float] = {"resampled": 0.0, "whole": FEWEST - 0.5}
    fits = [
        Planned(kind, number, (seed + number) % 2**31) for kind in late for number in range(seeds)
    ]
    return sorted(fits, key=lambda fit: fit.number + late[fit.kind])


@dataclass(frozen=True)
class Budget:
    """Wall-clock time; tells whether one more fit would stay within it."""

    seconds: float
    clock: Clock
    began: float

    def allows(self, likely: float) -> bool:
        """Whether something that likely takes so many seconds still fits in."""
        return self.clock() - self.began + likely <= self.seconds


@dataclass(eq=False)
class Bench:
    """Makes the fits one after the other and keeps what was measured of each, not the models."""

    declaration: Declaration
    training: pd.DataFrame
    holdout: pd.DataFrame
    fits: list[Fit] = field(default_factory=list[Fit])
    values: list[dict[Key, float]] = field(default_factory=list[dict[Key, float]])
    scores: list[Scores] = field(default_factory=list[Scores])
    timings: dict[int, list[BatchTiming]] = field(default_factory=dict[int, list[BatchTiming]])
    latency_problem: str = ""
    seed_matters: bool | None = None

    def __post_init__(self) -> None:
        self._judges: Judges | None = None
        self._first_whole: Scores | None = None
        self._before: Predict | None = None
        self._records = client_records(
            self.holdout.head(RECORDS),
            [c for c in self.declaration.spec.data.contract.columns if c in self.holdout.columns],
        )

    def run(self, planned: Iterable[Planned], budget: Budget, tell: Tell) -> str:
        """Make the fits; says why some were not made. Raises CalibrationError below 3."""
        stopped, likely = "", 0.0
        for each in planned:
            if each.kind == "whole" and self.seed_matters is False:
                stopped = "the seed changes nothing, so fits on all rows were not repeated"
                continue
            if not budget.allows(likely):
                stopped = f"the budget of {budget.seconds:g} s is spent"
                break
            began = budget.clock()
            model = self._fit(each)
            self._measure(each, model, budget.clock() - began)
            likely = budget.clock() - began
            tell(self.fits[-1])
        if len(self.fits) < FEWEST:
            raise CalibrationError(_too_small(len(self.fits), budget, likely))
        return stopped

    def evidence(self, *, confidence: float, seed: int) -> Evidence:
        """What the proposals rest on."""
        assert self._judges is not None
        return Evidence(
            judges=self._judges,
            fits=self.fits,
            values=self.values,
            scores=self.scores,
            timings=self.timings,
            latency_problem=self.latency_problem,
            confidence=confidence,
            seed=seed,
        )

    def _fit(self, planned: Planned) -> Model:
        spec = self.declaration.spec
        trainer = spec.training.model_copy(update={"seed": planned.seed})
        declared = replace(self.declaration, spec=spec.model_copy(update={"training": trainer}))
        rows = self.training
        if planned.kind == "resampled":
            places = resampled(
                rows,
                target=spec.data.target,
                task=spec.task,
                group=getattr(spec.split, "group", None),
                seed=(spec.training.seed, planned.number),
            )
            rows = rows.iloc[places].reset_index(drop=True)
        return fit_model(declared, rows, allow_empty=planned.kind == "resampled")

    def _measure(self, planned: Planned, model: Model, seconds: float) -> None:
        spec = self.declaration.spec
        scores = model.scores(self.holdout)
        if self._judges is None:
            self._judges = judges_of(
                spec.gates,
                task=spec.task,
                target=model.encode_target(self.holdout[spec.data.target]),
                metrics=spec.metrics,
                holdout=self.holdout,
            )
        values = self._judges.measure(scores)
        metrics = {
            key: None if np.isnan(value) else value
            for (key, part), value in values.items()
            if part == WHOLE
        }
        self.fits.append(
            Fit(kind=planned.kind, seed=planned.seed, seconds=seconds, metrics=metrics)
        )
        self.values.append(values)
        self._keep(planned.kind, scores)
        self._time(model)

    def _keep(self, kind: Kind, scores: Scores) -> None:
        if kind == "resampled":
            self.scores = [*self.scores, scores][:KEPT]
        elif self._first_whole is None:
            self._first_whole = scores
        elif self.seed_matters is None:
            self.seed_matters = not np.array_equal(self._first_whole, scores)

    def _time(self, model: Model) -> None:
        """Time the predictor in turns with that of the model before it."""
        columns = self.declaration.spec.data.contract.columns
        predict = predictor_of(model, columns, version="calibration").answers
        before, self._before = self._before, predict
        if before is None or self.latency_problem:
            return
        try:
            for batch, seconds in batches_of(self.declaration):
                [timing] = time_interleaved(
                    predict, before, self._records, batches=(batch,), seconds=seconds
                )
                first = [] if self.timings.get(batch) else [_timed(batch, timing.champion)]
                ratio = timing.increase(0.95)[0] + 1
                latest = _timed(batch, timing.candidate, ratio=ratio)
                self.timings.setdefault(batch, []).extend([*first, latest])
        except MLPlatformError as error:
            self.timings, self.latency_problem = {}, f"the predictor cannot answer: {error}"


def batches_of(declaration: Declaration) -> Iterator[tuple[int, float]]:
    """The batch sizes to time, and seconds for each: those of the latency gates, 1 and 64."""
    gates = [gate for gate in declaration.spec.gates if isinstance(gate, Latency)]
    sizes = dict.fromkeys((*BATCHES, *(batch for gate in gates for batch in gate.batches)))
    seconds = max((gate.seconds / len(gate.batches) for gate in gates), default=SECONDS_A_BATCH)
    yield from ((batch, seconds) for batch in sizes)


def _timed(
    batch: int, seconds: NDArray[np.float64] | None, *, ratio: float | None = None
) -> BatchTiming:
    assert seconds is not None
    p50, p95 = (np.quantile(seconds, [0.5, 0.95]) * 1e3).tolist()
    return BatchTiming(batch=batch, p50_ms=p50, p95_ms=p95, ratio=ratio)


def _too_small(fits: int, budget: Budget, last: float) -> str:
    one = f"; the last one took {last:.1f} s" if fits else ""
    return (
        f"the budget of {budget.seconds:g} s is too small: it was enough for {fits} of the "
        f"{FEWEST} fits that are needed{one} (valid: a larger --budget)"
    )
