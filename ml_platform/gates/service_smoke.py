"""The gate `service_smoke`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

from pydantic import Field

from ml_platform.exceptions import ServiceUnavailable
from ml_platform.gates.answers import differences
from ml_platform.gates.evidence import Record, Reply, ServiceEvidence
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.gates.result import GateResult

UNKNOWN_FIELD = "no_such_field"
NOT_A_VALUE = {"not": "a value"}
CHUNK = 100
SHOWN = 10


@GATES.register
class ServiceSmoke(Gate[ServiceEvidence]):
    """Ask the real service: health, one record, a batch of two, bad input, and equality.

    Its answers to holdout records must be the model's own, bit for bit; bad input must be
    refused with 400, the field and a reason.
    records: how many holdout records are compared, spread over the holdout; all, where it has
        fewer.
    """

    stage: ClassVar[Stage] = Stage.DEPLOYED_BENTO

    type: Literal["service_smoke"] = "service_smoke"
    records: int = Field(default=200, ge=2)

    def judge(self, evidence: ServiceEvidence) -> GateResult:
        """Report every way in which the service is wrong; one is enough to fail."""
        if len(evidence.records) < 2:
            reason = f"{len(evidence.records)} holdout records are too few for a batch of two"
            return GateResult(verdict="inconclusive", rows=len(evidence.records), reason=reason)
        compared = min(self.records, len(evidence.records))
        try:
            faults = [*_health(evidence), *_invalid(evidence)]
            faults += _single(evidence)
            faults += _batch(evidence, 0, 2)
            for start in range(0, compared, CHUNK):
                faults += _batch(evidence, start, min(start + CHUNK, compared))
        except ServiceUnavailable as error:
            faults = [f"the service does not answer: {error}"]
        return GateResult(
            verdict="failed" if faults else "passed",
            value=float(len(faults)),
            bound=0.0,
            rows=compared,
            reason=_reason(faults, compared),
            details={"faults": faults[:SHOWN]},
        )


def _reason(faults: Sequence[str], compared: int) -> str:
    if not faults:
        return (
            f"health, predict, batch and bad input are answered as they should be, and "
            f"{compared:,} answers are the model's own"
        )
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{faults[0]}{more}"


def _health(evidence: ServiceEvidence) -> Iterator[str]:
    reply = evidence.service.get("/health")
    if reply.status != 200:
        yield f"GET /health answered {reply.status}, not 200"


def _single(evidence: ServiceEvidence) -> Iterator[str]:
    reply = evidence.service.post("/predict", evidence.records[0])
    if reply.status != 200 or not isinstance(reply.body, Mapping):
        yield f"POST /predict answered {_told(reply)}, not 200 and an object"
        return
    answer = cast("Mapping[str, Any]", reply.body)
    for field in ("prediction", "prediction_id", "model_version"):
        if field not in answer:
            yield f"POST /predict answered without {field!r}"
    version = answer.get("model_version")
    if version is not None and str(version) != evidence.version:
        yield f"version {version} answers, not {evidence.version}"
    yield from differences([answer], evidence, 0)


def _batch(evidence: ServiceEvidence, start: int, stop: int) -> Iterator[str]:
    records = list(evidence.records[start:stop])
    reply = evidence.service.post("/predict-batch", {"records": records})
    body: Any = reply.body
    answers = body.get("predictions") if isinstance(body, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if reply.status != 200 or not isinstance(answers, list):
        yield f"POST /predict-batch answered {_told(reply)}, not 200 and a list of predictions"
    elif len(cast("list[Any]", answers)) != len(records):
        count = len(cast("list[Any]", answers))
        yield f"a batch of {len(records)} records got {count} predictions"
    else:
        yield from differences(cast("list[Any]", answers), evidence, start)


def _invalid(evidence: ServiceEvidence) -> Iterator[str]:
    record = evidence.records[0]
    yield from _refused(evidence, {**record, UNKNOWN_FIELD: 1}, UNKNOWN_FIELD)
    reply = evidence.service.post("/predict", [])
    if reply.status != 400:
        yield f"a body that is no record was answered {_told(reply)}, not 400"
    refused = 0
    for field in record:
        wrong: Record = {**record, field: NOT_A_VALUE}
        reply = evidence.service.post("/predict", wrong)
        if reply.status == 400:
            refused += 1
            yield from _names_field(reply, field)
        elif reply.status != 200:
            yield f"a wrong {field!r} was answered {_told(reply)}, not 400"
    if not refused:
        yield "a value of a wrong type was accepted in every field"


def _refused(evidence: ServiceEvidence, record: Record, field: str) -> Iterator[str]:
    reply = evidence.service.post("/predict", record)
    if reply.status == 400:
        yield from _names_field(reply, field)
    else:
        yield f"an unknown field was answered {_told(reply)}, not 400"


def _names_field(reply: Reply, field: str) -> Iterator[str]:
    """A refusal names the field and a reason, at the top of its body or one level below."""
    body: Any = reply.body
    levels = [body, *body.values()] if isinstance(body, dict) else []  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    for level in cast("list[Any]", levels):
        if isinstance(level, dict) and level.get("field") == field and level.get("reason"):  # pyright: ignore[reportUnknownMemberType]
            return
    yield f"the refusal of a wrong {field!r} does not name field and reason: {body!r:.200}"


def _told(reply: Reply) -> str:
    return f"{reply.status} {reply.body!r:.120}"
