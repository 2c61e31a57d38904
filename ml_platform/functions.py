"""A function that a declaration names, found by dotted path or in the model's own folder."""

import sys
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_platform.exceptions import DeclarationError


def load_function(path: str, *, folder: Path) -> Callable[..., Any]:
    """Return the function that `module:name` means.

    A bare module name (`features:build`) is first looked for as a file in `folder`, the folder
    of the declaration; then, like a dotted one, on the import path.

    Raises DeclarationError when there is no such module or function.
    """
    module_name, _, name = path.partition(":")
    if not name:
        raise DeclarationError(f"{path!r} is not a function; write it as `module:function`")
    file = folder / f"{module_name}.py"
    try:
        module = _module_of_file(file) if file.is_file() else import_module(module_name)
    except ImportError as error:
        raise DeclarationError(
            f"cannot import {module_name!r} for {path!r}: {error} (looked for {file} as well)"
        ) from error
    except Exception as error:  # a team's own module may raise anything; it is named and chained
        raise DeclarationError(
            f"{module_name!r} for {path!r} raised {type(error).__name__} when imported: {error}"
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        valid = ", ".join(sorted(n for n, v in vars(module).items() if callable(v))) or "none"
        raise DeclarationError(f"{module_name!r} has no function {name!r} (it has: {valid})")
    return function


def _module_of_file(file: Path) -> ModuleType:
    content = file.read_bytes()
    unique = sha256(str(file.resolve()).encode() + content).hexdigest()[:16]
    name = f"_ml_platform_model_{unique}_{file.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python module")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        # The very bytes that were hashed: no bytecode beside the file, which nobody verified.
        exec(compile(content, str(file), "exec"), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module
