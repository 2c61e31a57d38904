"""How often Python looks for cycles of objects that nobody reaches any more."""

import gc

NEW_OBJECTS = 50_000
"""Between two searches. By default it is 700."""


def search_seldom() -> None:
    """Look less often, for a process that loads Dagster, MLflow and what they bring.

    What is loaded stays, and each search goes through some of it again: a tenth of the CPU of
    `ml-platform train`. For commands and Dagster's processes; in a service, a search at the wrong
    moment would be a slow answer, and small ones are the better.
    """
    gc.set_threshold(NEW_OBJECTS, 20, 20)
