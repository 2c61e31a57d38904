import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from ml_platform.exceptions import ModelError, ServingError
from ml_platform.serving import bento_files
from ml_platform.serving.build import bento_folder, build_bento
from ml_platform.serving.bundle import Bundle, Identity
from ml_platform.spec.serving import ServingSpec
from ml_platform_tests.serving.conftest import CONTRACT, NAME, RELEASE
from ml_platform_tests.serving.small_service import RECORD, small_bentos

FORBIDDEN = ("dagster", "mlflow", "evidently", "pandera", "deltalake", "matplotlib", "sqlalchemy")


def build(model_folder: Path, bentos: Path, **changes: object) -> str:
    declared = {"name": NAME, "version": 3, "contract": CONTRACT, "release": RELEASE}
    return build_bento(model_folder=model_folder, bentos=bentos, **(declared | changes))


def lay_out(folder: Path, model_folder: Path, **release: object) -> Path:
    folder.mkdir()
    bento_files.lay_out(
        folder,
        identity=Identity(model=NAME, version="3"),
        model_folder=model_folder,
        contract=CONTRACT,
        release=RELEASE | release,
        serving=ServingSpec(),
    )
    return folder


def test_bento_says_whose_it_is_and_pins_what_it_needs(bentos: Path):
    info = yaml.safe_load((bento_folder(bentos, NAME, 3) / "bento.yaml").read_text())

    assert (info["name"], info["version"]) == (NAME, "3")
    assert info["labels"] == {
        "owner": "ops@example.com",
        "run_id": "abc",
        "model": NAME,
        "model_version": "3",
    }
    assert {"name": "BENTOML_DO_NOT_TRACK", "value": "True"}.items() <= info["envs"][0].items()
    required = info["image"]["python_requirements"].splitlines()
    assert all("==" in line for line in required if line)
    names = {line.partition("==")[0] for line in required}
    assert {"xgboost-cpu", "bentoml", "numpy", "pandas", "orjson", "starlette"} <= names
    assert names.isdisjoint({"xgboost", "dagster", "mlflow", "evidently", "pandera"})


def test_bento_holds_model_contract_release_and_its_code(bentos: Path):
    source = bento_folder(bentos, NAME, 3) / "src"

    assert json.loads((source / "contract.json").read_text()) == CONTRACT
    assert json.loads((source / "release.json").read_text()) == RELEASE
    assert (source / "model" / "features.py").is_file()
    assert (source / "ml_platform" / "serving" / "app.py").is_file()
    assert not (source / "ml_platform" / "component").exists()
    assert not (source / "ml_platform" / "serving" / "build.py").exists()


@pytest.mark.slow
def test_bento_that_was_exported_is_the_same_in_the_store_of_another_machine(
    bentos: Path, tmp_path: Path
):
    there, file = tmp_path / "there", tmp_path / "flight_delays-3.bento"
    there.mkdir()
    for store, words in ((bentos, ["export", f"{NAME}:3"]), (there, ["import"])):
        command = [sys.executable, "-m", "bentoml", *words, str(file)]
        environment = {**os.environ, "BENTOML_HOME": str(store), "BENTOML_DO_NOT_TRACK": "True"}
        subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)

    def contents(store: Path) -> dict[Path, bytes]:
        folder = bento_folder(store, NAME, 3)
        files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
        return {path.relative_to(folder): path.read_bytes() for path in files}

    assert contents(there) == contents(bentos)
    assert Bundle.read(bento_folder(there, NAME, 3) / "src").identity.version == "3"


@pytest.mark.slow
def test_bento_serves_from_its_own_code_without_the_platforms_libraries(bentos: Path):
    record = {"flight_id": 1, "carrier": "UA", "distance": 1400, "dep_delay": 3.5}
    record |= {"departure": "2013-01-31T13:45:00"}
    found = answered_in_a_process(bento_folder(bentos, NAME, 3) / "src", record, FORBIDDEN)

    assert found == {"status": 200, "loaded": [], "elsewhere": []}


@pytest.mark.slow
def test_xgboost_without_a_transform_is_served_without_pandas():
    source = bento_folder(small_bentos(), "flights", 1) / "src"
    found = answered_in_a_process(source, RECORD, (*FORBIDDEN, "pandas", "pyarrow", "sklearn"))

    assert found == {"status": 200, "loaded": [], "elsewhere": []}


