from dataclasses import dataclass, field

import numpy as np
import pytest

from ml_platform.exceptions import ServiceUnavailable
from ml_platform.gates.evidence import Reply, ServiceEvidence
from ml_platform.gates.gate import GATES, Stage
from ml_platform.task import Task
from ml_platform.testing.gates import check_gate

ROWS = 250
FIELDS = {"carrier": str, "distance": int}
RECORDS = [{"carrier": "UA", "distance": i, "flight_id": str(i)} for i in range(ROWS)]
SCORES = np.random.default_rng(0).random(ROWS)
SHARES = np.random.default_rng(0).dirichlet([1, 1, 1], ROWS)
ANSWERS = {
    Task.BINARY: lambda i: {"prediction": bool(SCORES[i] >= 0.5), "probability": float(SCORES[i])},
    Task.REGRESSION: lambda i: {"prediction": float(SCORES[i])},
    Task.MULTICLASS: lambda i: {
        "prediction": "abc"[SHARES[i].argmax()],
        "probability": float(SHARES[i].max()),
        "probabilities": dict(zip("abc", SHARES[i].tolist(), strict=True)),
    },
}
CLASSES = {Task.BINARY: (False, True), Task.REGRESSION: (), Task.MULTICLASS: ("a", "b", "c")}


@dataclass
class Service:
    """The service as it should be, with one thing broken at a time."""

    task: Task = Task.BINARY
    broken: str = ""
    posted: list = field(default_factory=list)

    def get(self, path):
        if self.broken == "away":
            raise ServiceUnavailable("connection refused")
        return Reply(503 if self.broken == "ill" else 200, {})

    def post(self, path, body):
        self.posted.append((path, body))
        records = body["records"] if path == "/predict-batch" else [body]
        refusal = self.refusal(records[0])
        if refusal:
            return refusal
        answers = [self.answer(record) for record in records]
        if path == "/predict":
            version = "6" if self.broken == "version" else "7"
            return Reply(200, {**answers[0], "prediction_id": "x", "model_version": version})
        return Reply(200, {"predictions": answers[1 if self.broken == "short" else 0 :]})

    def refusal(self, record):
        if self.broken == "permissive":
            return None
        if not isinstance(record, dict):
            return Reply(400, {"field": None, "reason": "not_an_object"})
        unknown = [f for f in record if f not in {*FIELDS, "flight_id"}]
        wrong = [f for f, kind in FIELDS.items() if not isinstance(record[f], kind)]
        if self.broken == "crashing" and wrong:
            return Reply(500, "Internal Server Error")
        for name in [*unknown, *wrong]:
            if self.broken == "mute":
                return Reply(400, {"detail": "bad request"})
            return Reply(400, {"error": {"field": name, "reason": "wrong"}})
        return None

    def answer(self, record):
        distance = record["distance"] if isinstance(record, dict) else 0
        place = distance if isinstance(distance, int) else 0
        answer = ANSWERS[self.task](place)
        if self.broken == "inexact" and place == 199:
            answer["probability"] = float(np.nextafter(answer["probability"], 2))
        if self.broken == "label" and place == 3:
            answer["prediction"] = not answer["prediction"]
        return answer


def evidence(service, records=RECORDS):
    scores = SHARES if service.task is Task.MULTICLASS else SCORES
    return ServiceEvidence(
        service=service,
        records=records,
        scores=scores,
        task=service.task,
        classes=CLASSES[service.task],
        version="7",
    )


GATE = GATES.parse({"type": "service_smoke"})


@pytest.mark.parametrize("task", list(Task))
def test_service_that_answers_as_the_model_does_passes(task) -> None:
    service = Service(task)
    record = check_gate(GATE, evidence(service), verdict="passed")
    assert record.result.rows == 200
    assert GATE.stage is Stage.DEPLOYED_BENTO
    sizes = [len(body["records"]) for path, body in service.posted if path == "/predict-batch"]
    assert sizes[:3] == [2, 100, 100]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("away", "does not answer: connection refused"),
        ("ill", "GET /health answered 503"),
        ("version", "version 6 answers, not 7"),
        ("short", "a batch of 2 records got 1 predictions"),
        ("permissive", "an unknown field was answered 200"),
        ("crashing", "a wrong 'carrier' was answered 500"),
        ("mute", "does not name field and reason"),
        ("inexact", "record 199: probability"),
        ("label", "record 3: predicted"),
    ],
)
def test_service_with_a_fault_fails_and_names_it(broken, said) -> None:
    record = check_gate(GATE, evidence(Service(broken=broken)), verdict="failed")
    assert said in record.result.reason
    assert record.result.details["faults"]


def test_too_few_records_are_inconclusive() -> None:
    check_gate(GATE, evidence(Service(), RECORDS[:1]), verdict="inconclusive")
