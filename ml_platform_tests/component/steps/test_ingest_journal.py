"""From segments to the tables: everything once, whatever dies on the way."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_platform.component.platform import Platform
from ml_platform.component.steps import ingest_journal as step
from ml_platform.component.steps.ingest_journal import ingest_journal
from ml_platform.exceptions import StoreError
from ml_platform.feedback import day_table
from ml_platform.feedback.day_table import DayTable
from ml_platform.feedback.inference_table import InferenceTable
from ml_platform.feedback.labels_received import labels_table
from ml_platform.serving.journal.record import feedback_record, prediction_record
from ml_platform.serving.journal.writer import Journal
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration, load_declaration
from ml_platform_tests.component.running import changed

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FEATURES = {"applied_at": "2026-11-20T10:30:00", "amount": 1500.5, "purpose": "car"}


def prediction(number: int, **changes: Any) -> bytes:
    given = {
        "prediction_id": f"id-{number}",
        "sent": False,
        "key": None,
        "at": NOW.timestamp() + number / 1000,
        "features": FEATURES,
        "prediction": 1,
        "score": 0.25,
        "scores": None,
        "version": 3,
        "role": "champion",
        "latency_us": 40,
        "request_id": "r",
    }
    return prediction_record(**{**given, **changes})


def label(number: int) -> bytes:
    at = NOW.timestamp()
    return feedback_record(
        prediction_id=f"id-{number}", label=1, observed_at=None, source="test", at=at
    )


def open_journal(declaration: Declaration, records: Sequence[bytes], worker: str = "w") -> Journal:
    """A journal with records in its open segment."""
    folder = Settings.from_environment().journal / declaration.spec.name

    async def write() -> Journal:
        journal = Journal(folder, worker=worker)
        journal.bind(asyncio.get_running_loop())
        for record in records:
            journal.add([record], lambda error: None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return journal

    return asyncio.run(write())


def log(declaration: Declaration, records: Sequence[bytes], worker: str = "w") -> Path:
    """Write records into a closed segment."""
    journal = open_journal(declaration, records, worker)
    journal.close()
    return max(journal.folder.glob("*.seg"))


def with_retention(declaration: Declaration, *, days: int, more: str = "") -> Declaration:
    journal = f"serving: {{journal: {{retention_days: {days}{more}}}}}"
    return changed(declaration, "  gates:\n", f"  {journal}\n  gates:\n")


def ids(platform: Platform, declaration: Declaration) -> list[str]:
    table = InferenceTable(platform.settings.data_url, declaration.spec.name)
    return sorted(table.read(columns=["prediction_id"])["prediction_id"].to_pylist())


def labels(platform: Platform, declaration: Declaration) -> list[str]:
    table = labels_table(platform.settings.data_url, declaration.spec.name)
    return sorted(table.read(columns=["prediction_id"])["prediction_id"].to_pylist())


def segments(platform: Platform) -> list[str]:
    return sorted(path.suffix for path in platform.settings.journal.rglob("*.*") if path.is_file())


def test_closed_segments_are_moved_and_typed(declaration: Declaration, platform: Platform) -> None:
    log(declaration, [prediction(1), label(1), prediction(2, version=4, role="candidate")])
    outcome = ingest_journal(declaration, platform, now=NOW)
    assert (outcome.rows, outcome.labels, outcome.segments) == (2, 1, 1)
    assert outcome.counts == {(3, "champion"): 1, (4, "candidate"): 1}
    assert outcome.newest == NOW + timedelta(milliseconds=2)
    assert segments(platform) == []
    rows = InferenceTable(platform.settings.data_url, "small_credit").read().to_pylist()
    assert rows[0]["feature_applied_at"] == datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
    assert rows[0]["feature_amount"] == 1500.5
    assert rows[0]["feature_income"] is None
    assert (rows[0]["prediction"], rows[0]["score"], rows[0]["day"]) == ("1", 0.25, NOW.date())
    assert rows[0]["segment"].startswith("w/")
    received = labels_table(platform.settings.data_url, "small_credit").read().to_pylist()
    assert (received[0]["label"], received[0]["observed_at"]) == ("1", NOW)


@pytest.mark.parametrize(("durability", "synced"), [("process", 0), ("power", 1)])
def test_with_power_the_tables_are_on_the_device_before_the_segments_go(
    declaration: Declaration,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    durability: str,
    synced: int,
) -> None:
    serving = f"  serving: {{journal: {{durability: {durability}}}}}\n  gates:\n"
    declaration = changed(declaration, "  gates:\n", serving)
    log(declaration, [prediction(1)])
    seen: list[object] = []
    monkeypatch.setattr(
        os, "sync", lambda: seen.append((ids(platform, declaration), segments(platform)))
    )

    ingest_journal(declaration, platform, now=NOW)

    assert seen == [(["id-1"], [".seg"])] * synced
    assert segments(platform) == []


def test_open_segment_gives_its_whole_records_and_stays(
    declaration: Declaration, platform: Platform
) -> None:
    journal = open_journal(declaration, [prediction(1)])
    first = ingest_journal(declaration, platform, now=NOW)
    assert (first.rows, first.segments, first.waiting) == (1, 0, 1)
    again = ingest_journal(declaration, platform, now=NOW)
    assert (again.rows, again.waiting) == (0, 1)
    asyncio.run(add(journal, [prediction(2)]))
    journal.close()
    last = ingest_journal(declaration, platform, now=NOW)
    assert (last.rows, last.segments) == (1, 1)
    assert ids(platform, declaration) == ["id-1", "id-2"]


async def add(journal: Journal, records: Sequence[bytes]) -> None:
    journal.bind(asyncio.get_running_loop())
    journal.add(records, lambda error: None)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


class Killed(BaseException):
    """Nothing of ours catches it, as nothing catches a kill."""


STEPS: list[tuple[type | object, str]] = [
    (step, "set_aside_damage"),
    (day_table, "put_day"),
    (DayTable, "_committed"),
    (step, "prediction_rows"),
    (step.LocalSegments, "delete"),
    (step, "_tidy"),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_death_at_any_step_loses_and_doubles_nothing(
    declaration: Declaration,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    after: bool,
) -> None:
    log(declaration, [prediction(1), label(1), prediction(2)])
    log(declaration, [prediction(3), label(3)], worker="x")
    journal = open_journal(declaration, [prediction(4), label(4)], worker="y")
    whole: Callable[..., Any] = getattr(owner, name)

    def dies(*args: Any, **kwargs: Any) -> Any:
        if after:
            whole(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, dies)
        with pytest.raises(Killed):
            ingest_journal(declaration, platform, now=NOW)
    asyncio.run(add(journal, [label(5), prediction(5)]))
    journal.close()
    ingest_journal(declaration, platform, now=NOW)
    assert ids(platform, declaration) == [f"id-{number}" for number in range(1, 6)]
    assert labels(platform, declaration) == ["id-1", "id-3", "id-4", "id-5"]
    assert segments(platform) == []


def ingest_until_killed(file: Path, number: int) -> None:
    """Send kill -9 to this process right after a step; nothing of it is cleaned up."""
    owner, name = STEPS[number]
    whole: Callable[..., Any] = getattr(owner, name)

    def dies(*args: Any, **kwargs: Any) -> None:
        whole(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, dies)
    platform = Platform(Settings.from_environment())
    ingest_journal(load_declaration(file), platform, now=NOW)


@pytest.mark.slow
def test_kill_9_after_each_step_in_turn_loses_and_doubles_nothing(
    declaration: Declaration, platform: Platform
) -> None:
    context = multiprocessing.get_context("spawn")
    for number in range(len(STEPS)):
        records = [prediction(10 * number + i) for i in range(3)]
        log(declaration, [*records, label(10 * number)], worker=f"w{number}")
        process = context.Process(target=ingest_until_killed, args=(declaration.file, number))
        process.start()
        process.join(60)
        assert process.exitcode in (-signal.SIGKILL, 0), "0: it had nothing to do at that step"
    ingest_journal(declaration, platform, now=NOW)
    expected = [10 * number + i for number in range(len(STEPS)) for i in range(3)]
    assert ids(platform, declaration) == sorted(f"id-{number}" for number in expected)
    assert labels(platform, declaration) == sorted(f"id-{10 * n}" for n in range(len(STEPS)))
    assert segments(platform) == []


def ingest_in_a_process(file: Path, ready: Any) -> None:
    """Without the lock, so that the tables alone keep the two apart."""
    from contextlib import nullcontext

    step._one_at_a_time = lambda settings, model: nullcontext()  # pyright: ignore
    declaration = load_declaration(file)
    ready.wait()
    ingest_journal(declaration, Platform(Settings.from_environment()), now=NOW)


def test_two_processes_at_once_take_everything_once(
    declaration: Declaration, platform: Platform
) -> None:
    names: list[str] = []
    for worker in "abc":
        for _ in range(3):
            start = len(names)
            names += [f"id-{start + i}" for i in range(20)]
            log(declaration, [prediction(start + i) for i in range(20)], worker)
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(2)
    both = [
        context.Process(target=ingest_in_a_process, args=(declaration.file, ready))
        for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert ids(platform, declaration) == sorted(names)
    assert segments(platform) == []


def test_id_sent_again_is_in_the_table_once_across_workers_and_days(
    declaration: Declaration, platform: Platform
) -> None:
    log(declaration, [prediction(1, sent=True)], worker="a")
    log(declaration, [prediction(1, sent=True), prediction(2, sent=True)], worker="b")
    assert ingest_journal(declaration, platform, now=NOW).duplicates == 1
    later = NOW.timestamp() + 2 * 86_400
    log(declaration, [prediction(1, sent=True, at=later), prediction(3, sent=True, at=later)])
    outcome = ingest_journal(declaration, platform, now=NOW)
    assert (outcome.rows, outcome.duplicates) == (1, 1)
    far = NOW.timestamp() + 9 * 86_400
    log(declaration, [prediction(1, sent=True, at=far)])
    assert ingest_journal(declaration, platform, now=NOW).rows == 1, "the window is bounded"
    assert ids(platform, declaration) == ["id-1", "id-1", "id-2", "id-3"]


def test_shadow_is_logged_beside_the_answer_it_went_along(
    declaration: Declaration, platform: Platform
) -> None:
    shadow = prediction(1, sent=True, version=4, role="shadow", score=0.5)
    log(declaration, [prediction(1, sent=True), shadow])
    outcome = ingest_journal(declaration, platform, now=NOW)
    assert (outcome.rows, outcome.duplicates) == (2, 0)
    found = InferenceTable(platform.settings.data_url, "small_credit").find("id-1")
    assert found is not None
    assert found["role"] == "champion"


def test_damage_is_counted_and_set_aside(declaration: Declaration, platform: Platform) -> None:
    segment = log(declaration, [prediction(number) for number in range(3)])
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(bytes(data) + b"\x50\x00\x00\x00torn")
    outcome = ingest_journal(declaration, platform, now=NOW)
    assert outcome.rows == 2
    assert outcome.damaged_bytes > 200
    assert outcome.torn_bytes == 8
    kept = sorted(path.suffix for path in (platform.settings.damaged / "small_credit").iterdir())
    assert kept == [".damaged", ".torn"]


def test_records_that_do_not_fit_are_set_aside_and_the_rest_is_kept(
    declaration: Declaration, platform: Platform
) -> None:
    odd = prediction(1, features={**FEATURES, "amount": "much"})
    whole = prediction(2, features={**FEATURES, "amount": 24})
    log(declaration, [odd, whole, b'{"kind":"prediction","id":7}', b'{"kind":"feedback"}'])
    outcome = ingest_journal(declaration, platform, now=NOW)
    assert (outcome.rows, outcome.unfit, outcome.unreadable) == (2, 1, 2)
    rows = InferenceTable(platform.settings.data_url, "small_credit").read().to_pylist()
    assert {row["prediction_id"]: row["feature_amount"] for row in rows} == {
        "id-1": None,
        "id-2": 24,
    }
    kept = [path.read_bytes() for path in (platform.settings.damaged / "small_credit").iterdir()]
    assert odd in kept
    assert len(kept) == 3


def test_segments_that_were_moved_are_ingested_from_there(
    declaration: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_PLATFORM_JOURNAL_URL", f"file://{tmp_path}/moved")
    platform = Platform(Settings.from_environment())
    folder = platform.settings.journal / "small_credit"

    async def write() -> None:
        journal = Journal(folder, worker="w", ship_to=f"file://{tmp_path}/moved/small_credit")
        journal.bind(asyncio.get_running_loop())
        journal.add([prediction(1)], lambda error: None)
        await asyncio.sleep(0.01)
        journal.close()

    asyncio.run(write())
    [moved] = (tmp_path / "moved").rglob("*.seg")
    assert list(folder.rglob("*.seg")) == []
    copy = folder / "w" / moved.name  # as when the service died before it deleted its own
    copy.write_bytes(moved.read_bytes())
    outcome = ingest_journal(declaration, platform, now=NOW)
    assert (outcome.rows, outcome.segments) == (1, 2)
    assert list(tmp_path.rglob("*.seg")) == []


def test_column_of_another_dtype_goes_beside_the_old_one(
    declaration: Declaration, platform: Platform
) -> None:
    log(declaration, [prediction(1)])
    ingest_journal(declaration, platform, now=NOW)
    other = changed(declaration, "amount: {dtype: float64", "amount: {dtype: int64")
    log(other, [prediction(2, features={**FEATURES, "amount": 12})])
    ingest_journal(other, platform, now=NOW)
    rows = InferenceTable(platform.settings.data_url, "small_credit").read().to_pylist()
    by_id = {row["prediction_id"]: row for row in rows}
    assert by_id["id-1"]["feature_amount"] == 1500.5
    assert by_id["id-2"]["feature_amount_int64"] == 12


def test_old_days_are_forgotten_and_many_small_files_joined(
    declaration: Declaration, platform: Platform
) -> None:
    kept = with_retention(declaration, days=5)
    old = NOW.timestamp() - 30 * 86_400
    log(kept, [prediction(0, at=old)])
    assert ingest_journal(kept, platform, now=NOW).forgotten == 1
    yesterday = NOW.timestamp() - 86_400
    for number in range(1, 9):
        log(kept, [prediction(number, at=yesterday)])
        outcome = ingest_journal(kept, platform, now=NOW)
    assert outcome.compacted == 1
    assert ids(platform, kept) == [f"id-{number}" for number in range(1, 9)]
    log(kept, [prediction(9, at=yesterday)])
    ingest_journal(kept, platform, now=NOW)
    assert len(ids(platform, kept)) == 9


def test_old_days_of_a_model_that_is_asked_no_more_are_forgotten_and_their_files_deleted(
    declaration: Declaration, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = with_retention(declaration, days=5)
    log(kept, [prediction(0)])
    assert ingest_journal(kept, platform, now=NOW).forgotten == 0
    assert ingest_journal(kept, platform, now=NOW + timedelta(days=4)).forgotten == 0
    later = NOW + timedelta(days=5)
    assert ingest_journal(kept, platform, now=later).forgotten == 1
    assert ids(platform, kept) == []
    table = InferenceTable(platform.settings.data_url, "small_credit")
    assert table.outlived(5, now=later), "whoever reads the files can end"
    assert ingest_journal(kept, platform, now=later).forgotten == 0
    assert table.outlived(5, now=later)
    monkeypatch.setattr(day_table, "_UNREAD_HOURS", 0)
    ingest_journal(kept, platform, now=later)
    assert not table.outlived(5, now=later)


def test_unreachable_store_is_one_sentence(
    declaration: Declaration, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = log(declaration, [prediction(1)])
    blocked = Path(platform.settings.data_url)
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the folder should be")
    with pytest.raises(StoreError) as raised:
        ingest_journal(declaration, platform, now=NOW)
    assert "\n" not in str(raised.value)
    assert segment.exists()


def test_nothing_logged_is_nothing_done(declaration: Declaration, platform: Platform) -> None:
    outcome = ingest_journal(declaration, platform, now=NOW)
    assert (outcome.rows, outcome.newest) == (0, None)
    assert not Path(platform.settings.data_url, "small_credit", "inference_log").exists()
