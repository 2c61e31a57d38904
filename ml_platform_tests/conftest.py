"""What every test stands on."""

import atexit
import gc
import os
from collections import defaultdict
from pathlib import Path

import pytest

from ml_platform.garbage import search_seldom

search_seldom()
atexit.register(gc.freeze)  # the end of a process is no time to search a gigabyte

# Small models on busy machines: threads that wait for each other by spinning cost more than they
# bring. Set before any library reads it; processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then those with slow tests: no worker is left alone at the end."""
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
