"""Options that are lengths of time, such as `6h` or `1h30m`."""

from datetime import timedelta

import click


def duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """The length of time that an option means; None where it is not given."""
    from ml_platform.data.duration import parse_duration

    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def some_time(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    """The same of an option that is always given; refuses no time at all."""
    found = duration(ctx, param, value)
    if not found:
        raise click.BadParameter(f"{value!r} is no time at all; valid: 30s, 10m, 1h30m", ctx, param)
    return found
