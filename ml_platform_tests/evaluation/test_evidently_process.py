"""Evidently beside us: the same page, nothing left running, and errors as if it were here."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.evaluation.evidently_process import EvidentlyProcess
from ml_platform.evaluation.evidently_report import evidently_html, run_report
from ml_platform.task import Task
from ml_platform_tests.waiting import gone, until


def rows() -> pd.DataFrame:
    return pd.DataFrame({"amount": [float(i % 37) for i in range(200)], "late": [0, 1] * 100})


@pytest.fixture(scope="module")
def beside() -> EvidentlyProcess:
    beside = EvidentlyProcess()
    beside.start()
    return beside


def test_page_from_the_other_process_is_a_page_and_a_second_one_is_too(
    beside: EvidentlyProcess,
) -> None:
    for _ in range(2):
        page = evidently_html(rows(), rows(), task=Task.BINARY, target="late", run=beside.run)
        assert page.lstrip().startswith("<!DOCTYPE html>")
        assert "amount" in page


def test_what_fails_over_there_is_done_here_where_its_error_shows(beside: EvidentlyProcess) -> None:
    with pytest.raises(KeyError, match="nowhere") as there:
        beside.run(rows(), rows(), {"numerical_columns": ["nowhere"]})
    with pytest.raises(KeyError, match="nowhere") as here:
        run_report(rows(), rows(), {"numerical_columns": ["nowhere"]})
    assert str(there.value) == str(here.value)


def test_one_process_answers_all_and_another_takes_over_when_it_is_killed(
    beside: EvidentlyProcess,
) -> None:
    first = beside._process
    assert first is not None
    declared = {"numerical_columns": ["amount"], "categorical_columns": []}
    beside.run(rows(), rows(), declared)
    assert beside._process is first
    first.kill()
    first.wait()
    assert "amount" in beside.run(rows(), rows(), declared)
    assert beside._process is not first


def test_process_that_was_never_asked_ends_with_its_owner() -> None:
    beside = EvidentlyProcess()
    beside.start()
    assert beside._process is not None
    pid = beside._process.pid
    del beside
    assert not Path(f"/proc/{pid}").exists()


def test_process_whose_owner_was_killed_ends_by_itself(tmp_path: Path) -> None:
    imported = tmp_path / "imported"
    instead = tmp_path / "evidently"  # nothing is asked of it here
    instead.mkdir()
    (instead / "__init__.py").touch()
    (instead / "presets.py").write_text(f"open({str(imported)!r}, 'w').close()")
    program = "import os, time; from ml_platform.evaluation.evidently_process import *; "
    program += "e = EvidentlyProcess(); e.start(); print(e._process.pid, flush=True)\n"
    program += f"while not os.path.exists({str(imported)!r}): time.sleep(0.01)\n"
    program += "os.kill(os.getpid(), 9)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert until(lambda: gone(int(done.stdout)), "it to end")
