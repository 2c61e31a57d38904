import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ml_platform.release.process import has_ended, this_process

_CODE = """
from ml_platform.release.process import this_process
print(this_process(), flush=True)
input()
"""


@contextmanager
def named_process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that waits, and the name that it gives itself."""
    with subprocess.Popen(
        [sys.executable, "-c", _CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


def test_process_has_ended_once_it_was_killed_and_not_before() -> None:
    with named_process() as (process, name):
        assert name.split("/")[2] == str(process.pid)
        assert not has_ended(name)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(name), "though nobody has cleared it away yet"
    assert has_ended(name)


def test_number_that_was_given_out_again_is_another_process() -> None:
    process, _, started = this_process().rpartition("/")
    assert not has_ended(f"{process}/{started}")
    assert has_ended(f"{process}/{int(started) - 1}")


def test_of_a_process_of_another_machine_nothing_is_known() -> None:
    with named_process() as (process, name):
        process.kill()
    boot, rest = name.split("/", 1)
    assert has_ended(name)
    assert not has_ended(f"{boot[::-1]}/{rest}")
    assert not has_ended("")
