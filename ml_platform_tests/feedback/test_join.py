"""What becomes of every label, exactly once."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_platform.feedback import label_staging
from ml_platform.feedback.delta_files import DeltaFiles, newest_version
from ml_platform_tests.feedback.deliveries import START, Deliveries, label, prediction


@pytest.fixture
def deliveries(tmp_path: Path) -> Deliveries:
    return Deliveries(tmp_path)


def standing(deliveries: Deliveries) -> dict[str, str]:
    rows = deliveries.rows()
    joined = rows[rows["outcome"] == "joined"]
    assert joined["prediction_id"].is_unique
    return dict(zip(joined["prediction_id"], joined["label"], strict=True))


def test_without_tables_there_is_nothing_to_join(deliveries: Deliveries) -> None:
    outcome = deliveries.join().run()
    assert not outcome.changed
    assert outcome.record.delivered == 0


def test_a_label_joins_its_prediction_and_no_shadow(deliveries: Deliveries) -> None:
    deliveries.predict(prediction("a", day=1), prediction("a", role="shadow"), prediction("b"))
    deliveries.tell(label("a"))
    assert deliveries.join().run().record.counts == {"joined": 1}
    [row] = deliveries.rows().to_dict("records")
    assert (row["role"], row["label"], row["part"]) == ("champion", "1", "2024-01-02")


def test_the_last_observed_stands_whatever_came_first(deliveries: Deliveries) -> None:
    deliveries.predict(prediction("a"))
    deliveries.tell(label("a", "0", day=3))
    deliveries.join().run()
    deliveries.tell(label("a", "1", day=2), label("a", "0", day=1))
    assert deliveries.join().run().record.counts == {
        "contradicting": 1,
        "duplicate": 1,
        "joined": 1,
    }
    assert standing(deliveries) == {"a": "0"}
    deliveries.tell(label("a", "1", day=4))
    deliveries.join().run()
    assert standing(deliveries) == {"a": "1"}
    assert deliveries.outcomes() == {"contradicting": 2, "duplicate": 1, "joined": 1}


def test_an_unknown_label_waits_for_its_prediction(deliveries: Deliveries) -> None:
    deliveries.predict(prediction("a"))
    deliveries.tell(label("a"), label("b"), label(None, key="k", day=3))
    assert deliveries.join().run().record.counts == {"joined": 1, "unknown": 2}
    assert not deliveries.join().run().changed
    deliveries.predict(prediction("b"), prediction("c", key="k", day=1))
    assert deliveries.join().run().record.counts == {"joined": 3}
    assert standing(deliveries) == {"a": "1", "b": "1", "c": "1"}


def test_a_key_means_the_last_prediction_before_the_outcome(deliveries: Deliveries) -> None:
    deliveries.predict(
        prediction("first", key="k", day=0),
        prediction("second", key="k", day=2),
        prediction("after", key="k", day=9),
    )
    deliveries.tell(label(None, key="k", day=3), label(None, "0", key="k", day=1))
    deliveries.join().run()
    assert standing(deliveries) == {"first": "0", "second": "1"}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (label("a", "7"), "late: allowed"),
        (label("a", '"yes"'), "late: dtype"),
        (label("a", "null"), "late: nullable"),
        (label("a", "[1]"), "no JSON scalar"),
        (label("a", "1 2"), "no JSON scalar"),
        (label(None), "neither prediction_id nor key"),
        (label("a", day=9, received=5), "observed_at: more than a day after received_at"),
    ],
)
def test_what_breaks_the_contract_is_set_aside_with_its_reason(
    deliveries: Deliveries, bad: dict[str, object], reason: str
) -> None:
    deliveries.predict(prediction("a"))
    deliveries.tell(bad, label("a"))
    assert deliveries.join().run().record.counts == {"joined": 1, "quarantined": 1}
    rows = deliveries.rows()
    [found] = rows[rows["outcome"] == "quarantined"].to_dict("records")
    assert found["reason"] == reason
    assert found["label"] == bad["label"]


def test_spellings_of_one_value_are_one_label(deliveries: Deliveries) -> None:
    deliveries.predict(prediction("a"))
    deliveries.tell(label("a", "1"), label("a", "1.0"), label("a", '"1"'))
    assert deliveries.join().run().record.counts == {"duplicate": 2, "joined": 1}


def test_a_prediction_that_is_logged_twice_is_labeled_once(deliveries: Deliveries) -> None:
    deliveries.predict(prediction("a"), prediction("a", day=1), prediction("b"))
    deliveries.tell(label("a"), label("b"))
    assert deliveries.join().run().record.counts == {"joined": 2}


def test_compaction_of_the_inputs_brings_no_label_twice(deliveries: Deliveries) -> None:
    deliveries.predict(prediction("a"), prediction("b"))
    deliveries.tell(label("a"))
    deliveries.join().run()
    deliveries.tell(label("b"))
    files = DeltaFiles(deliveries.labels.url)
    files.open().optimize.compact()
    assert deliveries.join().run().record.counts == {"joined": 2}
    assert deliveries.outcomes() == {"joined": 2}


def test_what_the_log_cannot_tell_is_found_by_comparing(deliveries: Deliveries) -> None:
    deliveries.predict(prediction("a"), prediction("b"))
    deliveries.tell(label("a"), label("a"), label("x"), label("a", "9"))
    deliveries.join().run()
    deliveries.tell(label("a"), label("b"))
    files = DeltaFiles(deliveries.labels.url)
    table = files.open()
    table.optimize.compact()
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert files.added(files.open(), since=1) is None
    counts = deliveries.join().run().record.counts
    assert counts == {"duplicate": 2, "joined": 2, "quarantined": 1, "unknown": 1}
    assert sum(deliveries.outcomes().values()) == 6


def test_a_log_that_is_cut_off_with_nothing_new_in_it_changes_nothing(
    deliveries: Deliveries,
) -> None:
    deliveries.predict(prediction("a"), prediction("b"))
    deliveries.tell(label("a"))
    deliveries.tell(label("b"))
    deliveries.join().run()
    files = DeltaFiles(deliveries.labels.url)
    table = files.open()
    before = table.version()
    table.optimize.compact()
    table.create_checkpoint()
    Path(files.url, "_delta_log", f"{table.version():020d}.json").unlink()
    assert files.added(files.open(), since=before) is None
    assert not deliveries.join().run().changed
    assert deliveries.outcomes() == {"joined": 2}


def test_two_at_once_join_each_label_once(deliveries: Deliveries) -> None:
    deliveries.predict(*(prediction(f"p{i}", day=i % 3) for i in range(30)))
    deliveries.tell(*(label(f"p{i}") for i in range(40)))
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(deliveries.join().run) for _ in range(2)]
        records = [run.result().record for run in runs]
    assert {"joined": 30, "unknown": 10} in [record.counts for record in records]
    assert deliveries.outcomes() == {"joined": 30, "unknown": 10}


@pytest.mark.slow
def test_killed_anywhere_the_next_run_completes_and_nothing_is_doubled(
    deliveries: Deliveries,
) -> None:
    deliveries.predict(*(prediction(f"p{i}", day=i % 5) for i in range(200)))
    code = (
        "import sys; from pathlib import Path\n"
        "from ml_platform_tests.feedback.deliveries import Deliveries\n"
        "join = Deliveries(Path(sys.argv[1])).join(); print('go', flush=True); join.run()\n"
    )
    for number in range(4):
        deliveries.tell(*(label(f"p{i}") for i in range(50 * number, 50 * number + 50)))
        command = [sys.executable, "-c", code, str(deliveries.folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(0.1 * number)
            run.send_signal(signal.SIGKILL)
    assert deliveries.join().run().record.counts == {"joined": 200}
    assert deliveries.outcomes() == {"joined": 200}


IDS = ["a", "b", "c", "d"]
ROW = st.one_of(
    st.builds(
        label,
        st.sampled_from([*IDS, "never"]),
        st.sampled_from(["0", "1", "1.0", "5", "oops"]),
        day=st.integers(0, 4),
    ),
    st.builds(label, st.none(), key=st.sampled_from(["ka", "kb", "kz"]), day=st.integers(0, 4)),
)
STEP = st.one_of(
    st.lists(ROW, min_size=1, max_size=6),
    st.sampled_from([f"predict {id_}" for id_ in IDS]),
    st.just("join"),
)


@pytest.fixture(params=[0, 100_000], ids=["in codes", "as texts"])
def _many_or_few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels enough that the join holds texts as codes, or too few for it."""
    monkeypatch.setattr(label_staging, "_MANY_LABELS", request.param)


