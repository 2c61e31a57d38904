"""How often each gate errs, over holdouts, snapshots and calls of known truth.

    python benchmarks/verdicts.py [--quick] [--only TITLE] [--write docs/verdicts.md]

Every line is the share of each verdict over simulated holdouts of seeds 0, 1, 2, ...; a faster
machine sees more of them. `false block` is a verdict other than `passed` where the truth is
fine, with `failed` told apart; `miss` is `passed` where the truth is not.
"""

import argparse
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness import canary, data_and_cost, drifts, running, smoke
from harness.lines import HEAD, Table, line, spent
from harness.truths import (
    groups_apart,
    models_apart,
    one_bad_slice,
    slices_at,
)

from ml_platform.evaluation.group_rates import Measure
from ml_platform.gates.fairness import Fairness
from ml_platform.gates.no_regression import NoRegression
from ml_platform.gates.slice_metric import SliceMetric
from ml_platform.gates.slice_no_regression import SliceNoRegression

SIZES = (200, 1_000, 5_000, 20_000, 100_000, 1_000_000)
MANY = (2_000, 20_000, 200_000, 1_000_000)
"""The same for 20 slices."""
SECONDS = 3.0
"""Spent on one line at most, once it has the fewest holdouts that count."""


def regression(seconds: float) -> Iterator[list[str]]:
    """`no_regression` of the AUC, over sizes, balances, correlations and drops."""
    gate = NoRegression(metric="roc_auc", tolerance=0.02)
    for rows in SIZES:
        for base in (0.5, 0.2, 0.05, 0.01):
            if rows * base < 40 or (rows > 50_000 and base not in {0.2, 0.01}):
                continue
            for drop in (0.0, 0.02, 0.04) if rows < 50_000 else (0.0, 0.04):
                yield line(
                    gate,
                    lambda seed, r=rows, b=base, d=drop: models_apart(r, seed, base=b, drop=d),
                    [f"{rows:,}", f"{base:.0%}", "0.9", _drop(drop)],
                    seconds=seconds,
                )
    for correlation in (0.5, 0.98):
        for drop in (0.0, 0.04):
            yield line(
                gate,
                lambda seed, c=correlation, d=drop: models_apart(
                    5_000, seed, correlation=c, drop=d
                ),
                ["5,000", "20%", f"{correlation}", _drop(drop)],
                seconds=seconds,
            )


def resampled(seconds: float) -> Iterator[list[str]]:
    """`no_regression` of metrics that are resampled: equal, or an AUC worse by 0.1."""
    tolerances = {"log_loss": 0.02, "accuracy": 0.02, "f1": 0.05, "average_precision": 0.04}
    for metric, tolerance in tolerances.items():
        gate = NoRegression(metric=metric, tolerance=tolerance, rounds=400)
        for rows in (200, 1_000, 5_000, 100_000):
            for drop, told in ((0.0, "equal"), (0.1, "AUC worse by 0.1")):
                yield line(
                    gate,
                    lambda seed, r=rows, d=drop: models_apart(r, seed, drop=d),
                    [metric, f"{tolerance}", f"{rows:,}", told],
                    seconds=seconds,
                )


Sizes = Sequence[tuple[int, int]]
"""Slices or groups, and all rows."""


def slices(seconds: float, *, base: float, sizes: Sizes) -> Iterator[list[str]]:
    """`slice_metric` of the AUC: floor 0.70, over slices that keep, meet or break it."""
    for count, rows in sizes:
        for tolerance in (0.0, 0.05):
            gate = SliceMetric(
                metric="roc_auc", columns=("group",), floor=0.70, tolerance=tolerance, min_rows=80
            )
            for area, bad, told in (
                (0.80, None, "all 0.80"),
                (0.70, None, "all 0.70"),
                (0.80, 0.60, "one 0.60, rest 0.80"),
            ):
                yield line(
                    gate,
                    lambda seed, n=rows, k=count, a=area, b=bad: slices_at(
                        n, seed, count=k, area=a, bad=b, base=base
                    ),
                    [f"{count}", f"{rows // count:,}", f"{tolerance:g}", told],
                    seconds=seconds,
                )


def slice_regression(seconds: float, *, base: float, sizes: Sizes) -> Iterator[list[str]]:
    """`slice_no_regression` of the AUC, tolerance 0.04."""
    gate = SliceNoRegression(metric="roc_auc", columns=("group",), tolerance=0.04, min_rows=80)
    for count, rows in sizes:
        for drop, told in ((0.0, "equal in all"), (0.08, "one worse by 0.08")):
            yield line(
                gate,
                lambda seed, n=rows, k=count, d=drop: one_bad_slice(
                    n, seed, count=k, drop=d, base=base
                ),
                [f"{count}", f"{rows // count:,}", told],
                seconds=seconds,
            )


Rates = Sequence[tuple[str, float, float]]
"""What is true, the rate of the first group, and that of the others."""

