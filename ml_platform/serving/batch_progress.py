"""How far scoring is, in lines: for a log, or for a command away from a terminal."""

import time
from collections.abc import Callable

from ml_platform.serving.batch import Progress

EVERY_SECONDS = 10.0
"""A line comes after the first chunk, and then at most so often."""


def lines(
    say: Callable[[str], None], *, monotonic: Callable[[], float] = time.monotonic
) -> Progress:
    """Return a progress that says how many rows are done.

    say: gets each line. monotonic: seconds.
    """
    said: list[float] = []

    def progress(done: int, of: int | None) -> None:
        now = monotonic()
        if said and now - said[-1] < EVERY_SECONDS:
            return
        said.append(now)
        say(f"scoring: {done:,} rows" if of is None else f"scoring: {done:,} of {of:,} rows")

    return progress
