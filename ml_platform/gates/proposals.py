"""The numbers of declared gates, as the noise between equal models would have them.

Every proposal is a noise floor and a stated margin, which is a part of that floor:

tolerance (`no_regression`, `slice_no_regression`)
    t = (1 + margin) n, with n = max(q, (q + h) / 2). q is the reach of the difference of two
    equal models (`spread.difference_reach`, at the gate's confidence), h half of their paired
    interval on the holdout. At n the rule of `gates.tolerance` lets an equal model through as
    often as the confidence says; the rows being too few is part of it. Of slices the largest n
    counts, each q at the confidence that all of them together need.
floor, ceiling (`minimum_metric`, `maximum_metric`)
    the mean of the fits on all training rows, less (plus) (1 + margin) n, with
    n = sqrt(q^2 + 2 h^2), h half of the metric's own interval: the next model has other training
    rows, another seed and another holdout. On the interval's bound, h lower (higher) again.
max_increase (`latency`)
    (1 + margin) n, n the largest `spread.ratio_reach` of the gate's batch sizes.
p95_ms (`latency`)
    the geometric mean of the models' p95 of the first batch size, plus (1 + margin) n, n what the
    reach of its logarithms makes of it.
"""

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np

from ml_platform.evaluation.spread import (
    bound_floor,
    corrected,
    difference_reach,
    ratio_reach,
    rounded,
    tolerance_floor,
)
from ml_platform.gates.calibration import WHOLE, Evidence, enough
from ml_platform.gates.gate import Gate
from ml_platform.gates.latency import Latency
from ml_platform.gates.maximum_metric import MaximumMetric
from ml_platform.gates.minimum_metric import MinimumMetric
from ml_platform.gates.no_regression import NoRegression
from ml_platform.gates.opponent import Measuring
from ml_platform.gates.slice_no_regression import SliceNoRegression
from ml_platform.plugins import Strict

ROUNDS = 1_000
"""Of resampling, for the interval of a metric that a bound is held against."""

ON_BENCHMARK = "it judges a frozen benchmark, which no fold of the training rows is like"

Field = Literal["tolerance", "floor", "ceiling", "max_increase", "p95_ms"]


class Proposal(Strict):
    """Another number for one field of a gate.

    place: of the gate in the declaration, from 0.
    noise: the noise floor; what it was made of stands in `basis`.
    centre: what the noise is counted from; None where the field itself is a difference.
    proposed: as it would stand in the YAML.
    """

    check: str
    place: int
    field: Field
    declared: float
    noise: float
    centre: float | None
    proposed: str
    basis: str

    @property
    def changes(self) -> bool:
        """Whether it is another number than the declared one."""
        return float(self.proposed) != self.declared

    @property
    def direction(self) -> str:
        """Whether the gate becomes looser or stricter by it."""
        if not self.changes:
            return "unchanged"
        greater = float(self.proposed) > self.declared
        return "stricter" if greater is (self.field == "floor") else "looser"


class LeftOut(Strict):
    """A gate, or one field of it, that nothing is proposed for, and why."""

    check: str
    reason: str


def propose(
    gates: Sequence[Gate[Any]], evidence: Evidence, *, margin: float
) -> tuple[list[Proposal], list[LeftOut]]:
    """What the declared gates could say, in their order; and the gates that stay as they are."""
    proposals: list[Proposal] = []
    left_out: list[LeftOut] = []
    for place, gate in enumerate(gates):
        for field in _fields(gate):
            found = _Noise(gate, evidence).of(field)
            if isinstance(found, str):
                left_out.append(LeftOut(check=gate.check_name, reason=f"{field}: {found}"))
            else:
                proposals.append(_proposal(gate, place, field, found, margin=margin))
        if not _fields(gate):
            reason = f"the spread over seeds says nothing about a gate of type {gate.type}"
            left_out.append(LeftOut(check=gate.check_name, reason=reason))
    return proposals, left_out


def _fields(gate: Gate[Any]) -> list[Field]:
    if isinstance(gate, NoRegression | SliceNoRegression):
        return ["tolerance"]
    if isinstance(gate, MinimumMetric):
        return ["floor"]
    if isinstance(gate, MaximumMetric):
        return ["ceiling"]
    if isinstance(gate, Latency):
        each: tuple[Field, ...] = ("max_increase", "p95_ms")
        return [name for name in each if getattr(gate, name) is not None]
    return []


Found = tuple[float, float | None, str]
"""Noise floor, centre, and what they were made of; in their place a text tells what is missing."""

