"""What a model's `defs.yaml` may say under `attributes`."""

import hashlib
import json
from functools import cache
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from ml_platform import __version__
from ml_platform.data.contract import Contract
from ml_platform.data.sources.source import SOURCES, Source
from ml_platform.data.splits.splitter import SPLITTERS, Splitter
from ml_platform.evaluation.metrics.metric import Metric
from ml_platform.evaluation.spec import EvaluationSpec
from ml_platform.features.spec import FeatureSpec
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.plugins import Declared, Strict
from ml_platform.spec.consistency import inconsistencies, metrics_named
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
        description="E-mail address or `team:name`; messages of `alerts` name it and may go to it."
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
            for place, found, text in inconsistencies(self)
        ]
        if problems:
            raise ValidationError.from_exception_data("ModelSpec", problems)
        return self

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric that the evaluation measures: the declared, and what gates need."""
        keys = [key for key, _ in metrics_named(self)]
        return self.evaluation.metrics_for(self.task, also=keys)

    @property
    def weighting(self) -> Weighting:
        """How much each training row counts."""
        return self.training_data.weighting(self.data.event_time)

    def all_gates(self, stage: Stage) -> tuple[Gate[Any], ...]:
        """The gates of a stage: the declared ones, and the smoke tests unless declared."""
        return tuple(gate for gate in _with_defaults(self.gates) if gate.stage is stage)

    @property
    def contract_gate(self) -> dict[str, Any]:
        """The contract as the gate that it is, as a record names what gave it."""
        contract = self.data.contract
        return {
            "type": "contract",
            "version": contract.version,
            "on_invalid": contract.on_invalid,
            "digest": contract.digest[:16],
        }

    @property
    def required_gates(self) -> dict[str, dict[str, Any]]:
        """The gates whose verdicts a certificate of this declaration must hold, by their checks."""
        stages = (Stage.VALIDATED_DATA, Stage.TRAINED_MODEL, Stage.EVALUATION_REPORT)
        gates = {g.check_name: g.declared for stage in stages for g in self.all_gates(stage)}
        return {"contract": self.contract_gate, **gates}

    @property
    def evaluation_digest(self) -> str:
        """Hash of what decides what an evaluation measures, and how (sha256, hex)."""
        asked = self.model_dump_json(include={"evaluation", "gates"})
        metrics = [metric.model_dump_json() for metric in self.metrics]
        text = json.dumps([__version__, self.training.seed, asked, metrics])
        return hashlib.sha256(text.encode()).hexdigest()

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
