"""Parts of a holdout, or pairs of parts, judged together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_platform.evaluation.estimates import Estimate
from ml_platform.evaluation.multiple import Correction
from ml_platform.gates.result import Verdict
from ml_platform.gates.tolerance import overall, verdicts_of

SHOWN = 3
"""Parts that a reason names; the report has all."""


@dataclass(frozen=True)
class Part:
    """One part of the holdout, or one comparison of two parts, and how it stands.

    name: for people, such as `origin=JFK`.
    rows: that it rests on.
    margin: None where it could not be measured; `problem` then says why.
    chance: one-sided p-value of the margin, where it does not come from its interval.
    """

    name: str
    rows: int
    margin: Estimate | None = None
    problem: str = ""
    chance: float | None = None


@dataclass(frozen=True)
class JudgedPart:
    """A part with its verdict."""

    part: Part
    verdict: Verdict

    def row(self, shown: float, sign: int) -> dict[str, Any]:
        """For the report: value and interval are `shown` + `sign` times the margin's."""
        margin = self.part.margin
        row: dict[str, Any] = {"part": self.part.name, "rows": self.part.rows}
        if margin is None:
            return {**row, "verdict": self.verdict, "reason": self.part.problem}
        ends = sorted(shown + sign * end for end in margin.interval)
        value = shown + sign * margin.value
        return {**row, "value": value, "low": ends[0], "high": ends[1], "verdict": self.verdict}


def judge_parts(
    parts: Sequence[Part], *, tolerance: float, correction: Correction
) -> list[JudgedPart]:
    """Judge every part; worst margin first, then those that could not be measured."""
    measured = [part for part in parts if part.margin is not None]
    margins = [part.margin for part in measured if part.margin is not None]
    own = [
        margin.chance_below_zero() if part.chance is None else part.chance
        for part, margin in zip(measured, margins, strict=True)
    ]
    verdicts = verdicts_of(margins, tolerance=tolerance, correction=correction, chances=own)
    judged = [JudgedPart(part, v) for part, v in zip(measured, verdicts, strict=True)]
    order = np.argsort([margin.value for margin in margins], kind="stable")
    rest = [JudgedPart(part, "inconclusive") for part in parts if part.margin is None]
    return [*(judged[place] for place in order), *rest]


def worst(judged: Sequence[JudgedPart]) -> JudgedPart | None:
    """The part that decides: with the overall verdict, the lowest margin of those."""
    verdict = overall([each.verdict for each in judged])
    deciding = [each for each in judged if each.verdict == verdict and each.part.margin]
    return deciding[0] if deciding else next((j for j in judged if j.part.margin), None)


def told_row(row: dict[str, Any]) -> str:
    """One row of the report in words."""
    if "value" not in row:
        return f"{row['part']} is not measurable: {row['reason']} (n={row['rows']:,})"
    ends = f"[{row['low']:.4g}, {row['high']:.4g}]"
    return f"{row['part']} {row['value']:.4g} {ends} (n={row['rows']:,})"