APART: Rates = (("apart 0", 0.4, 0.4), ("0.1", 0.3, 0.4), ("0.2", 0.2, 0.4))
RATES: Mapping[Measure, Rates] = {
    "disparate_impact": (("ratio 1", 0.4, 0.4), ("ratio 0.8", 0.32, 0.4), ("0.6", 0.24, 0.4)),
    "demographic_parity": APART,
    "equalized_odds": APART,
}
LOW_RATES: Mapping[Measure, Rates] = {
    "disparate_impact": (("ratio 1", 0.05, 0.05), ("ratio 0.8", 0.04, 0.05), ("0.6", 0.03, 0.05)),
    "demographic_parity": (("apart 0", 0.05, 0.05), ("0.1", 0.05, 0.15), ("0.2", 0.05, 0.25)),
    "equalized_odds": APART,
}
"""The same where few are decided positive."""


def fairness(
    seconds: float, rates: Mapping[Measure, Rates], *, base: float, sizes: Sizes
) -> Iterator[list[str]]:
    """`fairness` by each measure: fair, at the bound, and twice as far."""
    for measure, each in rates.items():
        gate = Fairness(attribute="group", measure=measure)
        for count, rows in sizes:
            for told, lowest, rest in each:
                yield line(
                    gate,
                    lambda seed, n=rows, k=count, low=lowest, high=rest: groups_apart(
                        n, seed, count=k, lowest=low, rest=high, base=base
                    ),
                    [measure, f"{count}", f"{rows // count:,}", told],
                    seconds=seconds,
                )


def tables(seconds: float) -> list[Table]:
    """Every table: its title, the labels of its lines, and its lines."""
    return [
        (
            "`no_regression`: roc_auc (champion 0.75), tolerance 0.02, confidence 0.95",
            ["rows", "positives", "correlation", "truth", *HEAD],
            regression(seconds),
        ),
        (
            "`no_regression`: metrics that are resampled",
            ["metric", "tolerance", "rows", "truth", *HEAD],
            resampled(seconds),
        ),
        (
            "`slice_metric`: roc_auc, floor 0.70, confidence 0.95, Holm",
            ["slices", "rows each", "tolerance", "truth", *HEAD],
            slices(seconds, base=0.2, sizes=[(3, 2_000), *((20, rows) for rows in MANY)]),
        ),
        (
            "`slice_metric`: the same with 5 % positives",
            ["slices", "rows each", "tolerance", "truth", *HEAD],
            slices(seconds / 2, base=0.05, sizes=[(3, 6_000), (20, 20_000), (20, 200_000)]),
        ),
        (
            "`slice_no_regression`: roc_auc, tolerance 0.04, confidence 0.95, Holm",
            ["slices", "rows each", "truth", *HEAD],
            slice_regression(
                seconds,
                base=0.2,
                sizes=[(3, 2_000), (3, 20_000), *((20, rows) for rows in MANY)],
            ),
        ),
        (
            "`slice_no_regression`: the same with 5 % positives",
            ["slices", "rows each", "truth", *HEAD],
            slice_regression(
                seconds / 2, base=0.05, sizes=[(3, 6_000), (20, 20_000), (20, 200_000)]
            ),
        ),
        (
            "`fairness`: bound 0.8 for the ratio, 0.1 for the differences, Holm",
            ["measure", "groups", "rows each", "truth", *HEAD],
            fairness(
                seconds,
                RATES,
                base=0.4,
                sizes=[(2, 600), (2, 5_000), (8, 5_000), (8, 50_000), (8, 1_000_000)],
            ),
        ),
        (
            "`fairness`: the same with 5 % positives, and 5 % decided positive",
            ["measure", "groups", "rows each", "truth", *HEAD],
            fairness(
                seconds / 2, LOW_RATES, base=0.05, sizes=[(2, 5_000), (8, 50_000), (8, 200_000)]
            ),
        ),
        *data_and_cost.tables(seconds),
        *smoke.tables(seconds),
        *running.tables(seconds),
        *drifts.tables(seconds),
        *canary.tables(seconds),
    ]


def _drop(drop: float) -> str:
    return "equal" if drop == 0 else f"worse by {drop:g}"


def machine() -> str:
    """Processor, cores, Python."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    name = names[0].strip() if names else platform.processor()
    return f"{name}, {os.cpu_count()} shared cores, Python {platform.python_version()}"


def written(text: str, parts: dict[str, str]) -> str:
    """A document with these tables, by title, in place of those it has, the new ones last."""
    head, _, body = text.partition("<!-- tables -->")
    found = {part.partition("\n")[0]: part.rstrip() for part in re.split(r"(?m)^### ", body)[1:]}
    tables = [f"### {part}" for part in (found | parts).values()]
    return "\n\n".join([f"{head}<!-- tables -->", *tables]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the holdouts")
    parser.add_argument("--only", default="", help="tables whose title holds this text")
    parser.add_argument("--write", type=Path, help="put the tables into this document")
    options = parser.parse_args()
    parts: dict[str, str] = {}
    for title, labels, lines in tables(SECONDS / 10 if options.quick else SECONDS):
        if options.only not in title:
            continue
        started = spent()
        part = [title, "", f"| {' | '.join(labels)} |", "| --- " * len(labels) + "|"]
        print("\n".join(part))
        for cells in lines:
            part.append(f"| {' | '.join(cells)} |")
            print(part[-1], flush=True)
        measured = f"Measured in {spent() - started:,.0f} s of one core ({machine()})."
        print(f"{measured}\n")
        parts[title] = "\n".join([*part, "", measured])
    if options.write:
        text = options.write.read_text(encoding="utf-8")
        options.write.write_text(written(text, parts), encoding="utf-8")


if __name__ == "__main__":
    main()