SAME = "all fits came out the same, so there is no noise to go by"


def _proposal(
    gate: Gate[Any], place: int, field: Field, found: Found, *, margin: float
) -> Proposal:
    noise, centre, basis = found
    up = field != "floor"
    value = (centre or 0.0) + (1 if up else -1) * (1 + margin) * noise
    return Proposal(
        check=gate.check_name,
        place=place,
        field=field,
        declared=getattr(gate, field),
        noise=noise,
        centre=centre,
        proposed=rounded(value, noise=noise, up=up),
        basis=basis,
    )


class _Noise:
    """The noise floor of the fields of one gate."""

    def __init__(self, gate: Gate[Any], evidence: Evidence) -> None:
        self.gate = gate
        self.evidence = evidence

    def of(self, field: Field) -> Found | str:
        gate = self.gate
        found: Found | str
        if isinstance(gate, NoRegression):
            found = self._tolerance(gate, [WHOLE])
        elif isinstance(gate, SliceNoRegression):
            parts = self.evidence.judges.parts_of(gate)
            found = self._tolerance(gate, parts) if gate.benchmark is None else ON_BENCHMARK
        elif isinstance(gate, MinimumMetric | MaximumMetric):
            found = self._bound(gate)
        else:
            found = self._latency(cast("Latency", gate), field)
        return SAME if not isinstance(found, str) and found[0] <= 0 else found

    def _tolerance(
        self, gate: NoRegression | SliceNoRegression, parts: Sequence[str]
    ) -> Found | str:
        if not parts:
            return "no slice of the holdout has the rows it asks for"
        confidence = corrected(gate.confidence, questions=len(parts))
        largest: Found | None = None
        for part in parts:
            values = self.evidence.spread_of(gate.metric, part)
            half = self.evidence.paired_half(gate.metric, gate.measuring(self.evidence.seed), part)
            problem = half if isinstance(half, str) else enough(values)
            if isinstance(half, str) or problem:
                return f"{gate.metric}{f' of {part}' if part else ''}: {problem}"
            reach = difference_reach(values, confidence=confidence)
            noise = tolerance_floor(reach, half=half)
            where = f" in {part}, the widest of {len(parts)} slices" if part else ""
            basis = (
                f"equal models differ by up to {reach:.3g}{where} ({len(values)} resampled fits), "
                f"the rows tell {half:.3g} apart"
            )
            if largest is None or noise > largest[0]:
                largest = (noise, None, basis)
        return largest or SAME

    def _bound(self, gate: MinimumMetric | MaximumMetric) -> Found | str:
        evidence, key = self.evidence, gate.metric
        how = Measuring(evidence.confidence, ROUNDS, "auto", evidence.seed)
        values, half = evidence.spread_of(key), evidence.own_half(key, how)
        if isinstance(half, str):
            return f"{key}: {half}"
        if enough(values):
            return f"{key}: {enough(values)}"
        whole = evidence.spread_of(key, kind="whole")
        centre = float(np.mean(whole if len(whole) else values))
        reach = difference_reach(values, confidence=evidence.confidence)
        basis = (
            f"mean {centre:.4g} of {len(whole) or len(values)} fits; equal models differ by up to "
            f"{reach:.3g}, other rows of the holdout by {half:.3g}"
        )
        if gate.on != "value":
            centre += half if isinstance(gate, MaximumMetric) else -half
        return bound_floor(reach, half=half), centre, basis

    def _latency(self, gate: Latency, field: Field) -> Found | str:
        evidence = self.evidence
        if evidence.latency_problem:
            return evidence.latency_problem
        if isinstance(gate.p95_ms, dict) and field == "p95_ms":
            return "bounds by the size of the batch are not proposed, one number is"
        if field == "p95_ms":
            batch = gate.batches[0]
            logs = np.log([timing.p95_ms for timing in evidence.timings[batch]])
            centre = float(np.exp(logs.mean()))
            reach = difference_reach(logs, confidence=evidence.confidence)
            basis = f"p95 {centre:.3g} ms with batches of {batch}, by {len(logs)} equal models"
            return centre * float(np.expm1(reach)), centre, basis
        confidence = corrected(evidence.confidence, questions=len(gate.batches))
        reaches = {
            batch: ratio_reach(evidence.ratios(batch), confidence=confidence)
            for batch in gate.batches
        }
        batch = max(reaches, key=reaches.__getitem__)
        return reaches[batch], None, f"equal models timed in turns, most with batches of {batch}"
