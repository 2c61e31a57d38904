from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from ml_platform.data.duration import Duration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "hours"), [("45d", 45 * 24), ("12h", 12), ("30m", 0.5), ("1d12h", 36), ("2w", 336)]
)
def test_duration_reads_what_people_write(text: str, hours: float):
    assert parse_duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "5", "d", "1h1d", "-1d", "1.5h", 5, None, "1y"])
def test_what_is_no_duration_is_refused_with_an_example(text: object):
    with pytest.raises(ValueError, match="such as 45d or 1d12h"):
        parse_duration(text)


def test_duration_longer_than_any_calendar_is_refused():
    with pytest.raises(ValueError, match="longer than any calendar"):
        parse_duration("9999999999w")


def test_duration_is_written_as_it_is_read():
    field = TypeAdapter(Duration)
    assert field.dump_python(field.validate_python("1d12h"), mode="json") == "1d12h"
    assert format_duration(timedelta(0)) == "0s"
    assert parse_duration(format_duration(timedelta(seconds=90061))) == timedelta(seconds=90061)
