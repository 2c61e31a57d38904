"""A table that takes each part of a stream exactly once."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml_platform.exceptions import StoreError
from ml_platform.feedback import day_table
from ml_platform.feedback.day_table import DayTable

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MOMENT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema([("id", pa.string()), ("at", MOMENT)])


def table(folder: Path) -> DayTable:
    return DayTable(str(folder / "table"), schema=SCHEMA, time="at")


def rows(*ids: str, days: int = 0) -> pa.Table:
    at = [NOON - timedelta(days=days)] * len(ids)
    return pa.table({"id": pa.array(ids, pa.string()), "at": pa.array(at, MOMENT)})


def ids(found: DayTable) -> list[str]:
    return sorted(found.read()["id"].to_pylist())


def test_table_that_is_not_there_is_empty(tmp_path: Path) -> None:
    empty = table(tmp_path)
    assert empty.look().version == -1
    assert empty.taken(["w/1"]) == {"w/1": 0}
    assert empty.read().num_rows == 0
    assert empty.files_of_days() == {}
    assert not (tmp_path / "table").exists()


def test_append_adds_rows_and_says_how_far_each_stream_was_taken(tmp_path: Path) -> None:
    one = table(tmp_path)
    assert one.append(rows("a", "b"), {"w/1": 10, "w/2": 20}, looked=one.look())
    assert one.append(rows("c", days=1), {"w/1": 30}, looked=one.look())
    assert one.taken(["w/1", "w/2", "w/3"]) == {"w/1": 30, "w/2": 20, "w/3": 0}
    assert ids(one) == ["a", "b", "c"]
    assert one.files_of_days() == {date(2026, 11, 20): 1, date(2026, 11, 21): 1}
    assert one.read(first=date(2026, 11, 21))["id"].to_pylist() == ["a", "b"]


def test_opened_days_are_read_as_they_were(tmp_path: Path) -> None:
    one = table(tmp_path)
    for days in range(3):
        assert one.append(rows(f"a{days}", days=days), {}, looked=one.look())
    today = NOON.date()
    opened = one.opened(first=today - timedelta(days=1), last=today)
    assert one.append(rows("b"), {}, looked=one.look())
    everything = pc.field("at") <= pa.scalar(NOON, MOMENT)
    assert opened.count(everything) == 2
    assert sorted(opened.read(["id"], where=everything)["id"].to_pylist()) == ["a0", "a1"]
    assert opened.names == {"id", "at", "day"}
    assert table(tmp_path / "none").opened(first=today, last=today).count(everything) == 0


def test_log_is_summed_up_so_that_who_opens_the_table_reads_few_commits(tmp_path: Path) -> None:
    one = table(tmp_path)
    for number in range(22):
        assert one.append(rows(f"a{number}"), {}, looked=one.look())
    log = tmp_path / "table" / "_delta_log"
    newest = max(int(file.name.partition(".")[0]) for file in log.glob("*.checkpoint.parquet"))
    assert one.look().version - newest < 10
    assert len(ids(one)) == 22


def test_who_comes_second_adds_nothing(tmp_path: Path) -> None:
    first, second = table(tmp_path), table(tmp_path)
    for number in range(3):
        looked = second.look()
        assert first.append(rows(f"a{number}"), {"w/1": number + 1}, looked=first.look())
        assert not second.append(rows(f"b{number}"), {"w/1": number + 1}, looked=looked)
    assert ids(first) == ["a0", "a1", "a2"]


def test_stream_without_rows_is_taken_all_the_same(tmp_path: Path) -> None:
    one = table(tmp_path)
    assert one.append(rows(), {"w/1": 8}, looked=one.look())
    assert one.taken(["w/1"]) == {"w/1": 8}
    assert one.read().num_rows == 0


def test_new_columns_are_added_once_and_old_rows_have_none_of_them(tmp_path: Path) -> None:
    one = table(tmp_path)
    assert one.append(rows("a"), {"w/1": 1}, looked=one.look())
    wider = rows("b").append_column("more", pa.array([5], pa.int64()))
    assert not one.append(wider, {"w/1": 2}, looked=one.look()), "it is another table now"
    assert one.append(wider, {"w/1": 2}, looked=one.look())
    assert one.append(rows("c"), {"w/1": 3}, looked=one.look())
    assert one.read().sort_by("id")["more"].to_pylist() == [None, 5, None]


def test_compaction_and_checkpoints_forget_no_stream(tmp_path: Path) -> None:
    one = table(tmp_path)
    for number in range(60):
        streams = {f"w/{number}": number + 1}
        assert one.append(rows(f"{number:02}", days=1), streams, looked=one.look())
    assert one.compact(today=NOON.date()) == [date(2026, 11, 20)]
    assert one.files_of_days() == {date(2026, 11, 20): 1}
    assert len(ids(one)) == 60
    assert list((tmp_path / "table" / "_delta_log").glob("*.checkpoint.parquet"))
    streams = [f"w/{number}" for number in range(60)]
    assert table(tmp_path).taken(streams) == {f"w/{n}": n + 1 for n in range(60)}


def test_streams_are_forgotten_after_a_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = table(tmp_path)
    real = day_table.time.time()
    monkeypatch.setattr(day_table.time, "time", lambda: real - 40 * 86_400)
    assert one.append(rows("a"), {"w/old": 1}, looked=one.look())
    monkeypatch.undo()
    assert one.append(rows("b"), {"w/new": 1}, looked=one.look())
    assert one.taken(["w/old", "w/new"]) == {"w/old": 0, "w/new": 1}


def test_old_days_are_forgotten_whole(tmp_path: Path) -> None:
    one = table(tmp_path)
    for days in range(4):
        assert one.append(rows(str(days), days=days), {"w/1": days + 1}, looked=one.look())
    assert one.retain(since=NOON.date() - timedelta(days=1)) == 2
    assert ids(one) == ["0", "1"]
    assert one.retain(since=NOON.date() - timedelta(days=1)) == 0
    assert one.taken(["w/1"]) == {"w/1": 4}


def test_damaged_store_is_one_sentence(tmp_path: Path) -> None:
    one = table(tmp_path)
    assert one.append(rows("a"), {"w/1": 1}, looked=one.look())
    for part in (tmp_path / "table").rglob("*.parquet"):
        part.write_bytes(b"nonsense")
    with pytest.raises(StoreError) as raised:
        one.read()
    assert "\n" not in str(raised.value)
    assert str(tmp_path) in str(raised.value)
