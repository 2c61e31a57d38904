"""Libraries without what they import only because it is there."""

import sys
from contextlib import suppress
from importlib import import_module
from types import ModuleType


def import_without(name: str, unwanted: str) -> ModuleType:
    """Import a library as if another, which it has optional parts for, were not installed.

    XGBoost loads scikit-learn for wrappers that nothing here uses: two seconds of CPU and 140 MB
    in each process. Where the other is loaded already, the library has these parts; who wants them
    imports the other first, as a plugin does at its top.
    """
    if name in sys.modules or unwanted in sys.modules:
        return import_module(name)
    sys.modules[unwanted] = None  # pyright: ignore[reportArgumentType] - how Python says "never"
    try:
        return import_module(name)
    finally:
        with suppress(KeyError):
            del sys.modules[unwanted]