@pytest.mark.usefixtures("_many_or_few")
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, max_size=8))
def test_labels_delivered_are_joined_repeated_quarantined_or_unknown(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[dict[str, object]] | str]
) -> None:
    deliveries = Deliveries(tmp_path_factory.mktemp("law"))
    told, predicted = [], set()
    for step in steps:
        if step == "join":
            deliveries.join().run()
        elif isinstance(step, str):
            id_ = step.removeprefix("predict ")
            if id_ not in predicted:
                deliveries.predict(prediction(id_, key=f"k{id_}", day=IDS.index(id_) / 2))
                predicted.add(id_)
        else:
            deliveries.tell(*step)
            told += step
    record = deliveries.join().run().record
    assert record.delivered == len(told)
    if not told:
        return
    assert Counter(deliveries.outcomes()) == Counter(record.counts)
    assert standing(deliveries) == _by_hand(told, predicted)
    assert record.counts.get("quarantined", 0) == sum(row["label"] in ("5", "oops") for row in told)


def _by_hand(told: list[dict[str, object]], predicted: set[str]) -> dict[str, str]:
    """The label in force of each prediction, by the rules of docs/feedback.md."""
    found: dict[str, tuple[object, str]] = {}
    for row in told:
        id_ = str(row["prediction_id"] or str(row["key"])[1:])
        value = str(row["label"]).removesuffix(".0")
        begun = START.timestamp() + 86_400 * (IDS.index(id_) / 2 if id_ in IDS else 0)
        early = row["key"] is not None and row["observed_at"].timestamp() < begun
        if id_ not in predicted or value in ("5", "oops") or early:
            continue
        found[id_] = max(found.get(id_, (row["observed_at"], "")), (row["observed_at"], value))
    return {id_: value for id_, (_, value) in found.items()}


def test_newest_version_reads_nothing_but_names(deliveries: Deliveries) -> None:
    url = deliveries.labels.url
    assert newest_version(url) == -1
    deliveries.tell(label("a"))
    first = newest_version(url)
    deliveries.tell(label("b"))
    assert newest_version(url, known=first) == newest_version(url) == first + 1
