from datetime import UTC, datetime, timedelta
from typing import Any

from ml_platform.data.page import page_html, page_markdown
from ml_platform.evaluation.report import Evaluation, MetricValue, SliceValue
from ml_platform.registry.card import CardEvidence, model_card
from ml_platform.registry.certificate import Certificate
from ml_platform.registry.version import ModelVersion
from ml_platform.registry.waiver import Waiver
from ml_platform.task import Task
from ml_platform_tests.registry.test_certificate import NOW, certificate, record

TAGS = {
    "description": "Late?",
    "intended_use": "Warn passengers. <b>Not</b> for crews.",
    "owner": "ops@example.com",
    "task": "binary",
    "contract_version": "4",
    "training_data": "flights/validated_data@2",
    "training_data_hash": "abcd",
}
DECLARATION: dict[str, Any] = {
    "data": {
        "target": "late",
        "contract": {
            "columns": {
                "origin": {"dtype": "category", "allowed": ["EWR", "JFK"], "unique": False},
                "age": {"dtype": "int64", "min": 0, "sensitive": True, "description": "years"},
            }
        },
    },
    "features": {"numeric": ["age"], "categorical": ["origin"]},
    "split": {"type": "random", "holdout": 0.2},
    "training": {"type": "xgboost", "rounds": 20, "params": {}},
}


def auc(value: float | None, low: float = 0.0, high: float = 1.0) -> dict[str, MetricValue]:
    if value is None:
        metric = MetricValue(key="roc_auc", rows=3, reason="one class in the holdout")
    else:
        metric = MetricValue(key="roc_auc", value=value, low=low, high=high, rows=50)
    return {"roc_auc": metric}


def evaluation(*parts: SliceValue) -> Evaluation:
    return Evaluation(
        task=Task.BINARY,
        rows=100,
        metrics=auc(0.8, 0.75, 0.85),
        slices=parts,
        confidence=0.95,
        rounds=200,
        seed=1,
    )


def evidence(**changed: Any) -> CardEvidence:
    known: dict[str, Any] = {
        "version": ModelVersion(name="flights", version=3, run_id="run-1", tags=TAGS),
        "declaration": DECLARATION,
        "certificate": certificate(record("contract"), record("minimum_metric_roc_auc")),
        "evaluation": evaluation(
            SliceValue(column="origin", value="EWR", rows=50, metrics=auc(0.6, 0.5, 0.7)),
            SliceValue(column="origin", value="JFK", rows=50, metrics=auc(0.79, 0.7, 0.9)),
            SliceValue(column="age", value="90", rows=3, metrics=auc(None), sensitive=True),
        ),
        "aliases": ("champion",),
        "run_url": "http://127.0.0.1:5000/#/runs/run-1",
    }
    return CardEvidence(**{**known, **changed})


def card(**changed: Any) -> str:
    return page_markdown(model_card(evidence(**changed), now=NOW))


def test_card_tells_use_data_metrics_slices_verdicts_and_contract():
    text = card()
    for part in (
        "# flights, version 3: model card",
        "| Stands as | champion |",
        "Warn passengers. \\<b\\>Not\\</b\\> for crews.",
        "| Data | flights/validated\\_data@2 |",
        "| Trainer | xgboost: rounds 20 |",
        "| roc\\_auc | 0.8 | 0.75 to 0.85 | 50 |",
        "| EWR | 50 | 0.6 \\[0.5, 0.7\\] |",
        "## Sensitive attributes",
        "| minimum\\_metric\\_roc\\_auc | passed | 0.61 |",
        "it lets this version be deployed",
        "| origin | category | allowed EWR, JFK |  |",
        "| age | int64 | min 0; sensitive | years |",
    ):
        assert part in text


def test_verdicts_on_the_running_service_stand_under_a_heading_of_their_own():
    assert "Not judged: they are when a version is released." in card()
    judged = card(service=(record("service_smoke"), record("load_test")))
    service = judged.partition("## Service gates")[2].partition("## Data contract")[0]
    assert "| service\\_smoke | passed | 0.61 | 0.7 | 1,200 |" in service
    assert "| load\\_test | passed |" in service


def test_limits_name_weak_and_unmeasured_slices_and_no_others():
    limits = card().partition("## Limits")[2].partition("## Training")[0]
    assert "Weaker for origin = EWR: roc\\_auc 0.6 \\[0.5, 0.7\\], over all rows 0.8." in limits
    assert "JFK" not in limits
    assert "age = 90 (3 rows)" in limits
    assert "No sensitive attribute" not in limits
    assert "contract version 4" in limits


def test_waivers_and_failed_gates_stand_in_the_limits_and_the_certificate():
    waiver = Waiver(
        check="latency",
        version=3,
        by="ann",
        reason="new hardware next week",
        until=NOW + timedelta(days=1),
        granted_at=NOW - timedelta(days=1),
    )
    over = waiver.model_copy(update={"check": "model_size", "until": NOW - timedelta(hours=1)})
    issued: Certificate = certificate(record("latency", "failed", blocks=True))
    text = card(certificate=issued.model_copy(update={"waivers": (waiver, over)}))
    limits = text.partition("## Limits")[2].partition("## Training")[0]
    assert "Gate latency failed" in limits
    assert "Gate latency is waived by ann" in limits
    assert "model\\_size" not in limits
    assert "it lets this version be deployed" in text
    assert "model\\_size: waived by ann" in text
    assert "(over)" in text
    assert "it does not let" in card(certificate=issued)


def test_a_version_without_evidence_has_a_card_that_says_so():
    bare = evidence(declaration=None, certificate=None, evaluation=None, aliases=())
    text = page_markdown(model_card(bare, now=datetime(2026, 1, 1, tzinfo=UTC)))
    for part in ("Not evaluated", "may not be deployed", "registered, not released"):
        assert part in text
    assert "Data contract" not in text


def test_undeclared_sensitive_attributes_are_a_limit():
    assert "No sensitive attribute was declared" in card(evaluation=evaluation())


def test_html_card_is_one_file():
    page = page_html(model_card(evidence(), now=NOW))
    assert "&lt;b&gt;Not&lt;/b&gt; for crews" in page
    assert "<link" not in page
    assert "src=" not in page
