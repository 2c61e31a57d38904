from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.data.snapshots import Snapshot
from ml_platform.exceptions import DeploymentRefused
from ml_platform.gates.result import GateRecord, GateResult, Verdict
from ml_platform.registry.certificate import Certificate, require_current, verify
from ml_platform.registry.comparison import Comparison

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FILE = Path("models/flights/defs.yaml")
PAST_GATES = """
What you can do:
  1. Look at what the check found, and mend the data or the model.
  2. Change the gate, where its bound is wrong, in models/flights/defs.yaml, and have it judged: \
ml-platform train flights
  3. Set `enforce: warn` on the gate to see it without being stopped, or answer for this version \
alone: ml-platform waive flights minimum_metric --version 3 --by WHO --reason WHY --until DATE"""
PAST_THE_CERTIFICATE = """
What you can do:
  1. Have the version judged as is declared now, and certified: ml-platform train flights
  2. Train another in its place: ml-platform train flights --force
  3. Stay with what is live, or bring back a version that was champion: \
ml-platform rollback flights --to VERSION --reason WHY"""


def record(check: str, verdict: Verdict = "passed", *, blocks: bool = False) -> GateRecord:
    result = GateResult(
        verdict=verdict, reason="roc_auc 0.61 is below 0.70", value=0.61, bound=0.7, rows=1200
    )
    return GateRecord(check=check, gate={"type": check}, result=result, blocks=blocks)


def certificate(*records: GateRecord, model: str = "flights", version: int = 3) -> Certificate:
    return Certificate(
        model=model,
        version=version,
        records=records,
        snapshot=Snapshot(
            table="flights/validated_data", version=2, content_hash="ab", rows=10, columns=("x",)
        ),
        contract_version=1,
        code_version="c0de",
        git_commit=None,
        environment={"python": "3.11", "xgboost": "3.2.0"},
        metrics={"roc_auc": 0.1 + 0.2, "f1": None},
        issued_at=datetime(2026, 1, 2, tzinfo=UTC),
    )


def check(text: str | None, digest: str | None, *names: str, version: int = 3) -> Certificate:
    required = {name: {"type": name} for name in names}
    return verify(
        text, digest, model="flights", version=version, required=required, file=FILE, now=NOW
    )


def test_a_complete_certificate_comes_back_as_it_was_issued() -> None:
    issued = certificate(record("contract"), record("minimum_metric_roc_auc"))
    assert check(issued.text, issued.digest, "contract", "minimum_metric_roc_auc") == issued


def test_a_verdict_that_only_warns_does_not_stop_the_release() -> None:
    issued = certificate(record("contract", "failed", blocks=False))
    assert check(issued.text, issued.digest, "contract") == issued


@pytest.mark.parametrize(("text", "digest"), [(None, "ab"), (None, None), ("{}", None)])
def test_a_missing_certificate_or_hash_is_refused(text: str | None, digest: str | None) -> None:
    with pytest.raises(DeploymentRefused) as refused:
        check(text, digest)
    assert str(refused.value).startswith("flights:3 may not be deployed: it has no ")
    assert str(refused.value).endswith("pass its gates first" + PAST_THE_CERTIFICATE)


@pytest.mark.parametrize(
    ("before", "after"),
    [("failed", "passed"), ("0.61", "0.91"), ('"blocks":true', '"blocks":false'), ("}", "} ")],
)
def test_a_certificate_changed_in_any_way_is_refused(before: str, after: str) -> None:
    issued = certificate(record("minimum_metric", "failed", blocks=True))
    changed = issued.text.replace(before, after)
    assert changed != issued.text
    with pytest.raises(DeploymentRefused, match="was changed after it was issued"):
        check(changed, issued.digest)


def test_the_certificate_of_another_version_is_refused() -> None:
    issued = certificate(record("contract"), version=2)
    with pytest.raises(DeploymentRefused, match="its certificate is that of flights:2"):
        check(issued.text, issued.digest, "contract")


def test_a_blocking_verdict_and_a_missing_check_are_told_at_once() -> None:
    issued = certificate(record("contract"), record("minimum_metric", "failed", blocks=True))
    with pytest.raises(DeploymentRefused) as refused:
        check(issued.text, issued.digest, "contract", "training_smoke", "no_regression")
    assert str(refused.value) == (
        "flights:3 may not be deployed: its certificate lacks no_regression, training_smoke; "
        "minimum_metric failed: roc_auc 0.61 is below 0.70 (bound 0.7, rows 1,200)" + PAST_GATES
    )


