"""Cron expressions of five fields."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError


def check_cron(expression: str) -> None:
    """Raise ValueError unless it is minute, hour, day, month and weekday.

    >>> check_cron("*/15 * * * *")
    """
    if len(expression.split()) != 5:
        raise ValueError(
            f"{expression!r} is not a cron expression; valid: minute hour day month weekday, "
            "such as '0 3 * * *'"
        )
    try:
        CronSim(expression, datetime.now(UTC))
    except CronSimError as error:
        raise ValueError(
            f"{expression!r} is not a cron expression ({error}); valid: '0 3 * * *', '*/15 * * * *'"
        ) from error


def ticks_until(expression: str, now: datetime) -> Iterator[datetime]:
    """The times of an expression, the latest first, beginning with `now` itself where it is one.

    >>> next(ticks_until("0 6 * * *", datetime(2013, 6, 3, 6, tzinfo=UTC))).isoformat()
    '2013-06-03T06:00:00+00:00'
    """
    return iter(CronSim(expression, now + timedelta(microseconds=1), reverse=True))
