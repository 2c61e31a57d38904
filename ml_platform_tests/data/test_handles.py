import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.data.handles import HandleStore
from ml_platform.exceptions import StoreError


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> HandleStore:
    if request.param == "local":
        return HandleStore(str(tmp_path / "handles"))
    return HandleStore(f"memory://{tmp_path}")


def test_text_comes_back(store: HandleStore):
    assert store.read("m/a.json") is None
    store.write("m/a.json", "航班")
    assert store.read("m/a.json") == "航班"
    store.write("m/a.json", "again")
    assert store.read("m/a.json") == "again"


def test_list_names_what_is_there(store: HandleStore):
    assert store.list() == []
    for path in ("m/b.json", "m/a.json", "n/c.json"):
        store.write(path, path)
    assert store.list() == ["m/a.json", "m/b.json", "n/c.json"]
    assert store.list("m") == ["m/a.json", "m/b.json"]
    assert store.list("nope") == []
    assert [store.read(path) for path in store.list("n")] == ["n/c.json"]


def test_place_that_cannot_be_written_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot write .*a\.json"):
        HandleStore(str(tmp_path / "file")).write("m/a.json", "x")
    with pytest.raises(StoreError, match="Protocol not known"):
        HandleStore("nope://x").read("a.json")


def test_failed_write_leaves_the_old_text_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = HandleStore(str(tmp_path))
    store.write("a.json", "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        store.write("a.json", "new")
    assert store.read("a.json") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_killed_writer_leaves_the_old_text(tmp_path: Path):
    HandleStore(str(tmp_path)).write("m/a.json", "old")
    program = (
        "import os, signal, sys\n"
        "from ml_platform.data.handles import HandleStore\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "HandleStore(sys.argv[1]).write('m/a.json', 'new')\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert killed.returncode == -9
    store = HandleStore(str(tmp_path))
    assert store.read("m/a.json") == "old"
    assert store.list() == ["m/a.json"]
