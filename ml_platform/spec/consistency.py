"""What of a declaration does not fit together, though each field is fine by itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ml_platform.evaluation.metrics.metric import Metric
from ml_platform.evaluation.spec import metric_names, metric_of_key
from ml_platform.exceptions import UnknownPlugin
from ml_platform.gates.gate import GATES, Gate
from ml_platform.task import Task

if TYPE_CHECKING:
    from ml_platform.spec.model import ModelSpec

RESERVED = "platform"
"""What concerns no single model is told under this name."""

Problem = tuple[tuple[str | int, ...], object, str]


def inconsistencies(spec: "ModelSpec") -> Iterator[Problem]:
    """Give what does not fit together: where it stands, what was found, and what would be valid."""
    if spec.name == RESERVED:
        text = f"{RESERVED!r} names what concerns no single model; choose another name"
        yield ("name",), spec.name, text
    yield from _unknown_columns(spec)
    yield from _leaking_features(spec)
    yield from _unmeasured_metrics(spec)
    yield from _unknown_benchmarks(spec)
    yield from _repeated_checks(spec)
    yield from _gates_of_other_tasks(spec)
    yield from _retrained_blindly(spec)
    if spec.split.type == "time_ordered" and spec.data.event_time is None:
        yield ("split", "type"), spec.split.type, "time_ordered needs data.event_time"
    if spec.data.contract.table.max_age is not None and spec.data.event_time is None:
        place = ("data", "contract", "table", "max_age")
        yield place, str(spec.data.contract.table.max_age), "max_age needs data.event_time"
    if spec.data.event_time is None:
        for name in ("window", "recency_half_life"):
            if getattr(spec.training_data, name) is not None:
                yield ("training_data", name), name, f"{name} needs data.event_time"
    if spec.data.positive is not None and spec.task is not Task.BINARY:
        yield ("data", "positive"), spec.data.positive, "positive is for task: binary only"


def _unknown_columns(spec: "ModelSpec") -> Iterator[Problem]:
    known = spec.data.contract.columns.keys()
    named: list[tuple[tuple[str | int, ...], str | None]] = [
        (("data", "target"), spec.data.target),
        (("data", "event_time"), spec.data.event_time),
        (("data", "id"), spec.data.id),
        *((("evaluation", "slices", i), c) for i, c in enumerate(spec.evaluation.slices)),
        *((("evaluation", "sensitive", i), c) for i, c in enumerate(spec.evaluation.sensitive)),
        *((("monitoring", "ignore", i), c) for i, c in enumerate(spec.monitoring.ignore)),
        *(
            (("evaluation", "benchmarks", i, "where"), c)
            for i, benchmark in enumerate(spec.evaluation.benchmarks)
            for c in benchmark.expression.columns
        ),
        *((("gates", i), c) for i, gate in enumerate(spec.gates) for c in _columns_of(gate)),
    ]
    if spec.features.transform is None:
        named += [(place, column) for place, column in _feature_places(spec)]
    group = getattr(spec.split, "group", None)
    named.append((("split", "group"), group))
    for place, column in named:
        if column is not None and column not in known:
            listed = ", ".join(sorted(known))
            yield place, column, f"no column {column!r} in data.contract.columns (valid: {listed})"


def _columns_of(gate: Gate[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*gate.divides_by, *getattr(gate, "columns", ()))))


def _leaking_features(spec: "ModelSpec") -> Iterator[Problem]:
    for place, column in _feature_places(spec):
        if column == spec.data.target:
            yield place, column, f"{column!r} is the target; a model must not see it"
        if column == spec.data.id:
            yield place, column, f"{column!r} is the row's id, which no model can learn from"


def _feature_places(spec: "ModelSpec") -> Iterator[tuple[tuple[str | int, ...], str]]:
    for kind in ("numeric", "categorical"):
        for i, column in enumerate(getattr(spec.features, kind)):
            yield ("features", kind, i), column


def _unmeasured_metrics(spec: "ModelSpec") -> Iterator[Problem]:
    declared = {metric.key: metric for metric in spec.evaluation.metrics}
    for i, key in enumerate(declared):
        yield from _wrong_metric(spec.task, declared[key], ("evaluation", "metrics", i))
    for key, place in metrics_named(spec):
        try:
            metric = declared.get(key) or metric_of_key(key)
        except UnknownPlugin as error:
            yield place, key, str(error)
        else:
            yield from _wrong_metric(spec.task, metric, place)


def metrics_named(spec: "ModelSpec") -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Metrics that something else than the evaluation asks for, and where it says so."""
    for i, gate in enumerate(spec.gates):
        for key in gate.metric_keys:
            yield key, ("gates", i, "metric")
    if spec.retraining.on_quality is not None:
        yield spec.retraining.on_quality.metric, ("retraining", "on_quality", "metric")
    if spec.release.metric is not None:
        yield spec.release.metric, ("release", "metric")


def _unknown_benchmarks(spec: "ModelSpec") -> Iterator[Problem]:
    known = [benchmark.name for benchmark in spec.evaluation.benchmarks]
    for i, gate in enumerate(spec.gates):
        name = getattr(gate, "benchmark", None)
        if name is not None and name not in known:
            valid = ", ".join(known) or "none is declared"
            text = f"no benchmark {name!r} in evaluation.benchmarks (valid: {valid})"
            yield ("gates", i, "benchmark"), name, text


def _wrong_metric(task: Task, metric: Metric, place: tuple[str | int, ...]) -> Iterator[Problem]:
    if task not in metric.tasks:
        valid = ", ".join(metric_names(task))
        yield place, metric.key, f"{metric.key} does not measure task {task.value} (valid: {valid})"


def _retrained_blindly(spec: "ModelSpec") -> Iterator[Problem]:
    """Retraining by itself needs a holdout of the latest rows, and to be held against what is."""
    joins = spec.feedback is not None and spec.training_data.feedback
    if joins and spec.split.type != "time_ordered":
        text = (
            "labeled production rows join the training, so the holdout must be later than every "
            "training row (valid: time_ordered, or training_data.feedback: false)"
        )
        yield ("split", "type"), spec.split.type, text
    if spec.retraining.has_trigger and not any(gate.type == "no_regression" for gate in spec.gates):
        text = (
            "nothing could show that a retrained version is better than the champion; declare the "
            f"gate no_regression (valid metrics: {', '.join(metric_names(spec.task))})"
        )
        yield ("retraining",), "no gate no_regression", text


def _repeated_checks(spec: "ModelSpec") -> Iterator[Problem]:
    seen: set[str] = set()
    for i, gate in enumerate(spec.gates):
        if gate.check_name in seen:
            yield ("gates", i), gate.check_name, f"the gate {gate.check_name} is declared twice"
        seen.add(gate.check_name)


def _gates_of_other_tasks(spec: "ModelSpec") -> Iterator[Problem]:
    for i, gate in enumerate(spec.gates):
        if spec.task not in gate.tasks:
            gates = GATES.usable().items()
            valid = ", ".join(name for name, cls in gates if spec.task in cls.tasks)
            text = f"{gate.type} does not judge task {spec.task.value} (valid gates: {valid})"
            yield ("gates", i, "type"), gate.type, text
