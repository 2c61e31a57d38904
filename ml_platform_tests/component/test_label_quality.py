"""Labels judge the release under way: an A/B test comes to its verdict, of every task."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from ml_platform.clock import VARIABLE, SimulatedClock
from ml_platform.component.platform import Platform
from ml_platform.component.steps.label_quality import Entered, entered_steps
from ml_platform.features.spec import FeatureSpec
from ml_platform.feedback.inference_table import COLUMNS as PREDICTED
from ml_platform.feedback.inference_table import InferenceTable
from ml_platform.feedback.labels_received import COLUMNS as LABELS
from ml_platform.feedback.labels_received import labels_table
from ml_platform.release.decide import Decision, decide
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action, Transition, replay
from ml_platform.serving.build import bento_folder
from ml_platform.spec.load import Declaration, load_declaration
from ml_platform.training.model_folder import FORMAT, Manifest
from ml_platform_tests.component.running import MODELS, changed, failure, materialize, metadata

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
OPENED = START + timedelta(days=2)
ROWS = 2000
CANARY = Step(stage=Stage.CANARY, percent=50, min_predictions=10)
AB_TEST = Step(stage=Stage.AB_TEST, percent=50)


@dataclass(frozen=True)
class Answers:
    """What was answered (n,), with scores as the log has them, and what became of it."""

    labels: list[Any]
    predictions: list[Any]
    score: list[float]
    scores: list[list[float]] | None = None


def binary(noise: Callable[[int], float]) -> Answers:
    """noise: by the row; the probability of what happens lies so far from certainty."""
    rng = np.random.default_rng(3)
    labels = (rng.random(ROWS) < 0.5).tolist()
    score = [abs(label - noise(i) * rng.random()) for i, label in enumerate(labels)]
    return Answers(labels, [p >= 0.5 for p in score], score)


def multiclass(noise: Callable[[int], float]) -> Answers:
    rng = np.random.default_rng(4)
    classes = np.array(["class_0", "class_1", "class_2"])
    codes = rng.integers(0, 3, ROWS)
    scores = []
    for i, code in enumerate(codes):
        row = np.full(3, 0.0)
        row[code] = 1.0
        scores.append((1 - noise(i)) * row + noise(i) * rng.dirichlet([1, 1, 1]))
    table = np.array(scores)
    predictions = classes[table.argmax(axis=1)].tolist()
    return Answers(classes[codes].tolist(), predictions, table.max(axis=1).tolist(), table.tolist())


def regression(noise: Callable[[int], float]) -> Answers:
    rng = np.random.default_rng(5)
    labels = rng.uniform(100, 300, ROWS).tolist()
    answered = [value + 50 * noise(i) * rng.normal() for i, value in enumerate(labels)]
    return Answers(labels, answered, answered)


TASKS = {"small_credit": binary, "wine": multiclass, "diabetes": regression}
CLASSES = {
    "small_credit": (False, True),
    "wine": ("class_0", "class_1", "class_2"),
    "diabetes": (),
}


class Production:
    """A model whose release of version 2 beside champion 1 was opened two days after START."""

    def __init__(self, declaration: Declaration, platform: Platform) -> None:
        self.declaration, self.platform = declaration, platform
        self.name = declaration.spec.name

    def release(self, *steps: Step, **plan: Any) -> None:
        found = Plan(steps=steps, **plan)
        self.do(Action.PROMOTE_DIRECT, 1, at=START)
        self.do(Action.OPEN, 2, at=OPENED, plan=found)
        for version in (1, 2):
            folder = bento_folder(self.platform.settings.bentos, self.name, version)
            folder = folder / "src" / "model"
            folder.mkdir(parents=True)
            manifest = Manifest(
                format=FORMAT,
                task=self.declaration.spec.task,
                classes=CLASSES[self.name],
                threshold=0.5,
                trainer="xgboost",
                features=FeatureSpec(numeric=("a",)),
                inputs={},
                files={},
            )
            (folder / "model.json").write_text(manifest.model_dump_json(), encoding="utf-8")

    def do(self, action: Action, version: int, *, at: datetime, plan: Plan | None = None) -> None:
        revision = self.platform.releases.revision(self.name)
        self.platform.releases.append(
            Transition(
                model=self.name,
                revision=revision + 1,
                action=action,
                version=version,
                at=at,
                who="test",
                why="test",
                plan=plan,
            ),
            expected_revision=revision,
        )

    def answer(self, answers: Answers) -> None:
        """Both versions answer over 14 days, the candidate every second row, labels follow."""
        ids = [f"p{i}" for i in range(ROWS)]
        times = [START + timedelta(days=14 * i / ROWS) for i in range(ROWS)]
        scores = answers.scores or pa.nulls(ROWS, PREDICTED.field("scores").type)
        columns = {
            "prediction_id": ids,
            "key": ids,
            "time": times,
            "prediction": [json.dumps(each) for each in answers.predictions],
            "score": answers.score,
            "scores": scores,
            "version": [1 + i % 2 for i in range(ROWS)],
            "role": ["candidate" if i % 2 else "champion" for i in range(ROWS)],
            "latency_us": [100] * ROWS,
            "request_id": [""] * ROWS,
            "random": [True] * ROWS,
            "segment": ["s"] * ROWS,
        }
        log = InferenceTable(self.platform.settings.data_url, self.name)
        table = pa.table(columns, schema=PREDICTED)
        assert log.append(table, {"test": 1}, looked=log.look())
        self.tell(answers.labels)

    def tell(self, labels: list[Any], *, number: int = 1) -> None:
        rows = [
            {
                "prediction_id": f"p{i}",
                "label": json.dumps(label),
                "observed_at": START + timedelta(days=14 * i / ROWS + 0.5),
                "source": "bank",
                "received_at": NOW - timedelta(days=10),
            }
            for i, label in enumerate(labels)
            if label is not None
        ]
        received = labels_table(self.platform.settings.data_url, self.name)
        table = pa.Table.from_pylist(rows, schema=LABELS)
        assert received.append(table, {"test": number}, looked=received.look())

    def join(self, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
        return materialize(self.declaration, instance, only=["labeled_feedback"])

    def decide(self) -> Decision:
        state = self.platform.releases.state(self.name)
        evidence = self.platform.releases.open_evidence().get(self.name, {})
        return decide(state, state.plan, evidence, now=NOW)


@pytest.fixture
def produced(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Production]:
    clock = SimulatedClock.create(tmp_path / "clock", start=NOW)
    monkeypatch.setenv(VARIABLE, str(clock.file))

    def make(name: str) -> Production:
        folder = tmp_path / name
        shutil.copytree(MODELS / name, folder)
        declared = (
            "feedback: {label_delay: 1d, window: 7d}\n  training_data: {feedback: false}\n  gates:"
        )
        declaration = changed(load_declaration(folder / "defs.yaml"), "gates:", declared)
        return Production(declaration, platform)

    return make


def better_candidate(row: int) -> float:
    return 0.6 if row % 2 else 0.95


def worse_candidate(row: int) -> float:
    return 1.0 if row % 2 else 0.4


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("small_credit", "log_loss"),
        ("small_credit", "brier"),
        ("small_credit", "accuracy"),
        ("wine", "log_loss"),
        ("wine", "accuracy"),
        ("diabetes", "mae"),
        ("diabetes", "rmse"),
    ],
)
def test_an_ab_test_reaches_its_verdict_from_labels(
    name: str,
    metric: str,
    produced: Callable[[str], Production],
    instance: dg.DagsterInstance,
) -> None:
    model = produced(name)
    model.release(AB_TEST, metric=metric, promote_winner=True)
    model.answer(TASKS[name](better_candidate))
    assert model.decide().action is None
    result = model.join(instance)
    assert result.success, failure(result)
    told = "labeled predictions that judge the release: 857 of champion 1 and 857 of candidate 2"
    assert metadata(result, "labeled_feedback")["release"] == told
    decision = model.decide()
    assert decision.action is Action.PROMOTE, decision.reason
    assert decision.reason.startswith(f"the candidate is better: {metric}")
    assert decision.evidence["ab_test"]["rows"] == 857, "what was answered before does not count"


def test_labels_take_a_worse_canary_back(
    produced: Callable[[str], Production], instance: dg.DagsterInstance
) -> None:
    model = produced("small_credit")
    model.release(CANARY, AB_TEST, metric="log_loss")
    model.answer(binary(worse_candidate))
    model.join(instance)
    decision = model.decide()
    assert decision.action is Action.ROLLBACK
    assert "log_loss on 857 labelled rows" in decision.reason


def test_late_labels_count_at_the_step_of_their_prediction_and_only_once(
    produced: Callable[[str], Production], instance: dg.DagsterInstance
) -> None:
    model = produced("small_credit")
    model.release(CANARY, AB_TEST, metric="log_loss")
    model.do(Action.ADVANCE, 2, at=START + timedelta(days=7))
    answers = binary(better_candidate)
    model.answer(answers)
    model.join(instance)
    model.tell(answers.labels, number=2)  # everything once more
    model.join(instance)
    evidence = model.platform.releases.open_evidence()["small_credit"]
    rows = {
        entered: {version: counts.quality["error"].n for (version, _), counts in step.items()}
        for entered, step in evidence.items()
    }
    assert rows == {2: {1: 357, 2: 357}, 3: {1: 500, 2: 500}}


def test_labels_that_fail_the_audit_judge_no_release(
    produced: Callable[[str], Production], instance: dg.DagsterInstance
) -> None:
    model = produced("small_credit")
    model.release(AB_TEST, metric="log_loss", promote_winner=True)
    answers = binary(better_candidate)
    selected = [
        None if refused else label
        for label, refused in zip(answers.labels, answers.predictions, strict=True)
    ]
    answers = Answers(selected, answers.predictions, answers.score)
    model.answer(answers)
    assert not model.join(instance).success
    decision = model.decide()
    assert decision.action is None
    assert "0 and 0 labelled predictions" in decision.reason


def test_without_a_release_under_way_nothing_is_counted(
    produced: Callable[[str], Production], instance: dg.DagsterInstance
) -> None:
    model = produced("small_credit")
    model.do(Action.PROMOTE_DIRECT, 1, at=START)
    model.answer(binary(better_candidate))
    result = model.join(instance)
    assert result.success, failure(result)
    assert "release" not in metadata(result, "labeled_feedback")


def test_only_steps_at_which_the_candidate_answers_are_counted() -> None:
    steps = (Step(stage=Stage.APPROVAL), Step(stage=Stage.SHADOW), CANARY, AB_TEST)
    plan = Plan(steps=steps, metric="log_loss")
    told = [
        (Action.PROMOTE_DIRECT, 1),
        (Action.OPEN, 2),
        (Action.APPROVE, 2),
        (Action.HOLD, 2),
        (Action.RESUME, 2),
        (Action.ADVANCE, 2),
        (Action.ADVANCE, 2),
    ]
    history = [
        Transition(
            model="m",
            revision=revision,
            action=action,
            version=version,
            at=START + timedelta(days=revision),
            who="test",
            why="test",
            plan=plan if action is Action.OPEN else None,
        )
        for revision, (action, version) in enumerate(told, start=1)
    ]
    found = entered_steps(replay("m", history), history[1:])
    assert found == tuple(Entered(n, START + timedelta(days=n)) for n in (6, 7))
