"""Whether the labeled predictions may stand for all of them.

Labels come for some predictions and not for others. Where who gets one depends on the model or on
the row, a model trained on them learns the selection. Each question is a count against a count, so
an audit costs the same for a thousand predictions and for ten million:

- of each group (a slice, a score band, a role, a decision): is it labeled as often as the others?
  The exact hypergeometric tail, or Yates' corrected normal one for more than a thousand rows;
- of each column: how far do the labeled lie from all? Pearson's chi-square over its bins, and the
  population stability index less what chance gives it;
- of each source: how many of its labels do others contradict? The binomial tail above the bound.

At fault is what is both beyond its tolerance and, by Holm's correction over all questions of the
audit, no chance. The error rates are simulated in benchmarks/audit.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.multiple import rejected
from ml_platform.gates.result import GateRecord, GateResult
from ml_platform.plugins import Strict
from ml_platform.spec.feedback import AuditSpec

CHECK = "bias_audit"

Kind = Literal["slice", "score band", "role", "decision", "column"]
Counts = NDArray[np.int64]

Trainable = Literal["all", "exploration", "none"]
"""Which labeled predictions may teach: all, those decided at random, or none."""

_EXACT = 1000
"""Rows of a group up to which its tail is exact."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """Predictions, and how many of them are labeled, by the groups of one variable; each (g,).

    Every prediction is in one group. Of kind `column` the distribution is judged, of the others
    each group.
    """

    variable: str
    kind: Kind
    groups: tuple[str, ...]
    predicted: Counts
    labeled: Counts

    def table(self) -> dict[str, list[int]]:
        """Predicted and labeled by group, JSON-ready."""
        both = zip(self.groups, self.predicted.tolist(), self.labeled.tolist(), strict=True)
        return {group: [predicted, labeled] for group, predicted, labeled in both}


@dataclass(frozen=True)
class SourceLabels:
    """Labels of known predictions by who gave them; contradicted by a later label."""

    source: str
    labels: int
    contradicted: int


@dataclass(frozen=True)
class Feedback:
    """What is judged: the predictions of matured windows, and the labels of all times.

    predicted, labeled: predictions of these windows. model_labels: of the labeled, by the model.
    delivered, quarantined: labels in all. explored: coverage among decisions made at random.
    """

    predicted: int
    labeled: int
    coverages: Sequence[Coverage] = ()
    sources: Sequence[SourceLabels] = ()
    model_labels: int = 0
    delivered: int = 0
    quarantined: int = 0
    explored: Sequence[Coverage] = ()


class Audit(Strict):
    """The verdict with its findings, and what of the feedback may teach."""

    result: GateResult
    trainable: Trainable

    def record(self, spec: AuditSpec) -> GateRecord:
        """The verdict as a check."""
        mode = {"passed": "warn", "failed": spec.enforce, "inconclusive": spec.on_inconclusive}
        return GateRecord(
            check=CHECK,
            gate={"type": CHECK, **spec.model_dump(mode="json")},
            result=self.result,
            blocks=mode[self.result.verdict] == "block",
        )


@dataclass(frozen=True)
class _Question:
    """One thing asked; a fault where `beyond` the tolerance and `chance` falls.

    text: the finding, for people. size: of the effect, in tolerances.
    """

    text: str
    chance: float
    beyond: bool
    size: float
    about: dict[str, Any] = field(default_factory=dict[str, Any])


def audit(feedback: Feedback, spec: AuditSpec) -> Audit:
    """Judge the feedback; too little of it is inconclusive."""
    facts = list(_facts(feedback, spec))
    asked = [*_questions(feedback.coverages, spec), *_contradictions(feedback.sources, spec)]
    few = feedback.labeled < spec.min_rows
    found = facts if few else [*facts, *_faults(asked, spec)]
    details = {
        "findings": [question.text for question in found],
        "effects": [question.about for question in found if question.about],
        "questions": len(asked),
        **_measured(feedback),
    }
    share = _share(feedback.labeled, feedback.predicted)
    counted = f"{feedback.labeled:,} of {feedback.predicted:,} matured predictions are labeled"
    if found:
        texts = [question.text for question in found]
        more = f"; and {len(texts) - 3} more" if len(texts) > 3 else ""
        verdict, reason = "failed", "; ".join(texts[:3]) + more
    elif few:
        verdict = "inconclusive"
        reason = f"{counted}; at least {spec.min_rows:,} are needed to tell"
    else:
        verdict, reason = "passed", f"{counted}, and those are like the others"
    trainable = _trainable(verdict, feedback, spec)
    if trainable == "exploration":
        reason += "; the decisions made at random are labeled evenly and may teach"
    result = GateResult(
        verdict=verdict, reason=reason, value=share, rows=feedback.labeled, details=details
    )
    return Audit(result=result, trainable=trainable)


def _measured(feedback: Feedback) -> dict[str, Any]:
    """What was found out, whatever the verdict; JSON-ready."""
    return {
        "coverage": {each.variable: each.table() for each in feedback.coverages},
        "explored": {each.variable: each.table() for each in feedback.explored},
        "sources": {
            of.source: {"labels": of.labels, "contradicted": _share(of.contradicted, of.labels)}
            for of in feedback.sources
        },
        "model_labels": _share(feedback.model_labels, feedback.labeled),
        "quarantined": _share(feedback.quarantined, feedback.delivered),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _trainable(verdict: str, feedback: Feedback, spec: AuditSpec) -> Trainable:
    mode = {"passed": "warn", "failed": spec.enforce, "inconclusive": spec.on_inconclusive}
    if mode[verdict] == "warn":
        return "all"
    explored = sum(int(each.labeled.sum()) for each in feedback.explored[:1])
    if verdict == "failed" and explored >= spec.min_rows:
        mended = not _faults(list(_questions(feedback.explored, spec)), spec)
        return "exploration" if mended and not list(_facts(feedback, spec)) else "none"
    return "none"


def _faults(questions: Sequence[_Question], spec: AuditSpec) -> list[_Question]:
    falls = rejected(
        [question.chance for question in questions], level=1 - spec.confidence, correction="holm"
    )
    faults = [q for q, fell in zip(questions, falls.tolist(), strict=True) if fell and q.beyond]
    return sorted(faults, key=lambda question: -question.size)


def _questions(coverages: Sequence[Coverage], spec: AuditSpec) -> Iterator[_Question]:
    for coverage in coverages:
        if len(coverage.groups) < 2 or not 0 < coverage.labeled.sum() < coverage.predicted.sum():
            continue  # one group, or all labeled, or none: there is nothing to tell apart
        if coverage.kind == "column":
            yield _shift(coverage, spec)
        else:
            yield from _gaps(coverage, spec)


def _gaps(coverage: Coverage, spec: AuditSpec) -> Iterator[_Question]:
    """Each group against all others."""
    rows, labeled = int(coverage.predicted.sum()), int(coverage.labeled.sum())
    for group, n, m in zip(
        coverage.groups, coverage.predicted.tolist(), coverage.labeled.tolist(), strict=True
    ):
        if not 0 < n < rows:
            continue
        own, others = m / n, (labeled - m) / (rows - n)
        gap = own - others
        name = f"{coverage.kind} {coverage.variable} = {group}"
        name = f"{coverage.kind} {group}" if coverage.variable == coverage.kind else name
        yield _Question(
            text=f"{name} is labeled at {own:.1%}, the others at {others:.1%} (tolerance "
            f"{spec.max_coverage_gap:.1%})",
            chance=_gap_chance(m, n, labeled, rows),
            beyond=abs(gap) > spec.max_coverage_gap,
            size=abs(gap) / max(spec.max_coverage_gap, 1e-9),
            about={"variable": coverage.variable, "group": group, "gap": gap, "rows": n},
        )


def _gap_chance(m: int, n: int, labeled: int, rows: int) -> float:
    """Two-sided chance of m labeled among the n of a group, where labels fall anywhere."""
    from scipy.special import ndtr
    from scipy.stats import hypergeom

    if n <= _EXACT:
        below = float(hypergeom.cdf(m, rows, labeled, n))
        above = float(hypergeom.sf(m - 1, rows, labeled, n))
        return min(1.0, 2 * min(below, above))
    share = labeled / rows
    spread = np.sqrt(n * share * (1 - share) * (rows - n) / max(rows - 1, 1))
    far = max(0.0, abs(m - n * share) - 0.5) / spread
    return float(2 * ndtr(-far))


def _shift(coverage: Coverage, spec: AuditSpec) -> _Question:
    """The labeled against all, over the bins of a column."""
    value, chance = psi_of_labeled(coverage.predicted, coverage.labeled)
    return _Question(
        text=f"{coverage.variable} of the labeled lies apart from all (population stability index "
        f"{value:.2g}, tolerance {spec.max_shift:g})",
        chance=chance,
        beyond=value > spec.max_shift,
        size=value / spec.max_shift,
        about={"variable": coverage.variable, "psi": value},
    )


def psi_of_labeled(predicted: Counts, labeled: Counts) -> tuple[float, float]:
    """Population stability index of labeled (g,) against predicted (g,), and chance's p-value.

    Less what labels drawn without regard to the bins would give it on the average:
    (g - 1) (1 / labeled - 1 / predicted).
    """
    from scipy.special import chdtrc

    from ml_platform.drift.population_stability import FLOOR

    kept = predicted > 0
    predicted, labeled = predicted[kept], labeled[kept]
    n, m = int(predicted.sum()), int(labeled.sum())
    p, q = np.maximum(predicted / n, FLOOR), np.maximum(labeled / m, FLOOR)
    index = float(((q - p) * np.log(q / p)).sum())
    index -= (len(predicted) - 1) * (1 / m - 1 / n)
    expected = predicted * (m / n)
    spread = expected * (1 - m / n)
    square = float((np.square(labeled - expected) / spread).sum())
    return max(0.0, index), float(chdtrc(max(len(predicted) - 1, 1), square))


def _contradictions(sources: Sequence[SourceLabels], spec: AuditSpec) -> Iterator[_Question]:
    from scipy.stats import binom

    for each in sources:
        if each.labels == 0:
            continue
        rate = each.contradicted / each.labels
        yield _Question(
            text=f"{rate:.1%} of the {each.labels:,} labels of source {each.source!r} are "
            f"contradicted (tolerance {spec.max_contradictions:.1%})",
            chance=float(binom.sf(each.contradicted - 1, each.labels, spec.max_contradictions)),
            beyond=rate > spec.max_contradictions,
            size=rate / max(spec.max_contradictions, 1e-9),
            about={"source": each.source, "contradicted": rate},
        )


def _facts(feedback: Feedback, spec: AuditSpec) -> Iterator[_Question]:
    """What was counted and is no sample of anything."""
    shares = (
        ("of the labels are the model's own", feedback.model_labels, feedback.labeled,
         spec.max_model_labels),
        ("of the labels delivered break the contract", feedback.quarantined, feedback.delivered,
         spec.max_quarantined),
    )  # fmt: skip
    for what, part, whole, bound in shares:
        share = _share(part, whole)
        if share is not None and share > bound:
            text = f"{share:.1%} {what} (tolerance {bound:.1%})"
            yield _Question(text=text, chance=0.0, beyond=True, size=share / max(bound, 1e-9))
