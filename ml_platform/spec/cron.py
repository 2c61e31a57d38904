"""Cron expressions of five fields."""

from datetime import UTC, datetime

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
