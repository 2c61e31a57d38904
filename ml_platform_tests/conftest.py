"""What every test stands on."""

import atexit
import gc
import os
from collections import defaultdict
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from ml_platform.garbage import search_seldom

search_seldom()
atexit.register(gc.freeze)  # the end of a process is no time to search a gigabyte

# Small models on busy machines: threads that wait for each other by spinning cost more than they
# bring. Set before any library reads it; processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")


class FromBothEnds(LoadFileScheduling):
    """Files in their order, but from the end for the last worker.

    Slow tests come first, and much of their time is waiting for processes that they started. The
    last worker does meanwhile, with less right to the CPU, what waits for nothing.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        if node.gateway.id == _last(self.numnodes):
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FromBothEnds | None:
    """The order for `--dist loadfile`; others are left to xdist."""
    return FromBothEnds(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_configure(config: pytest.Config) -> None:
    """Let the last of several workers, and what it starts, give way to the others."""
    worker = getattr(config, "workerinput", {"workerid": "", "workercount": 0})
    if worker["workerid"] == _last(worker["workercount"]):
        os.nice(10)


def _last(workers: int) -> str:
    """The name of the last worker; there is none where one does it all."""
    return f"gw{workers - 1}" if workers > 1 else "none"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that may take longest first, then others with slow tests: none is left for the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    allowed: defaultdict[Path, float] = defaultdict(float)
    for item in items:
        if marker := item.get_closest_marker("timeout"):
            allowed[item.path] = max(allowed[item.path], marker.args[0])
    items.sort(key=lambda item: (-allowed[item.path], item.path not in slow))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: no search for garbage needs to go through it."""
    gc.collect()
    gc.freeze()
