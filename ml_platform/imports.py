"""Libraries without what they import only because it is there."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from threading import get_ident
from types import ModuleType
from typing import Any


def import_without(
    name: str, unwanted: str, *, parts: Mapping[str, Sequence[str]] | None = None
) -> ModuleType:
    """Import a library as if another, which it has optional parts for, were not installed.

    XGBoost loads scikit-learn for wrappers that nothing here uses: two seconds of CPU and 140 MB
    in each process. Where scikit-learn is loaded already, XGBoost has its wrappers. Other threads
    and later imports find the unwanted one as ever.

    parts: modules of the library that are less without the unwanted one, with the names that the
        library has from each. Whoever asks for one of them later gets it whole.
    """
    if name in sys.modules or unwanted in sys.modules:
        return import_module(name)
    hidden = _Hidden(unwanted, thread=get_ident())
    sys.meta_path.insert(0, hidden)
    try:
        library = import_module(name)
    finally:
        sys.meta_path.remove(hidden)
    _put_off(library, parts or {})
    return library


def _put_off(library: ModuleType, parts: Mapping[str, Sequence[str]]) -> None:
    """Forget parts of a library until somebody asks for them, by a module's `__getattr__`."""
    part_of = {each: part for part, names in parts.items() for each in (part, *names)}

    def asked_for(name: str) -> Any:
        if name not in part_of:
            raise AttributeError(f"module {library.__name__!r} has no attribute {name!r}")
        part = import_module(f"{library.__name__}.{part_of[name]}")
        return part if name in parts else getattr(part, name)

    for name in part_of:
        vars(library).pop(name, None)
    for part in parts:
        sys.modules.pop(f"{library.__name__}.{part}", None)
    vars(library)["__getattr__"] = asked_for


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
