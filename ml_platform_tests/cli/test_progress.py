"""What long work says: a live line on a terminal, plain lines anywhere else."""

import io
import sys
from types import SimpleNamespace

import pytest

from ml_platform.cli import progress, run_progress
from ml_platform.cli.progress import steps
from ml_platform.cli.run_progress import reporting
from ml_platform.component.run import Progress

MOVES_THE_CURSOR = "\x1b["

RUN = (
    Progress("raw_data", "started", ""),
    Progress("raw_data", "log", "reading the source"),
    Progress("raw_data", "materialized", ""),
    Progress("validated_data", "started", ""),
    Progress("validated_data", "log", "validating [all] rows"),
    Progress("validated_data", "check", "contract: all rows keep it", verdict="passed"),
    Progress("validated_data", "check", "leakage: too good", verdict="failed", blocks=True),
    Progress("own_report", "materialized", ""),
    Progress("trained_model", "materialized", "80 rows trained on, 20 held out"),
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (progress, run_progress):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 7.0))


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The terminal that stderr is from now on; in a fixture pytest would take it back."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return stream


def test_a_run_is_told_in_plain_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting() as report:
        for event in RUN:
            report(event)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "1/5 raw_data  reading the source",
        "1/5 raw_data  0.0 s",
        "2/5 validated_data  validating [all] rows",
        "  passed  contract: all rows keep it",
        "  FAILED  leakage: too good",
        "own_report  0.0 s",
        "3/5 trained_model  0.0 s  80 rows trained on, 20 held out",
    ]


def test_a_run_has_a_live_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with reporting() as report:
        for event in RUN:
            report(event)
    shown = terminal.getvalue()
    assert MOVES_THE_CURSOR in shown
    for line in ("1/5 raw_data  0.0 s", "  FAILED  leakage: too good", "own_report  0.0 s"):
        assert f"{line}\n" in shown
    assert "2/5 validated_data  validating [all] rows" in shown


def test_steps_are_plain_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with steps() as step:
        step("fitting")
        step("[scoring]")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "fitting ...\n[scoring] ...\n")


def test_steps_leave_a_line_with_their_time_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with steps() as step:
        step("fitting")
        step("[scoring]")
    shown = terminal.getvalue()
    assert MOVES_THE_CURSOR in shown
    for name in ("fitting", "[scoring]"):
        assert f"{name}\x1b[2m 0.0 s\x1b[0m\n" in shown
