import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.cli.ports import choose_ports
from ml_platform.cli.processes import Program, RunningProgram, stop_all
from ml_platform.cli.supervision import Supervisor, interruptible
from ml_platform.exceptions import ServiceUnavailable
from ml_platform_tests.waiting import until

SERVER = (
    "import sys; from http.server import HTTPServer, BaseHTTPRequestHandler\n"
    "HTTPServer(('127.0.0.1', int(sys.argv[1])), BaseHTTPRequestHandler).serve_forever()"
)


def python(code: str, *arguments: str, folder: Path, port: int | None = None) -> Program:
    command = (sys.executable, "-c", code, *arguments)
    return Program("thing", command, folder / "thing.log", port)


def lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_program_that_answers_is_announced_once(tmp_path):
    lines: list[str] = []
    [port] = choose_ports([0])
    program = python(SERVER, str(port), folder=tmp_path, port=port)
    with Supervisor(lines.append) as supervisor:
        supervisor.start(program)
        until(lambda: supervisor.tick() or lines)
        supervisor.tick()
    assert lines == [f"ready    {'thing':<20} http://127.0.0.1:{port}"]


def test_a_program_that_dies_is_reported_with_its_exit_code_and_last_words(tmp_path):
    lines: list[str] = []
    with Supervisor(lines.append) as supervisor:
        supervisor.start(python("print('no luck'); raise SystemExit(7)", folder=tmp_path))
        supervisor.watch(lambda: None, period=60)
    assert len(lines) == 1
    assert "exit code 7" in lines[0]
    assert "no luck" in lines[0]
    assert str(tmp_path / "thing.log") in lines[0]


def test_leaving_ends_also_what_the_programs_started(tmp_path):
    pid_file = tmp_path / "child.pid"
    code = (
        "import subprocess, sys, time, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "pathlib.Path(sys.argv[1]).write_text(str(child.pid)); time.sleep(60)"
    )
    with Supervisor(lambda line: None) as supervisor:
        supervisor.start(python(code, str(pid_file), folder=tmp_path))
        until(lambda: pid_file.exists() and pid_file.read_text())
        parent, child = supervisor.running[0].pid, int(pid_file.read_text())
        assert lives(parent)
        assert lives(child)
    assert not lives(parent)
    assert until(lambda: not lives(child))


def test_a_program_that_ignores_sigterm_is_killed(tmp_path):
    code = (
        "import os, signal, time\n"
        "signal.signal(15, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(60)"
    )
    one = RunningProgram(python(code, folder=tmp_path))
    until(one.last_lines)
    stop_all([one], grace=0.1)
    assert until(lambda: not lives(int(one.last_lines()[0])))


def test_programs_end_when_the_supervisor_is_killed(tmp_path):
    pid_file = tmp_path / "pid"
    code = (
        "import pathlib, sys, time\n"
        "from ml_platform.cli.processes import Program, RunningProgram\n"
        "sleep = f'import os, pathlib, time; pathlib.Path({sys.argv[1]!r}).write_text('\n"
        "sleep += 'str(os.getpid())); time.sleep(60)'\n"
        "command = (sys.executable, '-c', sleep)\n"
        "RunningProgram(Program('thing', command, pathlib.Path(sys.argv[1] + '.log')))\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(pid_file)]) as supervisor:
        until(lambda: pid_file.exists() and pid_file.read_text())
        supervisor.kill()
    assert until(lambda: not lives(int(pid_file.read_text())))


def test_a_program_that_does_not_exist_is_one_sentence(tmp_path):
    program = Program("thing", (str(tmp_path / "nothing"),), tmp_path / "log")
    with pytest.raises(ServiceUnavailable, match="cannot start thing"):
        RunningProgram(program)


def test_a_busy_preferred_port_gives_way_to_a_free_one():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as holder:
        busy = holder.getsockname()[1]
        chosen = choose_ports([busy, 0, 0])
    assert busy not in chosen
    assert len(set(chosen)) == 3


def test_a_signal_counts_as_ctrl_c_inside_the_block_only():
    before = signal.getsignal(signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt), interruptible([signal.SIGHUP]):
        signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is before
