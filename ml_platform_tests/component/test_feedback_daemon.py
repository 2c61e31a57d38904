"""Labels dropped in a folder are joined by a real daemon, with nobody at the keyboard."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ml_platform.component.feedback import LabeledFeedback
from ml_platform.component.platform import Platform
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import changed
from ml_platform_tests.component.test_feedback import predict

_CODE = """
from pathlib import Path
from ml_platform.component.load import build_definitions, load_declarations
defs = build_definitions(load_declarations([Path({folder!r})]))
"""


@pytest.mark.slow
def test_a_real_daemon_joins_what_was_dropped(
    declaration: Declaration, platform: Platform, tmp_path: Path
) -> None:
    from ml_platform.component.instance import prepare_dagster_home

    declared = "feedback: {label_delay: 1d, window: 7d, drop_folder: labels}\n  gates:"
    fed = changed(declaration, "gates:", declared)
    predict(platform)
    folder = fed.folder / "labels"
    folder.mkdir()
    file = folder / "bank.csv"
    file.write_text("prediction_id,label\np1,true\np2,false\np1,true\nnobody,true\n")
    os.utime(file, (1_000_000, 1_000_000))
    code = tmp_path / "location.py"
    code.write_text(_CODE.format(folder=str(fed.folder)), encoding="utf-8")
    home, log = prepare_dagster_home(platform.settings), tmp_path / "daemon.log"
    with log.open("wb") as output:
        daemon = subprocess.Popen(
            [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-f", str(code)],
            env={**os.environ, "DAGSTER_HOME": str(home)},
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            found = _waited(platform, seconds=200)
        finally:
            os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait(30)
    assert found is not None, log.read_text("utf-8")[-5000:]
    assert found.counts == {"duplicate": 1, "joined": 2, "unknown": 1}
    assert (folder / "imported" / "bank.csv").exists()


def _waited(platform: Platform, *, seconds: float) -> LabeledFeedback | None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        text = platform.handles.read("small_credit/labeled_feedback/latest.json")
        if text is not None:
            return LabeledFeedback.model_validate_json(text)
        time.sleep(0.5)
    return None
