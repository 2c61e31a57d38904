"""Libraries without what they import only because it is there."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from threading import get_ident
from types import ModuleType


def import_without(name: str, unwanted: str) -> ModuleType:
    """Import a library as if another, which it has optional parts for, were not installed.

    XGBoost loads scikit-learn for wrappers that nothing here uses: two seconds of CPU and 140 MB
    in each process. Where scikit-learn is loaded already, XGBoost has its wrappers. Other threads
    and later imports find the unwanted one as ever.
    """
    hidden = _Hidden(unwanted, thread=get_ident())
    sys.meta_path.insert(0, hidden)
    try:
        return import_module(name)
    finally:
        sys.meta_path.remove(hidden)


class _Hidden(MetaPathFinder):
    """Says to one thread that a library is not installed."""

    def __init__(self, name: str, *, thread: int) -> None:
        self._name = name
        self._thread = thread

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        """Raise for the hidden one; leave all else to the finders after this one."""
        if fullname == self._name and get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
