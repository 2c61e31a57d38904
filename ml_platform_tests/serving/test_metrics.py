from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ml_platform.serving import worker_counts
from ml_platform.serving.counters import Counters
from ml_platform.serving.metrics import exposition
from ml_platform.serving.worker_counts import WorkerCounts

CHAMPION = {"model": "delays", "version": "3", "role": "champion"}


def counted(answers: int = 4) -> WorkerCounts:
    counters = Counters()
    tally = counters.of("3", "champion")
    for _ in range(answers):
        tally.answered(500, 100, 0.25, 0)
        tally.took(1000)
    tally.failed("not_finite")
    tally.refused("out_of_range")
    tally.nulls, tally.unknown = 5, 2
    counters.of("4", "shadow").answered(3000, 300, 0.5, 1)
    counters.door.refused("overloaded")
    counters.door.failed("internal_error")
    return WorkerCounts(counters.snapshot(), {"records": 4, "unlogged": 1}, at=1.0)


def samples(found: WorkerCounts, price: float | None = None) -> dict[tuple[str, ...], float]:
    text = exposition("delays", found, machine_hour_price=price).decode()
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))):
            sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }  # fmt: skip


def labelled(name: str, **more: str) -> tuple[str, ...]:
    labels = CHAMPION | more
    return (name, *(f"{key}={value}" for key, value in sorted(labels.items())))


def test_counts_are_told_by_model_version_and_role():
    found = samples(counted())

    assert found[labelled("ml_platform_requests_total")] == 6
    assert found[labelled("ml_platform_errors_total", kind="not_finite")] == 1
    assert found[labelled("ml_platform_refusals_total", reason="out_of_range")] == 1
    assert found[labelled("ml_platform_nulls_total")] == 5
    assert found[labelled("ml_platform_unknown_categories_total")] == 2
    assert found[labelled("ml_platform_predictions_total", label="0")] == 4
    assert found[labelled("ml_platform_requests_total", version="4", role="shadow")] == 1


def test_refusals_and_faults_at_the_door_belong_to_no_version():
    found = samples(counted())
    door = {"version": "", "role": "door"}

    assert found[labelled("ml_platform_refusals_total", reason="overloaded", **door)] == 1
    assert found[labelled("ml_platform_errors_total", kind="internal_error", **door)] == 1
    assert labelled("ml_platform_requests_total", **door) not in found


def test_times_and_scores_are_histograms():
    found = samples(counted())

    assert found[labelled("ml_platform_request_seconds_count")] == 4
    assert found[labelled("ml_platform_request_seconds_sum")] == 0.004
    assert found[labelled("ml_platform_request_seconds_bucket", le="0.000512")] == 0
    assert found[labelled("ml_platform_request_seconds_bucket", le="0.001024")] == 4
    assert found[labelled("ml_platform_model_seconds_sum")] == 0.0004
    assert found[labelled("ml_platform_score_count")] == 4
    assert found[labelled("ml_platform_score_bucket", le="0.5")] == 4
    assert found[labelled("ml_platform_score_bucket", le="0.182426")] == 0


def test_values_of_a_regression_have_buckets_around_them():
    counters = Counters()
    tally = counters.of("3", "champion", is_value=True)
    for value in (-100.0, 0.0, 100.0):
        tally.answered(1000, 100, value, value)
    found = samples(WorkerCounts(counters.snapshot()))

    bounds = {
        float(name[1].removeprefix("le=")): value
        for name, value in found.items()
        if name[0] == "ml_platform_score_bucket" and name[1] != "le=+Inf"
    }
    assert list(bounds.values()) == [1, 2, 3]
    low, middle, high = bounds
    assert -100 <= low <= -91
    assert 0 < middle < 1e-9
    assert 100 <= high <= 110


def test_cost_follows_from_the_price_of_the_machine_hour():
    name = labelled("ml_platform_cost_per_1000_inferences")

    assert name not in samples(counted())
    # 1,000 answers of 0.5 ms; that each waited as long for the journal costs no worker's time
    assert samples(counted(), price=3600.0)[name] == 0.5


def test_what_was_not_logged_is_told():
    found = samples(counted())
    assert found["ml_platform_journal_unlogged_total", "model=delays"] == 1
    assert found["ml_platform_journal_records_total", "model=delays"] == 4


def test_workers_add_up_whoever_is_asked(tmp_path: Path):
    worker_counts.write(tmp_path, "1", counted(4))
    worker_counts.write(tmp_path, "2", counted(3))
    (tmp_path / "3.json").write_text('{"half')
    (tmp_path / "4.json").write_text('{"at": 1, "journal": {}, "counts": [["1"]]}')

    found = samples(counted(4) + worker_counts.read_others(tmp_path, but="1"))

    assert found[labelled("ml_platform_predictions_total", label="0")] == 7
    assert found["ml_platform_journal_unlogged_total", "model=delays"] == 2
