"""Folders at an fsspec URL, of this machine or in an object store."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ml_platform.addresses import without_secrets


def opened(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it. Raises OSError.

    It lists a folder anew whenever asked, as others write there, too.
    """
    import fsspec

    with reached(url):
        system, root = fsspec.url_to_fs(url, use_listings_cache=False)
        return system, root.rstrip("/")


@contextmanager
def reached(url: str) -> Iterator[None]:
    """Turn what goes wrong at a URL into OSError.

    Clients of object stores raise errors of their own where a store is away or knows no such key.
    """
    try:
        yield
    except OSError:
        raise
    except ImportError as error:
        raise OSError(f"it needs a package that is not installed: {error}") from error
    except Exception as error:
        if "://" not in url:
            raise
        said = without_secrets(" ".join(str(error).split()))
        raise OSError(f"{type(error).__name__}: {said}") from error
