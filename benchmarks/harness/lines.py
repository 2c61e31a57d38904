"""One line of a table of verdicts: how often a gate says what, over truths of seeds 0, 1, 2, ..."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ml_platform.gates.gate import Gate
from ml_platform.gates.result import GateResult

VERDICTS = ("passed", "failed", "inconclusive")
HEAD = [*VERDICTS, "holdouts"]
FEWEST, MOST = 20, 2_000

Table = tuple[str, list[str], Iterable[list[str]]]
"""Title, labels of the columns, lines."""


def line(
    gate: Gate[Any], truth: Callable[[int], Any], labels: list[str], *, seconds: float
) -> list[str]:
    """Labels, the share of each verdict, and the number of holdouts."""
    return line_of(lambda seed: gate.judge(truth(seed)), labels, seconds=seconds)


def line_of(
    judge: Callable[[int], GateResult | str], labels: list[str], *, seconds: float
) -> list[str]:
    """The same of anything that gives a verdict for a seed, until time is up."""
    found: Counter[str] = Counter()
    started = spent()
    for seed in range(MOST):
        result = judge(seed)
        found[result if isinstance(result, str) else result.verdict] += 1
        if seed + 1 >= FEWEST and spent() - started > seconds:
            break
    times = sum(found.values())
    cells = [f"{100 * found[verdict] / times:.1f} %" for verdict in VERDICTS]
    return [*labels, *cells, f"{times:,}"]


def spent() -> float:
    """Seconds of a processor so far, those of finished children too."""
    return sum(os.times()[:4])
