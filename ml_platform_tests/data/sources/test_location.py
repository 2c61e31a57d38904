"""One sentence for what cannot be found or read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.registry import _registry
from fsspec.spec import AbstractFileSystem

from ml_platform.data.sources.location import locate, reading
from ml_platform.data.sources.source import SOURCES
from ml_platform.exceptions import SourceError


class HttpError(Exception):
    """What the client of an object store raises; no OSError."""


class AcmeFileSystem(AbstractFileSystem):
    """A store that knows none of our keys."""

    protocol = "acme"
    cachable = False

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        raise HttpError("403: the key is\nnot known")

    def _open(self, path: str, *args: Any, **kwargs: Any) -> Any:
        raise HttpError("403: the key is\nnot known")


@pytest.fixture
def _acme() -> Iterator[None]:
    fsspec.register_implementation("acme", AcmeFileSystem)
    yield
    _registry.pop("acme")


def refuse(self: Path, *args: object, **more: object) -> None:
    raise PermissionError(13, "Permission denied", str(self))


@pytest.mark.parametrize("look", ["exists", "iterdir"])
def test_folder_that_one_may_not_enter_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    monkeypatch.setattr(Path, look, refuse)
    with pytest.raises(SourceError, match=r"^cannot look for .*rows\.csv: .*Permission denied"):
        locate("rows.csv", folder=tmp_path)


@pytest.mark.usefixtures("_acme")
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_an_object_store_raises_is_one_sentence(tmp_path: Path, kind: str) -> None:
    source = SOURCES.parse({"type": kind, "path": f"acme://bucket/rows.{kind}"})
    with pytest.raises(SourceError) as caught:
        source.read(folder=tmp_path)
    place = f"acme://bucket/rows.{kind}"
    assert str(caught.value) == f"cannot read {place}: HttpError: 403: the key is not known"


def test_defect_while_a_local_file_is_read_stays_what_it_is() -> None:
    with pytest.raises(HttpError), reading("/data/rows.csv"):
        raise HttpError("a defect")


def test_what_is_a_sentence_already_stays_as_it_is() -> None:
    with pytest.raises(SourceError, match=r"^it has no labels$"), reading("acme://bucket/rows.csv"):
        raise SourceError("it has no labels")
