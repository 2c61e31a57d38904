"""Contract tests for plugins and stores, and in-memory twins of the stores; public.

A plugin or store of your own is held to what the shipped ones are::

    from ml_platform.testing import check_splitter

    def test_my_splitter_keeps_the_contract():
        check_splitter(MySplitter(), frame, target="y", event_time="t")

Each function raises AssertionError that says which promise is broken. What needs a package that
a kind does not, is imported when it is asked for.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "InMemorySnapshotStore": "ml_platform.data.snapshots_memory",
    "check_drift_test": "ml_platform.testing.drift",
    "check_gate": "ml_platform.testing.gates",
    "check_metric": "ml_platform.testing.metrics",
    "check_registry": "ml_platform.testing.stores",
    "check_release_store": "ml_platform.testing.releases",
    "check_snapshot_store": "ml_platform.testing.snapshots",
    "check_source": "ml_platform.testing.sources",
    "check_splitter": "ml_platform.testing.splitters",
    "check_trainer": "ml_platform.testing.trainers",
    "check_unreadable_source": "ml_platform.testing.sources",
}


def __getattr__(name: str) -> Any:
    """Import the one that is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"{__name__} has no {name!r} (it has: {', '.join(_PLACES)})")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)
