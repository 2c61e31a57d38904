"""The gates of evaluation_report, with the evidence that the declared ones ask for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from ml_platform.component.platform import Platform
from ml_platform.component.steps.champion import Champion
from ml_platform.component.steps.holdout import Judged
from ml_platform.component.steps.kept_version import KeptVersion
from ml_platform.component.steps.runtimes import runtimes
from ml_platform.evaluation.baseline import Costs, read_baseline
from ml_platform.evaluation.report import Evaluation
from ml_platform.gates.evidence import BenchmarkRows, EvaluationEvidence
from ml_platform.gates.gate import Gate, Stage
from ml_platform.gates.result import GateRecord
from ml_platform.spec.load import Declaration


def judge_evaluation(
    declaration: Declaration,
    platform: Platform,
    candidate: KeptVersion,
    evaluation: Evaluation,
    judged: Callable[[], Judged],
    *,
    benchmarks: Callable[[], Mapping[str, BenchmarkRows | str]],
    earlier: Mapping[str, GateRecord],
    rival: KeptVersion | None,
) -> tuple[GateRecord, ...]:
    """The verdicts of the declared gates on a candidate.

    judged: gives the holdout; called by what needs its rows. benchmarks: the same of these.
    earlier: records of the same evaluation by check. What measures time or memory is not measured
        again for the same gate and champion, or accepted baseline: another number would be noise,
        and another certificate.
    rival: the version that it is compared with; None before the first release.
    """
    evidence = _evidence(declaration, platform, candidate, rival, evaluation, judged, benchmarks)
    number = None if rival is None else rival.number
    return tuple(
        _kept(gate, earlier.get(gate.check_name), evidence.costs, rival=number)
        or gate.record(gate.judge(evidence))
        for gate in declaration.spec.all_gates(Stage.EVALUATION_REPORT)
    )


def _evidence(
    declaration: Declaration,
    platform: Platform,
    candidate: KeptVersion,
    champion: KeptVersion | None,
    evaluation: Evaluation,
    judged: Callable[[], Judged],
    benchmarks: Callable[[], Mapping[str, BenchmarkRows | str]],
) -> EvaluationEvidence:
    gates = declaration.spec.all_gates(Stage.EVALUATION_REPORT)
    accepted = read_baseline(declaration.folder)
    evidence = EvaluationEvidence(
        evaluation=evaluation,
        costs=Costs() if accepted is None else accepted.costs,
        baseline={} if accepted is None else accepted.metrics,
        accepted={} if accepted is None else accepted.slices,
        seed=declaration.spec.training.seed,
        runtimes=cache(
            lambda: runtimes(declaration, candidate, judged().holdout, champion=champion)
        ),
        folder=declaration.folder,
    )
    if not any(gate.needs_rows for gate in gates):
        return evidence
    asked = None if champion is None else Champion(declaration, platform, judged(), champion)
    return _with_rows(replace(evidence, benchmarks=benchmarks()), declaration, judged(), asked)


def _with_rows(
    evidence: EvaluationEvidence,
    declaration: Declaration,
    judged: Judged,
    champion: Champion | None,
) -> EvaluationEvidence:
    return replace(
        evidence,
        holdout=judged.holdout,
        target=judged.target,
        scores=judged.scores,
        metrics={metric.key: metric for metric in declaration.spec.metrics},
        champion=None if champion is None else champion.on(judged.holdout),
        benchmarks={
            name: rows
            if champion is None or isinstance(rows, str)
            else replace(rows, champion=champion.on(rows.frame))
            for name, rows in evidence.benchmarks.items()
        },
        threshold=judged.model.threshold,
    )


def _kept(
    gate: Gate[Any], earlier: GateRecord | None, costs: Costs, *, rival: int | None
) -> GateRecord | None:
    if not gate.noisy or earlier is None or not earlier.is_of(gate.declared):
        return None
    accepted, details = gate.accepted(costs), earlier.result.details
    if details.get("accepted") != accepted:
        return None
    return earlier if accepted or details.get("champion_version") == rival else None
