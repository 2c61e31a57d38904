"""Margins of the parts of a holdout, judged together."""

import re
import zlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from ml_platform.evaluation.multiple import Correction
from ml_platform.evaluation.slices import slices_of
from ml_platform.gates.benchmarked import of_benchmark
from ml_platform.gates.compared import ComparingGate
from ml_platform.gates.evidence import EvaluationEvidence
from ml_platform.gates.opponent import Rows, margin_or_reason, metric_for
from ml_platform.gates.parts import SHOWN, JudgedPart, Part, judge_parts, told_row, worst
from ml_platform.gates.result import GateResult, Verdict
from ml_platform.gates.tolerance import overall


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Columns = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
"""One column or a list of them."""


class SlicedGate(ComparingGate):
    """Judges a metric in every slice of some columns, all together.

    Values are slices of their own; numbers of many values are cut into quarters, and rare values
    beyond the 20 most frequent are one slice.

    columns: one column of the contract, or several; with a benchmark also none, which judges it
        as a whole.
    benchmark: a declared one; its frozen rows are judged in place of the holdout's.
    min_rows: a slice of fewer is not judged.
    below_min_rows: whether such slices make the gate inconclusive, or are only told.
    correction: for the number of slices, so that the chance of any false failure keeps its bound.
    """

    columns: Columns = ()
    benchmark: str | None = None
    min_rows: int = Field(default=200, ge=20)
    below_min_rows: Literal["inconclusive", "ignore"] = "inconclusive"
    correction: Correction = "holm"

    @model_validator(mode="after")
    def _divides_something(self) -> Self:
        if not self.columns and self.benchmark is None:
            raise PydanticCustomError("slices", "give columns to slice by, or a benchmark")
        return self

    @property
    def check_name(self) -> str:
        """`<type>_<key>_<benchmark>_<columns>`."""
        benchmark = () if self.benchmark is None else (self.benchmark,)
        return "_".join((super().check_name, *benchmark, *map(name_of_column, self.columns)))

    @property
    def divides_by(self) -> tuple[str, ...]:
        """The columns."""
        return self.columns

    def judge(self, evidence: EvaluationEvidence) -> GateResult:
        """Measure every slice, of the holdout or of the benchmark, and judge them together."""
        if self.benchmark is None:
            return self.judge_rows(evidence)
        found = of_benchmark(evidence, self.benchmark)
        if isinstance(found, str):
            return self.cannot_tell(found)
        result = self.judge_rows(found.evidence)
        details = {**result.details, "benchmark": found.document}
        return result.model_copy(update={"reason": result.reason + found.told, "details": details})

    def judge_rows(self, evidence: EvaluationEvidence) -> GateResult:
        """Judge the slices of the rows in the evidence."""
        rows = self.rows_to_judge(evidence)
        if isinstance(rows, GateResult):
            return rows
        frame = evidence.holdout
        missing = [c for c in self.columns if frame is None or c not in frame.columns]
        if frame is None or missing:
            where = "the holdout" if self.benchmark is None else f"benchmark {self.benchmark}"
            return self.cannot_tell(f"{where} has no column {missing[0]!r} to slice it by")
        small: list[str] = []
        parts: list[Part] = []
        for name, places in self.slices(frame):
            part = self.rows_of_slice(name, places, rows, evidence)
            if len(part.target) < self.min_rows:
                small.append(f"{name} ({len(part.target):,})")
            else:
                parts.append(self._measured(name, part, evidence))
        judged = judge_parts(parts, tolerance=self.tolerance_allowed, correction=self.correction)
        return self.result(judged, small)

    def slices(self, frame: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Yield the name and the row positions of every slice."""
        if self.benchmark is not None and not self.columns:
            yield self.benchmark, np.arange(len(frame))
            return
        prefix = "" if self.benchmark is None else f"{self.benchmark}: "
        for name, places in slices_in(frame, self.columns):
            yield f"{prefix}{name}", places

    def rows_of_slice(
        self, name: str, places: NDArray[np.int64], rows: Rows, evidence: EvaluationEvidence
    ) -> Rows:
        """The rows to judge that lie in a slice."""
        return rows.at(places)

    def reference_of(self, name: str, rows: Rows, evidence: EvaluationEvidence) -> float | str:
        """What a slice is held against, 0 where it is the champion's; or why there is nothing."""
        return self.reference

    def _measured(self, name: str, rows: Rows, evidence: EvaluationEvidence) -> Part:
        metric = metric_for(evidence, self.metric)
        how = self.measuring(evidence.seed)
        reference = self.reference_of(name, rows, evidence)
        if isinstance(reference, str):
            return Part(name, len(rows.target), problem=reference)
        margin = margin_or_reason(rows, metric, how, reference=reference)
        if isinstance(margin, str):
            return Part(name, len(rows.target), problem=margin)
        return Part(name, margin.rows, margin)

    def verdict(self, judged: Sequence[JudgedPart], small: Sequence[str]) -> Verdict:
        """All slices together; the small ones as declared."""
        verdict = overall([each.verdict for each in judged])
        if verdict == "passed" and small and self.below_min_rows == "inconclusive":
            return "inconclusive"
        return verdict

    def result(self, judged: Sequence[JudgedPart], small: Sequence[str]) -> GateResult:
        """Put together what the slices say."""
        if not judged:
            return self.cannot_tell(f"no slice has {self.min_rows:,} rows: {', '.join(small)}")
        table = [each.row(self.reference, self.sign) for each in judged]
        deciding = worst(judged)
        row = {} if deciding is None else deciding.row(self.reference, self.sign)
        return GateResult(
            verdict=self.verdict(judged, small),
            value=row.get("value"),
            bound=self.bound,
            interval=(row["low"], row["high"]) if row else None,
            rows=row.get("rows"),
            reason=self._reason(judged, small, table),
            details={"slices": table, "too_small": list(small)},
        )

    def _reason(
        self, judged: Sequence[JudgedPart], small: Sequence[str], table: Sequence[dict[str, Any]]
    ) -> str:
        verdict = overall([each.verdict for each in judged])
        rows = [row for row in table if row["verdict"] == verdict]
        shown = 1 if verdict == "passed" else SHOWN
        told = "; ".join(map(told_row, rows[:shown]))
        text = f"{self.metric} {self.words(verdict)} in {len(rows)} of {len(table)} slices: {told}"
        if len(rows) > SHOWN and verdict != "passed":
            text += f"; and {len(rows) - SHOWN} more"
        if small:
            listed = ", ".join(small[:SHOWN]) + (", ..." if len(small) > SHOWN else "")
            text += f"; under {self.min_rows:,} rows and not judged: {listed}"
        return text

    def cannot_tell(self, reason: str) -> GateResult:
        """Nothing to judge."""
        return GateResult(verdict="inconclusive", bound=self.bound, reason=reason)

    @abstractmethod
    def rows_to_judge(self, evidence: EvaluationEvidence) -> Rows | GateResult:
        """The rows, or the verdict where there are none."""

    @property
    @abstractmethod
    def reference(self) -> float:
        """What the metric is held against; 0 where it is the champion's."""

    @property
    @abstractmethod
    def tolerance_allowed(self) -> float:
        """How far below its reference a margin may lie."""

    @property
    @abstractmethod
    def bound(self) -> float:
        """The bound as the result shows it."""

    @property
    def sign(self) -> int:
        """-1 where what is shown is better when smaller."""
        return 1

    @abstractmethod
    def words(self, verdict: Verdict) -> str:
        """How slices of that verdict stand."""


def slices_in(
    frame: pd.DataFrame, columns: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield the name, such as `origin=JFK`, and the row positions of every slice."""
    for column in columns:
        for value, places in slices_of(pd.Series(frame[column])):
            yield f"{column}={value}", places


def name_of_column(column: str) -> str:
    """A column as a part of a check name, of letters, digits and `_`; still one of a kind.

    >>> name_of_column("origin")
    'origin'
    """
    plain = re.sub(r"[^A-Za-z0-9_]", "_", column)
    return plain if plain == column else f"{plain}_{zlib.crc32(column.encode()):08x}"