def answered_in_a_process(source: Path, record: object, libraries: Sequence[str]) -> object:
    """Serve a record from the folder of a Bento; which libraries, and whose code, that took."""
    code = f"""
import json, sys
sys.path.insert(0, {str(source)!r})
import service
from ml_platform.serving.bundle import Bundle
from pathlib import Path
replies = Bundle.read(Path({str(source)!r})).replies()
reply = replies.predict(json.dumps({record!r}).encode())
ours = {{m.__file__ for n, m in sys.modules.items() if n.partition(".")[0] == "ml_platform"}}
print(json.dumps({{
    "status": reply.status,
    "loaded": sorted(set({libraries!r}) & sys.modules.keys()),
    "elsewhere": sorted(file for file in ours if not file.startswith({str(source)!r})),
}}))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_supervisor_reads_neither_pandas_nor_the_model_to_look_at_the_service(bentos: Path):
    source = bento_folder(bentos, NAME, 3) / "src"
    code = (
        f"import sys; sys.path.insert(0, {str(source)!r}); import service\n"
        "print({'pandas', 'xgboost', 'sklearn', 'ml_platform.training'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_building_the_same_again_changes_nothing(
    bentos: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    made = (bento_folder(bentos, NAME, 3) / "bento.yaml").stat().st_mtime_ns
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("BentoML was started"))

    assert build(model_folder, bentos) == "flight_delays:3"

    assert (bento_folder(bentos, NAME, 3) / "bento.yaml").stat().st_mtime_ns == made


@pytest.mark.slow
def test_other_content_replaces_a_bento_of_the_same_tag(model_folder: Path, tmp_path: Path):
    build(model_folder, tmp_path)
    (bento_folder(tmp_path, NAME, 3) / "src" / "model" / "encoder.json").unlink()

    build(model_folder, tmp_path, release=RELEASE | {"owner": "new@example.com"})

    source = bento_folder(tmp_path, NAME, 3) / "src"
    assert json.loads((source / "release.json").read_text())["owner"] == "new@example.com"
    assert (source / "model" / "encoder.json").is_file()
    assert (tmp_path / "bentos" / NAME / "latest").read_text() == "3"
    assert list((tmp_path / ".building").iterdir()) == []


@pytest.mark.slow
def test_killed_build_leaves_nothing_that_is_served(model_folder: Path, tmp_path: Path):
    code = f"""
from pathlib import Path
from ml_platform_tests.serving.test_build import build
build(Path({str(model_folder)!r}), Path({str(tmp_path)!r}))
"""
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    deadline = time.monotonic() + 30
    while not list((tmp_path / ".building").glob("*/home/tmp/*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list((tmp_path / ".building").glob("*/home"))
    assert not bento_folder(tmp_path, NAME, 3).exists()

    build(model_folder, tmp_path)

    assert (bento_folder(tmp_path, NAME, 3) / "bento.yaml").is_file()
    assert list((tmp_path / ".building").iterdir()) == []


@pytest.mark.parametrize("name", ["Flights", "", "航班", "a b", "-a", "a/b", "x" * 64])
def test_name_that_is_no_tag_is_refused(model_folder: Path, tmp_path: Path, name: str):
    with pytest.raises(ServingError, match="cannot name a Bento"):
        build(model_folder, tmp_path, name=name)


def test_folder_without_model_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match=r"no model\.json"):
        build(tmp_path, tmp_path / "bentos")
    assert not bento_folder(tmp_path / "bentos", NAME, 3).exists()


def test_digest_tells_contents_apart(model_folder: Path, tmp_path: Path):
    one = lay_out(tmp_path / "one", model_folder)
    same = lay_out(tmp_path / "same", model_folder)
    other = lay_out(tmp_path / "other", model_folder, owner="new@example.com")
    (same / "__pycache__").mkdir()
    (same / "__pycache__" / "service.pyc").write_bytes(b"left by a run")

    assert bento_files.digest(one) == bento_files.digest(same)
    assert bento_files.digest(one) != bento_files.digest(other)


def test_requirements_follow_the_trainer():
    assert not any("xgboost" in line for line in bento_files.requirements("sklearn"))
    assert not any("scikit" in line for line in bento_files.requirements("xgboost"))
    assert any("pytest==" in line for line in bento_files.requirements("pytest:Trainer"))
    with pytest.raises(ServingError, match="belongs to no installed package"):
        bento_files.requirements("nowhere.trainers:Mine")