def test_a_gate_that_changed_after_it_was_judged_is_refused_with_what_changed() -> None:
    judged = {"type": "minimum_metric", "floor": 0.7, "enforce": "warn", "note": "old"}
    passed = record("minimum_metric").model_copy(update={"gate": judged})
    issued = certificate(passed)
    declared = {"type": "minimum_metric", "floor": 0.9, "enforce": "block"}
    named = {"model": "flights", "version": 3, "file": FILE, "now": NOW}
    assert verify(issued.text, issued.digest, required={"minimum_metric": judged}, **named)
    with pytest.raises(DeploymentRefused) as refused:
        verify(issued.text, issued.digest, required={"minimum_metric": declared}, **named)
    assert str(refused.value) == (
        "flights:3 may not be deployed: minimum_metric was changed after it was judged: "
        'enforce from "warn" to "block", floor from 0.7 to 0.9, note from "old" to nothing'
        + PAST_THE_CERTIFICATE
    )


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (
            {"version": 1, "on_invalid": "fail", "digest": "cd"},
            'contract was changed after it was judged, without a new version: digest from "ab" '
            'to "cd"',
        ),
        (
            {"version": 2, "on_invalid": "fail", "digest": "cd"},
            'contract was changed after it was judged: digest from "ab" to "cd", version from 1 '
            "to 2",
        ),
        (
            {"version": 1, "on_invalid": "quarantine", "digest": "ab"},
            'contract was changed after it was judged: on_invalid from "fail" to "quarantine"',
        ),
    ],
)
def test_a_contract_whose_rules_changed_is_refused_and_its_version_told(
    declared: dict[str, object], said: str
) -> None:
    judged = {"version": 1, "on_invalid": "fail", "digest": "ab"}
    issued = certificate(record("contract").model_copy(update={"gate": judged}))
    asked = {"contract": declared}
    with pytest.raises(DeploymentRefused) as refused:
        verify(
            issued.text,
            issued.digest,
            model="flights",
            version=3,
            required=asked,
            file=FILE,
            now=NOW,
        )
    assert str(refused.value) == f"flights:3 may not be deployed: {said}{PAST_THE_CERTIFICATE}"


def test_a_verdict_against_another_champion_is_refused_and_what_to_do_is_told() -> None:
    compared = Comparison(champion=1)
    issued = certificate(record("contract")).model_copy(update={"compared_with": compared})

    def verified(champion: int | None) -> Certificate:
        return verify(
            issued.text,
            issued.digest,
            model="flights",
            version=3,
            required={},
            file=FILE,
            now=NOW,
            comparison=Comparison(champion=champion),
        )

    assert verified(1) == verified(3) == issued
    with pytest.raises(DeploymentRefused) as refused:
        verified(2)
    assert str(refused.value) == (
        "flights:3 may not be deployed: it was judged against version 1, but the champion is "
        "version 2" + PAST_THE_CERTIFICATE
    )
    for champion in (1, 3):
        require_current(issued, comparison=Comparison(champion=champion), champion=champion)
    with pytest.raises(DeploymentRefused) as later:
        require_current(issued, comparison=Comparison(champion=2), champion=2)
    assert str(later.value) == str(refused.value)
    require_current(issued, comparison=None, champion=2)


def test_a_document_that_is_no_certificate_is_refused_even_with_its_own_hash() -> None:
    from hashlib import sha256

    text = '{"model": "flights"}'
    with pytest.raises(DeploymentRefused, match=r"cannot be read: version: Field required"):
        check(text, sha256(text.encode()).hexdigest())


def test_what_it_was_compared_with_and_its_benchmarks_are_among_the_facts() -> None:
    issued = certificate(record("contract"))
    assert "compared" not in issued.facts
    compared = issued.model_copy(
        update={"compared_with": Comparison(champion=1), "benchmarks": {"jfk": issued.snapshot}}
    )
    assert compared.facts["compared"] == "with version 1"
    assert compared.facts["benchmark jfk"] == "flights/validated_data@2, 10 rows, ab"


def test_the_text_does_not_depend_on_the_order_of_keys() -> None:
    issued = certificate(record("contract"))
    other = issued.model_copy(update={"environment": {"xgboost": "3.2.0", "python": "3.11"}})
    assert other.digest == issued.digest
    assert issued.model_copy(update={"version": 4}).digest != issued.digest
