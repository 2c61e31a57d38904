"""What a model's `defs.yaml` may say under `attributes`."""

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from ml_platform.data.contract import Contract
from ml_platform.data.sources.source import SOURCES, Source
from ml_platform.data.splits.splitter import SPLITTERS, Splitter
from ml_platform.evaluation.metrics.metric import Metric
from ml_platform.evaluation.spec import EvaluationSpec, metric_names, metric_of_key
from ml_platform.exceptions import UnknownPlugin
from ml_platform.features.spec import FeatureSpec
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.plugins import Declared, Strict
from ml_platform.spec.feedback import FeedbackSpec
from ml_platform.spec.monitoring import AlertsSpec, MonitoringSpec
from ml_platform.spec.release import ReleaseSpec
from ml_platform.spec.retraining import RetrainingSpec, TrainingDataSpec
from ml_platform.spec.scoring import ScoringSpec
from ml_platform.spec.serving import ServingSpec
from ml_platform.task import Task
from ml_platform.training.trainers.trainer import TRAINERS, Trainer
from ml_platform.training.weighting import Weighting

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Text = Annotated[str, Field(min_length=1)]


class DataSpec(Strict):
    """Where the rows come from and what they must be.

    target: the column to predict; it must have no nulls.
    """

    source: Annotated[Source, Declared(SOURCES)]
    target: Text
    positive: str | int | bool | None = Field(
        default=None, description="The class whose probability is predicted; binary only."
    )
    event_time: str | None = Field(
        default=None, description="Gives time-ordered splits, freshness and label maturity."
    )
    id: str | None = Field(default=None, description="Becomes the default prediction key.")
    contract: Contract


class ModelSpec(Strict):
    """One model, as a team declares it.

    name: unique among all models; the name of its asset group, registered model and Bento.
    description: one sentence: the question that the model answers.
    task: the kind of target.
    """

    name: Name
    owner: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$|^team:\S+$")] = Field(
        description="E-mail address or `team:name`; alerts go to it."
    )
    description: Text
    intended_use: Text = Field(description="Goes to the registry and the model card.")
    task: Task
    data: DataSpec
    features: FeatureSpec
    split: Annotated[Splitter, Declared(SPLITTERS)]
    training: Annotated[Trainer, Declared(TRAINERS)]
    training_data: TrainingDataSpec = TrainingDataSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
    gates: tuple[Annotated[Gate[Any], Declared(GATES)], ...] = ()
    serving: ServingSpec = ServingSpec()
    scoring: ScoringSpec | None = None
    release: ReleaseSpec = ReleaseSpec()
    feedback: FeedbackSpec | None = Field(
        default=None, description="How labels come back; none are expected if null."
    )
    retraining: RetrainingSpec = RetrainingSpec()
    monitoring: MonitoringSpec = MonitoringSpec()
    alerts: AlertsSpec = AlertsSpec()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [
            InitErrorDetails(
                type=PydanticCustomError("inconsistent", "{text}", {"text": text}),
                loc=place,
                input=found,
            )
            for place, found, text in _inconsistencies(self)
        ]
        if problems:
            raise ValidationError.from_exception_data("ModelSpec", problems)
        return self

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric that the evaluation measures: the declared, and what gates need."""
        keys = [key for key, _ in _metrics_named(self)]
        return self.evaluation.metrics_for(self.task, also=keys)

    @property
    def weighting(self) -> Weighting:
        """How much each training row counts."""
        return self.training_data.weighting(self.data.event_time)

    def all_gates(self, stage: Stage) -> tuple[Gate[Any], ...]:
        """The gates of a stage: the declared ones, and the smoke tests unless declared."""
        return tuple(gate for gate in _with_defaults(self.gates) if gate.stage is stage)

    @property
    def required_checks(self) -> tuple[str, ...]:
        """Names of the checks whose verdicts a certificate of this declaration must hold."""
        stages = (Stage.VALIDATED_DATA, Stage.TRAINED_MODEL, Stage.EVALUATION_REPORT)
        return ("contract", *(g.check_name for stage in stages for g in self.all_gates(stage)))

    def digest_of(self, *sections: str) -> str:
        """Content hash of some sections of the declaration (sha256, hex)."""
        text = self.model_dump_json(include=set(sections))
        return hashlib.sha256(text.encode()).hexdigest()


ALWAYS = ("training_smoke", "service_smoke")


def _with_defaults(gates: tuple[Gate[Any], ...]) -> tuple[Gate[Any], ...]:
    declared = {gate.type for gate in gates}
    return (*gates, *(_undeclared(name) for name in ALWAYS if name not in declared))


@cache
def _undeclared(name: str) -> Gate[Any]:
    return GATES.parse({"type": name})


Problem = tuple[tuple[str | int, ...], object, str]


def _inconsistencies(spec: ModelSpec) -> Iterator[Problem]:
    yield from _unknown_columns(spec)
    yield from _leaking_features(spec)
    yield from _unmeasured_metrics(spec)
    yield from _unknown_benchmarks(spec)
    yield from _repeated_checks(spec)
    yield from _gates_of_other_tasks(spec)
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


def _unknown_columns(spec: ModelSpec) -> Iterator[Problem]:
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


def _leaking_features(spec: ModelSpec) -> Iterator[Problem]:
    for place, column in _feature_places(spec):
        if column == spec.data.target:
            yield place, column, f"{column!r} is the target; a model must not see it"
        if column == spec.data.id:
            yield place, column, f"{column!r} is the row's id, which no model can learn from"


def _feature_places(spec: ModelSpec) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for kind in ("numeric", "categorical"):
        for i, column in enumerate(getattr(spec.features, kind)):
            yield ("features", kind, i), column


def _unmeasured_metrics(spec: ModelSpec) -> Iterator[Problem]:
    declared = {metric.key: metric for metric in spec.evaluation.metrics}
    for i, key in enumerate(declared):
        yield from _wrong_metric(spec.task, declared[key], ("evaluation", "metrics", i))
    for key, place in _metrics_named(spec):
        try:
            metric = declared.get(key) or metric_of_key(key)
        except UnknownPlugin as error:
            yield place, key, str(error)
        else:
            yield from _wrong_metric(spec.task, metric, place)


def _metrics_named(spec: ModelSpec) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Metrics that something else than the evaluation asks for, and where it says so."""
    for i, gate in enumerate(spec.gates):
        for key in gate.metric_keys:
            yield key, ("gates", i, "metric")
    if spec.retraining.on_quality is not None:
        yield spec.retraining.on_quality.metric, ("retraining", "on_quality", "metric")
    if spec.release.metric is not None:
        yield spec.release.metric, ("release", "metric")


def _unknown_benchmarks(spec: ModelSpec) -> Iterator[Problem]:
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


def _repeated_checks(spec: ModelSpec) -> Iterator[Problem]:
    seen: set[str] = set()
    for i, gate in enumerate(spec.gates):
        if gate.check_name in seen:
            yield ("gates", i), gate.check_name, f"the gate {gate.check_name} is declared twice"
        seen.add(gate.check_name)


def _gates_of_other_tasks(spec: ModelSpec) -> Iterator[Problem]:
    for i, gate in enumerate(spec.gates):
        if spec.task not in gate.tasks:
            valid = ", ".join(name for name in GATES.names() if spec.task in GATES.find(name).tasks)
            text = f"{gate.type} does not judge task {spec.task.value} (valid gates: {valid})"
            yield ("gates", i, "type"), gate.type, text
