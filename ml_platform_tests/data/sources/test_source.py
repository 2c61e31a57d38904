import pytest
from pydantic import ValidationError

from ml_platform.data.sources.source import SOURCES


def test_shipped_sources_are_known_by_name():
    assert set(SOURCES.names()) >= {"csv", "delta", "parquet", "python", "sql"}


@pytest.mark.parametrize("cls", SOURCES.usable().values(), ids=lambda cls: cls.__name__)
def test_every_source_refuses_a_field_that_it_does_not_know(cls: type):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        cls(no_such_field=1)
