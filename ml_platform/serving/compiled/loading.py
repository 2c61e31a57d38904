"""Where machine code is kept between processes.

Numba keeps it beside the source file, by the file's time. A Bento brings a source file of its
own, which may not be writable, so the source is copied to a private folder by its content, and
all processes of a user that serve the same code share one compilation.
"""

import os
import sys
import tempfile
from functools import cache
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

SOURCE = Path(__file__).with_name("kernels.py")


@cache
def kernels() -> ModuleType:
    """Return the module `kernels`, compiled; takes a second or two where no code is kept."""
    content = SOURCE.read_bytes()
    name = f"ml_platform_kernels_{sha256(content).hexdigest()[:16]}"
    file = cache_folder() / f"{name}.py"
    if not (file.is_file() and file.read_bytes() == content):
        _write(file, content)
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # Numba looks a function's module up by its name
    spec.loader.exec_module(module)
    return module


def cache_folder() -> Path:
    """Return a folder that nobody else can write to: what lies there is run.

    Below $XDG_CACHE_HOME or ~/.cache; one for this process alone where that cannot be written or
    is somebody else's.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
        folder = root / "ml_platform" / "kernels"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_private(folder)
    except (OSError, RuntimeError):  # no home, or none that is ours
        return Path(tempfile.mkdtemp(prefix="ml_platform_kernels_"))
    return folder


def _require_private(folder: Path) -> None:
    about = folder.stat()
    ours = not hasattr(os, "getuid") or about.st_uid == os.getuid()
    if not ours or about.st_mode & 0o022 or not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} is not private")


def _write(file: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as written:
        written.write(content)
    Path(written.name).replace(file)
