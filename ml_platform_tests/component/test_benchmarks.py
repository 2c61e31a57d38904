"""A benchmark from the declaration to the certificate: frozen once, kept out, judged by all."""

import dagster as dg
import pandas as pd
from click.testing import CliRunner

from ml_platform.cli.main import main
from ml_platform.component.platform import Platform
from ml_platform.component.reproduce import reproduce
from ml_platform.component.steps.certify import intact_certificate
from ml_platform.data.same_rows import rows_in
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import BEFORE_DEPLOYMENT, changed, failure, materialize

BENCHMARK = "benchmarks: [{name: large, where: amount > 6000}], bootstrap: 50"
FLOOR = "    - {type: minimum_metric, metric: roc_auc, floor: 0.7}\n"
GATE = "    - {type: slice_metric, metric: roc_auc, benchmark: large, floor: 0.5, min_rows: 20}\n"
TABLE = "small_credit/benchmark_large"


def with_benchmark(declaration: Declaration) -> Declaration:
    return changed(changed(declaration, "bootstrap: 50", BENCHMARK), FLOOR, FLOOR + GATE)


def test_benchmark_is_frozen_once_kept_out_of_training_and_judged_by_every_version(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform, monkeypatch
) -> None:
    gated = with_benchmark(declaration)
    result = materialize(gated, instance, only=BEFORE_DEPLOYMENT)
    assert result.success, failure(result)
    first = platform.snapshots.latest(TABLE)
    assert first is not None
    certificate = intact_certificate(platform, "small_credit", 1)
    assert certificate is not None
    assert certificate.benchmarks == {"large": first}
    page = (platform.settings.reports / "small_credit" / "v1" / "evaluation.html").read_text()
    assert f"{TABLE}@{first.version}" in page

    # More rows put the benchmark's where the split would train on them.
    grown = changed(gated, "rows: 1000, seed: 1", "rows: 1400, seed: 1")
    source = grown.folder / "source.py"
    text = source.read_text("utf-8")
    source.write_text(
        text + "\n\n_load = load\n\n\ndef load(rows, seed):\n"
        "    more = _load(rows - 1000, seed + 1)\n"
        "    more = more.assign(loan_id='more-' + more['loan_id'], "
        "applied_at=more['applied_at'] + pd.Timedelta('1000h'))\n"
        "    return pd.concat([_load(1000, seed), more], ignore_index=True)\n",
        encoding="utf-8",
    )
    result = materialize(grown, instance, only=BEFORE_DEPLOYMENT)
    assert result.success, failure(result)
    assert platform.snapshots.latest(TABLE) == first
    second = intact_certificate(platform, "small_credit", 2)
    assert second is not None
    assert second.benchmarks == {"large": first}
    [record] = [r for r in second.records if r.check == "slice_metric_roc_auc_large"]
    assert record.result.rows == first.rows
    assert record.result.details["benchmark"]["seen"] == 0
    rebuilt = reproduce(platform, "small_credit", 2)
    assert rebuilt.equal, rebuilt.differing
    assert rebuilt.rows < 1119

    monkeypatch.setenv("ML_PLATFORM_MODELS", str(grown.folder.parent))
    person = ["--by", "Ada", "--reason", "a new season"]
    shown = CliRunner().invoke(main, ["benchmark", "small_credit"])
    assert f"{first.rows:,} rows" in shown.output, shown.output
    again = CliRunner().invoke(main, ["benchmark", "small_credit", "--freeze", "large", *person])
    assert again.exit_code == 0, again.output
    latest = platform.snapshots.latest(TABLE)
    assert latest is not None
    assert (latest.version, latest.metadata["by"]) == (first.version + 1, "Ada")
    kept = platform.snapshots.read(TABLE, version=latest.version)
    assert not rows_in(
        kept, platform.snapshots.read(TABLE, version=first.version), key="loan_id"
    ).any()
    assert isinstance(kept, pd.DataFrame)


def test_benchmark_without_rows_or_with_another_expression_is_told_and_nothing_trained_anew(
    declaration: Declaration, instance: dg.DagsterInstance, platform: Platform
) -> None:
    assert materialize(declaration, instance, only=BEFORE_DEPLOYMENT).success
    gated = with_benchmark(declaration)
    empty = changed(gated, "amount > 6000", "amount > 1e9")
    result = materialize(empty, instance, only=BEFORE_DEPLOYMENT)
    assert not result.success
    assert "benchmark large is not frozen: no row of the holdout satisfies" in failure(result)
    gated = changed(empty, "amount > 1e9", "amount > 6000")
    assert materialize(gated, instance, only=BEFORE_DEPLOYMENT).success
    assert len(platform.registry.versions("small_credit")) == 1, "rows of a holdout: no retraining"
    redefined = changed(gated, "amount > 6000", "amount > 5000")
    result = materialize(redefined, instance, only=BEFORE_DEPLOYMENT)
    assert "is frozen where amount > 6000, declared where amount > 5000" in failure(result)
    assert "ml-platform benchmark small_credit --freeze large" in failure(result)
