"""Which windows of feedback teach, over many of them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from ml_platform.component.feedback import handle_of
from ml_platform.component.handles import FeedbackUsed, TrainedModel
from ml_platform.component.platform import Platform
from ml_platform.component.retraining import decide
from ml_platform.component.retraining_facts import facts_of
from ml_platform.component.steps.feedback_rows import with_feedback
from ml_platform.component.steps.label_feedback import FeedbackState, label_feedback
from ml_platform.data.snapshots import Snapshot
from ml_platform.feedback.inference_table import COLUMNS as PREDICTED
from ml_platform.feedback.inference_table import InferenceTable
from ml_platform.feedback.labels_received import COLUMNS as LABELS
from ml_platform.feedback.labels_received import labels_table
from ml_platform.retraining.plan import Start
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import changed
from ml_platform_tests.models.small_credit.source import load

START = datetime(2024, 1, 2, tzinfo=UTC)
DAY, WINDOW = timedelta(days=1), timedelta(days=2)
A_WINDOW, WINDOWS = 700, 10
ROWS = A_WINDOW * WINDOWS
SCORES = np.random.default_rng(1).random(ROWS)
LOANS = load(rows=ROWS, seed=1)
FEATURES = ("income", "amount", "years_employed", "purpose")
EVENING = timedelta(hours=12)

Wanted = Callable[[int], bool]


def approved(i: int) -> bool:
    """Who is approved has an outcome, and of the others a tenth."""
    return bool(SCORES[i] < 0.5) or i % 10 == 0


def evenly(i: int) -> bool:
    return i % 5 > 0


@pytest.fixture
def fed(declaration: Declaration, platform: Platform) -> Declaration:
    """The small model, with feedback and ten windows of predictions."""
    times = [START + i * (WINDOW / A_WINDOW) for i in range(ROWS)]
    decisions = [json.dumps(bool(score > 0.5)) for score in SCORES]
    columns = {
        "prediction_id": [f"p{i}" for i in range(ROWS)],
        "key": [f"k{i}" for i in range(ROWS)],
        "time": times,
        "prediction": decisions,
        "score": SCORES,
        "version": [1] * ROWS,
        "role": ["champion"] * ROWS,
        "random": [i % 3 == 0 for i in range(ROWS)],
    }
    rows = pa.table(columns, schema=pa.schema([PREDICTED.field(name) for name in columns]))
    for name in FEATURES:
        rows = rows.append_column(f"feature_{name}", pa.array(LOANS[name]))
    log = InferenceTable(platform.settings.data_url, "small_credit")
    while not log.append(rows, {"test": 1}, looked=log.look()):
        pass  # the first time it becomes wider by the features
    return changed(declaration, "gates:", "feedback: {label_delay: 1d, window: 2d}\n  gates:")


def trained(
    platform: Platform, *, asked_at: datetime = START, through: datetime | None = None
) -> None:
    """Leave the handle of a training, which saw labels up to a time."""
    snapshot = Snapshot(table="t", version=1, content_hash="c", rows=9, columns=("a",))
    handle = TrainedModel(
        version=1, run_id="r", fingerprint="f", snapshot=snapshot, reused=False,
        asked_at=asked_at, through=through,
    )  # fmt: skip
    platform.handles.write("small_credit/trained_model/latest.json", handle.model_dump_json())


def tell(platform: Platform, windows: range, wanted: Wanted) -> None:
    """Let labels of some windows come for the predictions that are wanted."""
    rng = np.random.default_rng(2)
    rows = [
        {
            "prediction_id": f"p{i}",
            "label": json.dumps(bool(rng.random() < SCORES[i])),
            "observed_at": START + i * (WINDOW / A_WINDOW) + EVENING,
            "received_at": START + i * (WINDOW / A_WINDOW) + EVENING,
            "source": "bank",
        }
        for i in range(windows.start * A_WINDOW, windows.stop * A_WINDOW)
        if wanted(i)
    ]
    table = labels_table(platform.settings.data_url, "small_credit")
    labels = pa.Table.from_pylist(rows, schema=LABELS)
    assert table.append(labels, {f"{windows}": 1}, looked=table.look())


def joined(declared: Declaration, platform: Platform, *, after: int) -> FeedbackState:
    """Join so many windows after the start, when the delay has passed; keep what came of it."""
    outcome = label_feedback(declared, platform, now=START + after * WINDOW + DAY)
    handle = handle_of(outcome).model_dump_json()
    platform.handles.write("small_credit/labeled_feedback/latest.json", handle)
    return outcome.state


def taught(declared: Declaration, platform: Platform) -> tuple[list[int], FeedbackUsed]:
    """Rows that teach by window, and what is said of them."""
    source = LOANS.head(10)
    rows, used = with_feedback(declared, platform, source)
    assert len(rows) == len(source) + used.rows
    windows = (rows["applied_at"].iloc[len(source) :] - START.replace(tzinfo=None)) // WINDOW
    return [int((windows == n).sum()) for n in range(WINDOWS)], used


def test_windows_that_failed_their_audit_do_not_teach_when_later_ones_pass(
    fed: Declaration, platform: Platform
) -> None:
    tell(platform, range(4), approved)
    assert joined(fed, platform, after=4).audit.trainable == "none"
    tell(platform, range(4, 10), evenly)
    state = joined(fed, platform, after=10)
    assert (state.audit.result.verdict, state.audit.trainable) == ("passed", "all")
    rows, used = taught(fed, platform)
    assert rows == [0] * 4 + [560] * 6
    assert used.rows == 3360
    assert used.kept_out == sum(map(approved, range(4 * A_WINDOW)))
    assert used.reason == (
        f"{used.kept_out:,} labels: 2024-01-02 00:00 to 2024-01-10 00:00 did not pass its audit"
    )


def test_windows_that_were_short_teach_when_their_labels_come_at_last(
    fed: Declaration, platform: Platform
) -> None:
    tell(platform, range(4), lambda i: i % 10 == 1)
    tell(platform, range(4, 10), evenly)
    joined(fed, platform, after=10)
    assert taught(fed, platform)[0] == [0] * 4 + [560] * 6
    tell(platform, range(2), lambda i: evenly(i) and i % 10 != 1)
    state = joined(fed, platform, after=10)
    assert [each.told for each in state.teaching.kept_out] == [
        "2024-01-06 00:00 to 2024-01-10 00:00 had too few labels when its delay had passed"
    ]
    assert taught(fed, platform)[0] == [560] * 2 + [0] * 2 + [560] * 6


def test_late_labels_that_are_selected_take_back_what_windows_taught(
    fed: Declaration, platform: Platform
) -> None:
    tell(platform, range(10), lambda i: i % 5 > 1)
    joined(fed, platform, after=10)
    assert taught(fed, platform)[0] == [420] * 10
    tell(platform, range(4), lambda i: i % 5 <= 1 and SCORES[i] < 0.5)
    state = joined(fed, platform, after=10)
    assert state.audit.trainable == "all", "the latest windows are well"
    rows, _ = taught(fed, platform)
    assert rows[:2] == [0, 0]
    assert rows[4:] == [420] * 6


def test_labels_that_do_not_teach_ask_for_no_training(fed: Declaration, platform: Platform) -> None:
    trained(platform)
    tell(platform, range(4), approved)
    joined(fed, platform, after=4)
    assert facts_of(fed, platform).new_labels == 0
    tell(platform, range(4, 8), evenly)
    joined(fed, platform, after=8)
    assert facts_of(fed, platform).new_labels == 4 * 560


def test_labels_are_counted_back_to_the_last_training_however_long_ago(
    fed: Declaration, platform: Platform
) -> None:
    eager = changed(
        fed,
        "  gates:\n",
        "  retraining: {min_new_labels: 5000}\n  gates:\n"
        "    - {type: no_regression, metric: roc_auc, tolerance: 0.1}\n",
    )
    trained(platform)
    tell(platform, range(10), evenly)
    for after in (5, 8):
        joined(eager, platform, after=after)
        assert facts_of(eager, platform).new_labels == after * 560
        assert decide([eager], platform, [], now=START) == []
    state = joined(eager, platform, after=10)
    assert len(state.windows) < 10, "the first are looked at no more"
    [start] = decide([eager], platform, [], now=START)
    assert isinstance(start, Start)
    assert start.why == "5,600 matured labels are new, 5,000 are enough"
    trained(platform, through=START + 6 * WINDOW)
    assert facts_of(eager, platform).new_labels == 4 * 560
    assert min(joined(eager, platform, after=10).teaching.labels) == START + 6 * WINDOW


def test_a_training_that_saw_no_labels_counts_those_that_mature_after_it(
    fed: Declaration, platform: Platform
) -> None:
    tell(platform, range(4), evenly)
    trained(platform, asked_at=START + 2 * WINDOW + DAY / 2)
    joined(fed, platform, after=4)
    assert facts_of(fed, platform).new_labels == 3 * 560


def test_labels_of_many_windows_that_come_at_once_are_audited_all(
    fed: Declaration, platform: Platform
) -> None:
    tell(platform, range(2), approved)
    tell(platform, range(2, 10), evenly)
    state = joined(fed, platform, after=10)
    assert state.audit.trainable == "all"
    [stretch] = state.teaching.kept_out
    assert (stretch.begin, stretch.why) == (START, "audit")
    rows, _ = taught(fed, platform)
    assert rows[:2] == [0, 0]
    assert rows[4:] == [560] * 6


def test_windows_that_nobody_joined_for_a_while_are_audited_when_somebody_does(
    fed: Declaration, platform: Platform
) -> None:
    tell(platform, range(1), evenly)
    joined(fed, platform, after=1)
    tell(platform, range(1, 4), approved)
    tell(platform, range(4, 10), evenly)
    state = joined(fed, platform, after=10)
    assert state.audit.trainable == "all"
    assert [each.begin for each in state.teaching.kept_out] != []
    assert taught(fed, platform)[0][2:4] == [0, 0]


def test_a_window_with_too_few_labels_does_not_teach_between_two_that_matured(
    fed: Declaration, platform: Platform
) -> None:
    tell(platform, range(1), evenly)
    tell(platform, range(1, 2), lambda i: i % 4 == 0)
    tell(platform, range(2, 3), evenly)
    state = joined(fed, platform, after=3)
    assert [window.state for window in state.windows[:3]] == ["matured", "short", "matured"]
    assert state.audit.trainable == "all"
    rows, used = taught(fed, platform)
    assert rows[:3] == [560, 0, 560]
    assert used.kept_out == A_WINDOW // 4
    assert "had too few labels" in used.reason


def test_decisions_made_at_random_teach_where_they_alone_passed(
    fed: Declaration, platform: Platform
) -> None:
    explored = changed(fed, "window: 2d}", "window: 2d, exploration: {percent: 30}}")
    tell(platform, range(4), lambda i: approved(i) or i % 3 == 0)
    assert joined(explored, platform, after=4).audit.trainable == "exploration"
    tell(platform, range(4, 10), evenly)
    assert joined(explored, platform, after=10).audit.trainable == "all"
    rows, _ = taught(explored, platform)
    assert sum(rows[:4]) == len(range(0, 4 * A_WINDOW, 3))
    assert rows[4:] == [560] * 6


def test_another_declaration_judges_all_windows_anew(fed: Declaration, platform: Platform) -> None:
    tell(platform, range(4), approved)
    tell(platform, range(4, 10), evenly)
    assert joined(fed, platform, after=10).teaching.kept_out
    patient = changed(fed, "window: 2d}", "window: 2d, audit: {enforce: warn}}")
    assert joined(patient, platform, after=10).teaching.kept_out == ()
    assert min(taught(patient, platform)[0]) > 0
