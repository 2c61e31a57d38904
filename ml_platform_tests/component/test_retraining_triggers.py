"""What asks for a training, read from the documents that assets left."""

import json
from datetime import datetime, timedelta

import dagster as dg
import pytest

from ml_platform.component.assets import EVIDENCE_TAG, RETRAINING_TAG
from ml_platform.component.handles import Handle, TrainedModel, ValidatedData
from ml_platform.component.monitoring import ReportHandle
from ml_platform.component.platform import Platform
from ml_platform.component.retraining import decide, request_of, training_runs
from ml_platform.data.snapshots import Snapshot
from ml_platform.gates.result import GateRecord, GateResult
from ml_platform.retraining.plan import Start
from ml_platform.retraining.triggers import LiveQuality
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.production_days import BEGIN
from ml_platform_tests.component.running import changed

MODEL = "small_credit"
DAY = timedelta(days=1)
TRIGGERS = """\
  retraining:
    on_drift: true
    on_quality: {metric: roc_auc, floor: 0.7, max_drop: 0.05}
    on_new_data: true
  gates:
    - {type: no_regression, metric: roc_auc, tolerance: 0.1}
"""


@pytest.fixture
def watched(declaration: Declaration, platform: Platform) -> Declaration:
    """A model that is trained again for everything, trained on the first day."""
    left(platform, trained("old"))
    left(platform, validated("old"))
    return changed(declaration, "  gates:\n", TRIGGERS)


def left(platform: Platform, handle: Handle) -> None:
    platform.handles.write(f"{MODEL}/{handle.asset}/latest.json", handle.model_dump_json())


def snapshot(content: str) -> Snapshot:
    return Snapshot(table="t", version=1, content_hash=content, rows=9, columns=("a",))


def trained(content: str) -> TrainedModel:
    return TrainedModel(
        version=1, run_id="r", fingerprint="f", snapshot=snapshot(content), reused=False,
        asked_at=BEGIN,
    )  # fmt: skip


def validated(content: str) -> ValidatedData:
    result = GateResult(verdict="passed", reason="it is kept")
    contract = GateRecord(check="contract", gate={"type": "contract"}, result=result, blocks=False)
    return ValidatedData(snapshot=snapshot(content), quarantine=None, contract=contract)


def report(*, end: datetime = BEGIN + DAY, **found: object) -> ReportHandle:
    known = {"model": MODEL, "begin": end - DAY, "end": end, "certified": 0.8}
    return ReportHandle.model_validate(known | found)


def quality(low: float, high: float) -> LiveQuality:
    middle = (low + high) / 2
    return LiveQuality(
        metric="roc_auc", value=middle, low=low, high=high, rows=900, window="2024-03-04"
    )


def test_the_run_carries_its_reasons_and_the_figures_behind_them(
    watched: Declaration, platform: Platform
) -> None:
    left(platform, validated("new"))
    moved = {"moved": {"income": 0.41}, "test": "population_stability"}
    left(platform, report(drifted=("income",), quality=quality(0.5, 0.6), **moved))
    [start] = decide([watched], platform, [], now=BEGIN + 2 * DAY)
    assert isinstance(start, Start)
    request = request_of(start, now=BEGIN + 2 * DAY)
    assert request.tags[RETRAINING_TAG] == start.why
    evidence = json.loads(request.tags[EVIDENCE_TAG])
    assert list(evidence) == ["drift", "quality", "new_data"]
    assert evidence["drift"]["moved"] == {"income": 0.41}
    assert evidence["quality"]["rows"] == 900
    assert evidence["new_data"] == {"data": "new", "trained_on": "old"}


def asked(
    declared: Declaration, platform: Platform, instance: dg.DagsterInstance
) -> tuple[str, str]:
    """Why it is trained now, and the run key; empty where nothing asks."""
    decided = decide([declared], platform, training_runs(instance), now=BEGIN + 2 * DAY)
    starts = [each for each in decided if isinstance(each, Start)]
    assert len(decided) == len(starts) <= 1
    return (starts[0].why, starts[0].run_key) if starts else ("", "")


def test_nothing_new_asks_for_nothing(
    watched: Declaration, platform: Platform, instance: dg.DagsterInstance
) -> None:
    left(platform, report(quality=quality(0.76, 0.82)))
    assert asked(watched, platform, instance) == ("", "")


def test_drift_of_a_report_since_the_training_asks(
    watched: Declaration, platform: Platform, instance: dg.DagsterInstance
) -> None:
    left(platform, report(drifted=("income",), end=BEGIN))
    assert asked(watched, platform, instance) == ("", ""), "the training came after it"
    left(platform, report(drifted=("income",)))
    why, key = asked(watched, platform, instance)
    assert why.startswith("income drifted in the window of 2024-03-04")
    left(platform, report(drifted=("income",), end=BEGIN + 2 * DAY))
    assert asked(watched, platform, instance)[1] != key, "another window is another reason"


def test_live_quality_below_floor_or_certificate_asks(
    watched: Declaration, platform: Platform, instance: dg.DagsterInstance
) -> None:
    left(platform, report(quality=quality(0.60, 0.68)))
    assert "worse than 0.7 allowed by the floor" in asked(watched, platform, instance)[0]
    left(platform, report(quality=quality(0.71, 0.74)))
    why, _ = asked(watched, platform, instance)
    assert "worse than 0.75 allowed by the champion's certificate" in why
    left(platform, report(quality=quality(0.71, 0.76)))
    assert asked(watched, platform, instance) == ("", ""), "within its noise"


def test_new_data_asks_and_all_reasons_make_one_run(
    watched: Declaration, platform: Platform, instance: dg.DagsterInstance
) -> None:
    left(platform, validated("new"))
    assert asked(watched, platform, instance)[0] == "validated data changed to new"
    left(platform, report(drifted=("income",), quality=quality(0.5, 0.6)))
    why, _ = asked(watched, platform, instance)
    assert len(why.split("; ")) == 3
    left(platform, trained("new"))
    left(platform, report())
    assert asked(watched, platform, instance) == ("", "")
