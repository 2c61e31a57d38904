import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable

from ml_platform.data.delta import DeltaLog
from ml_platform.data.snapshots import SnapshotStore
from ml_platform.exceptions import SnapshotNotFound, StoreError
from ml_platform.testing import InMemorySnapshotStore, check_snapshot_store

WRITE = """
import sys
import numpy as np, pandas as pd
from ml_platform.data.snapshots import SnapshotStore
store = SnapshotStore(sys.argv[1])
def rows(number, size=1000):
    return pd.DataFrame({"number": np.full(size, number), "noise": np.random.rand(size)})
"""
DIES_BEFORE_THE_COMMIT = """
import os, signal
from ml_platform.data.delta import DeltaLog
DeltaLog._added = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store.write("t", rows(2))
"""
DIES_IN_THE_FILE = """
import os, signal
import pyarrow.parquet as pq
pq.ParquetWriter.close = lambda self: os.kill(os.getpid(), signal.SIGKILL)
store.write("t", rows(2))
"""
DISK_IS_FULL = """
import resource
from ml_platform.exceptions import StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    store.write("t", rows(2, size=1_000_000))
except StoreError as error:
    print(error)
"""


def program(text: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITE + text, *map(str, arguments)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def rows(number: int) -> pd.DataFrame:
    return pd.DataFrame({"number": [number], "text": [f"row {number}"]})


def test_store_keeps_its_promises(tmp_path: Path):
    check_snapshot_store(SnapshotStore(str(tmp_path)))


def test_twin_keeps_the_same_promises():
    check_snapshot_store(InMemorySnapshotStore())


def test_file_url_is_a_local_path(tmp_path: Path):
    SnapshotStore(f"file://{tmp_path}/").write("m/t", rows(1))
    assert SnapshotStore(str(tmp_path)).read("m/t").equals(rows(1))


def test_snapshot_of_no_rows_keeps_its_dtypes(tmp_path: Path):
    store = SnapshotStore(str(tmp_path))
    empty = rows(1).iloc[:0]
    store.write("t", empty)
    pd.testing.assert_frame_equal(store.read("t"), empty)


def test_order_of_rows_is_kept_over_many_row_groups(tmp_path: Path):
    store = SnapshotStore(str(tmp_path))
    frame = pd.DataFrame({"n": np.arange(2_500_000)})
    store.write("t", frame)
    assert np.array_equal(store.read("t")["n"], frame["n"])


def test_versions_are_told_right_while_others_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SnapshotStore(str(tmp_path))
    written = [store.write("t", rows(count)) for count in (1, 2)]
    opened = DeltaTable(tmp_path / "t")
    written += [store.write("t", rows(count)) for count in (3, 4)]
    monkeypatch.setattr(DeltaLog, "_open", lambda _: opened)
    assert store.history("t") == written[::-1]
    assert store.latest("t") == written[-1]


def test_content_hash_does_not_depend_on_the_store(tmp_path: Path):
    ours = SnapshotStore(str(tmp_path)).write("t", rows(1))
    assert ours.content_hash == InMemorySnapshotStore().write("t", rows(1)).content_hash


@pytest.mark.parametrize(
    "other",
    [
        pd.DataFrame({"number": [1.0], "text": ["row 1"]}),
        pd.DataFrame({"number": [1], "Text": ["row 1"]}),
        pd.DataFrame({"text": ["row 1"], "number": [1]}),
        pd.DataFrame({"number": [1], "text": ["row 2"]}),
        pd.DataFrame({"number": [1, 1], "text": ["row 1", "row 1"]}),
        pd.DataFrame({"number": [1], "text": [None]}),
    ],
    ids=["dtype", "name", "order of columns", "value", "rows", "missing"],
)
def test_any_change_is_another_content(other: pd.DataFrame):
    store = InMemorySnapshotStore()
    first = store.write("t", rows(1))
    assert store.write("t", other).content_hash != first.content_hash


def test_texts_do_not_run_together():
    store = InMemorySnapshotStore()
    first = store.write("t", pd.DataFrame({"a": ["ab", "c"]}))
    assert store.write("t", pd.DataFrame({"a": ["a", "bc"]})).version > first.version


def test_version_that_is_not_there_names_those_that_are(tmp_path: Path):
    store = SnapshotStore(str(tmp_path))
    made = store.write("t", rows(1))
    with pytest.raises(SnapshotNotFound, match=f"no version 9.*0 .{made.content_hash[:12]}"):
        store.read("t", version=9)
    with pytest.raises(SnapshotNotFound, match=r"no column 'x' \(it has: number, text\)"):
        store.read("t", columns=["x"])


def test_damaged_file_is_never_read_as_data(tmp_path: Path):
    store = SnapshotStore(str(tmp_path))
    store.write("t", rows(1))
    (file,) = (tmp_path / "t").glob("*.parquet")
    rows(2).to_parquet(file)
    with pytest.raises(StoreError, match="column 'number' of t version 0 is damaged"):
        store.read("t")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(StoreError, match="cannot read the snapshots of t"):
        store.read("t")
    file.unlink()
    with pytest.raises(StoreError, match="cannot read the snapshots of t"):
        store.read("t")


def test_others_read_a_snapshot_as_a_delta_table(tmp_path: Path):
    from deltalake import DeltaTable

    SnapshotStore(str(tmp_path)).write("t", pd.DataFrame({"航班": [1, 2], "class": ["a", None]}))
    table = DeltaTable(str(tmp_path / "t")).to_pyarrow_table()
    assert table.to_pydict() == {"航班": [1, 2], "class": ["a", None]}


def test_commits_by_others_are_passed_over(tmp_path: Path):
    from deltalake import DeltaTable

    store = SnapshotStore(str(tmp_path))
    first = store.write("t", rows(1))
    DeltaTable(str(tmp_path / "t")).alter.set_table_description("looked at")
    assert store.latest("t") == first
    assert store.write("t", rows(1)) == first
    assert store.write("t", rows(2)).version == 2
    assert [snapshot.version for snapshot in store.history("t")] == [2, 0]


def test_every_version_stays_readable_past_the_logs_checkpoints(tmp_path: Path):
    store = SnapshotStore(str(tmp_path))
    hashes = [store.write("t", rows(number)).content_hash for number in range(25)]
    assert len(store.history("t")) == 25
    for number, content_hash in enumerate(hashes):
        assert store.read("t", content_hash=content_hash)["number"].tolist() == [number]


@pytest.mark.parametrize("dies", [DIES_BEFORE_THE_COMMIT, DIES_IN_THE_FILE])
@pytest.mark.parametrize("first", [True, False], ids=["first snapshot", "a later one"])
def test_killed_writer_leaves_nothing_half_written(tmp_path: Path, dies: str, first: bool):
    store = SnapshotStore(str(tmp_path))
    before = None if first else store.write("t", rows(1))
    killed = program(dies, tmp_path)
    killed.communicate()
    assert killed.returncode == -9
    assert store.latest("t") == before
    after = store.write("t", rows(3))
    assert store.latest("t") == after
    assert store.read("t").equals(rows(3))


def test_writers_killed_at_any_moment_leave_whole_snapshots(tmp_path: Path):
    endless = 'print("ready", flush=True)\nfor n in range(10**6): store.write("t", rows(n))'
    for delay in (0.05, 0.2):
        writer = program(endless, tmp_path)
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(delay)
        writer.kill()
        writer.communicate()
    store = SnapshotStore(str(tmp_path))
    store.write("t", rows(1))
    for snapshot in store.history("t"):
        frame = store.read("t", version=snapshot.version)
        assert len(frame) == snapshot.rows
        assert frame["number"].nunique() == 1


def test_writers_at_once_each_get_a_version_of_their_own(tmp_path: Path):
    some = 'for n in range(8): store.write("t", rows(int(sys.argv[2]) * 100 + n))'
    writers = [program(some, tmp_path, number) for number in range(3)]
    for writer in writers:
        _, errors = writer.communicate()
        assert writer.returncode == 0, errors
    store = SnapshotStore(str(tmp_path))
    seen = [set(store.read("t", version=s.version)["number"]) for s in store.history("t")]
    assert sorted(n for numbers in seen for n in numbers) == [
        writer * 100 + n for writer in range(3) for n in range(8)
    ]


def test_writers_of_the_same_rows_at_once_make_one_version(tmp_path: Path):
    same = 'store.write("t", pd.DataFrame({"a": [1, 2, 3]}))'
    writers = [program(same, tmp_path) for _ in range(3)]
    assert [(writer.communicate(), writer.returncode)[1] for writer in writers] == [0, 0, 0]
    assert len(SnapshotStore(str(tmp_path)).history("t")) == 1


def test_disk_full_is_one_sentence_and_loses_nothing(tmp_path: Path):
    store = SnapshotStore(str(tmp_path))
    before = store.write("t", rows(1))
    said, _ = program(DISK_IS_FULL, tmp_path).communicate()
    assert said.startswith("cannot write the snapshots of t")
    assert "the file would be larger than this process may write" in said
    assert len(said.strip().splitlines()) == 1
    assert store.history("t") == [before]
    assert store.read("t").equals(rows(1))
    assert len(list((tmp_path / "t").glob("*.parquet"))) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small disk needs root")
def test_really_full_disk_says_so(tmp_path: Path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)], check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let us mount")
    try:
        store = SnapshotStore(str(tmp_path))
        before = store.write("t", rows(1))
        noise = pd.DataFrame({"noise": np.random.default_rng(0).random(1_000_000)})
        with pytest.raises(StoreError, match="the disk is full"):
            store.write("t", noise)
        assert store.history("t") == [before]
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_place_that_cannot_be_written_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot write the snapshots of t"):
        SnapshotStore(str(tmp_path / "file")).write("t", rows(1))
