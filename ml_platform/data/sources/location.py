"""Where a source's file lies, and the one sentence when it cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from ml_platform.addresses import without_secrets
from ml_platform.exceptions import SourceError, did_you_mean


def locate(path: str, *, folder: Path) -> str:
    """Return `path` as pandas takes it: a URL as it is, a local path made absolute by `folder`.

    Raises SourceError when there is no such local file, naming a close one, or when one may not
    look for it.
    """
    if "://" in path and not path.startswith("file://"):
        return path
    file = folder / Path(path.removeprefix("file://")).expanduser()
    try:
        if file.exists():
            return str(file)
        hint = _hint(file)
    except OSError as error:
        raise SourceError(f"cannot look for {file}: {_sentence(error)}") from error
    raise SourceError(f"there is no file {file}{hint}")


def require_rows(frame: pd.DataFrame, *, what: str) -> pd.DataFrame:
    """Return `frame`; raises SourceError when it has no rows."""
    if frame.empty:
        columns = ", ".join(map(str, frame.columns)) or "no columns"
        raise SourceError(f"{without_secrets(what)} has no rows (it has the columns: {columns})")
    return frame


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what pandas, pyarrow and fsspec raise while reading into a SourceError."""
    what = without_secrets(what)
    try:
        yield
    except pd.errors.EmptyDataError as error:
        raise SourceError(f"{what} is empty") from error
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{what} is not text in {error.encoding}; name its encoding, as in "
            "`options: {encoding: latin-1}`"
        ) from error
    except ImportError as error:
        raise SourceError(f"{what} needs a package that is not installed: {error}") from error
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise SourceError(f"cannot read {what}: {_sentence(error)}") from error
    except Exception as error:  # clients of object stores raise errors of their own
        if "://" not in what or isinstance(error, SourceError):
            raise
        said = f"{type(error).__name__}: {_sentence(error)}"
        raise SourceError(f"cannot read {what}: {said}") from error


def _hint(file: Path) -> str:
    if not file.parent.is_dir():
        return f" (nor a folder {file.parent})"
    return did_you_mean(file.name, (other.name for other in file.parent.iterdir()))


def _sentence(error: Exception) -> str:
    return without_secrets(" ".join(str(error).split()))[:300] or type(error).__name__
