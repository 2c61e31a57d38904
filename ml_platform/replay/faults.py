"""What goes wrong upstream, put into past rows on purpose, to see whether it is noticed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
import pandas as pd

from ml_platform.data.duration import parse_duration
from ml_platform.exceptions import ReplayError

AT, LABEL, DUE = "_at", "_label", "_due"
"""Columns that a replay adds to its rows: when it happens, the truth as delivered, and when."""

OF_LABELS = frozenset({"labels_in_time", "bias_audit"})
"""The checks of feedback."""


@dataclass(frozen=True)
class Fault(ABC):
    """Something that is wrong of every row between two times.

    text: as it was asked for; begin, end: UTC, the end is not part of it.
    """

    text: str
    begin: datetime
    end: datetime

    of_labels: ClassVar[bool] = False
    """Whether it shows when labels are judged, which is after its end."""

    @abstractmethod
    def put_into(self, rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        """Return the rows with the fault; `rows` are those of its time only."""

    def shows_in(self, check: str, subjects: Sequence[str]) -> bool:
        """Tell whether a failed check is about this fault.

        check: its name, or the kind of an incident; subjects: the columns it names.
        """
        column = getattr(self, "column", None)
        return column in subjects or (column is not None and check == "refusals")

    def check(self, columns: pd.Index) -> None:
        """Raise ReplayError when the rows lack a column that the fault is about."""
        column = getattr(self, "column", None)
        if column is not None and column not in columns:
            valid = ", ".join(c for c in columns if not c.startswith("_"))
            raise ReplayError(f"fault {self.text!r}: no column {column!r} (valid: {valid})")


@dataclass(frozen=True)
class UnitChange(Fault):
    """A numeric column comes in another unit: every value times `factor`."""

    column: str
    factor: float

    def put_into(self, rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        """Scale the column; whole numbers stay whole."""
        scaled = rows[self.column] * self.factor
        if pd.api.types.is_integer_dtype(rows[self.column].dtype):
            scaled = scaled.round().astype(rows[self.column].dtype)
        return rows.assign(**{self.column: scaled})


@dataclass(frozen=True)
class Rename(Fault):
    """A category is spelled anew upstream."""

    column: str
    before: str
    after: str

    def put_into(self, rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        """Replace one value of the column."""
        return rows.assign(**{self.column: rows[self.column].replace(self.before, self.after)})


@dataclass(frozen=True)
class Nulls(Fault):
    """A share of a column is missing."""

    column: str
    share: float

    def put_into(self, rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        """Empty the column in a random share of the rows."""
        return rows.assign(
            **{self.column: rows[self.column].mask(random.random(len(rows)) < self.share)}
        )


@dataclass(frozen=True)
class LabelFlip(Fault):
    """A share of the labels is that of another row; 1.0 poisons what is trained on them."""

    of_labels: ClassVar[bool] = True

    share: float

    def put_into(self, rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        """Give each chosen row the next of the other labels; a number is shuffled."""
        return rows.assign(**{LABEL: wrong_labels(rows[LABEL], self.share, random)})

    def shows_in(self, check: str, subjects: Sequence[str]) -> bool:
        """Wrong labels make live quality look bad."""
        return check in {"live_quality", *OF_LABELS}


@dataclass(frozen=True)
class LabelDelay(Fault):
    """Labels come later than usual."""

    of_labels: ClassVar[bool] = True

    delay: timedelta

    def put_into(self, rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        """Put off the delivery."""
        return rows.assign(**{DUE: rows[DUE] + self.delay})

    def shows_in(self, check: str, subjects: Sequence[str]) -> bool:
        """Labels that are late are missed where they are counted."""
        return check in OF_LABELS


@dataclass(frozen=True)
class PoisonedCandidate(Fault):
    """At `begin` somebody trains a candidate on source rows of which a share has a wrong label.

    The rows of production stay as they are: whether the candidate is stopped, by a gate or by the
    release, is the question.
    """

    share: float

    def put_into(self, rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        """Leave production's rows alone."""
        return rows

    def shows_in(self, check: str, subjects: Sequence[str]) -> bool:
        """A gate blocks it, or the release takes it back."""
        return check in {"blocked_gate", "rolled_back"}

    def poison(self, labels: pd.Series, random: np.random.Generator) -> pd.Series:
        """Return the labels of the source with a share of them wrong."""
        return wrong_labels(labels, self.share, random)


def wrong_labels(labels: pd.Series, share: float, random: np.random.Generator) -> pd.Series:
    """Give a share of the rows the next of the other classes; numbers are shuffled."""
    chosen = random.random(len(labels)) < share
    told = labels.to_numpy(copy=True)
    known = labels.unique()
    if len(known) > 20:
        told[chosen] = random.permutation(told[chosen])
    else:
        following = dict(zip(known, np.roll(known, 1), strict=True))
        told[chosen] = [following[label] for label in told[chosen]]
    return pd.Series(told, index=labels.index, dtype=labels.dtype)


VALID = (
    "unit:COLUMN:FACTOR, rename:COLUMN:BEFORE:AFTER, nulls:COLUMN:SHARE, flip:SHARE, "
    "delay:DURATION, poison:SHARE, each followed by @FROM..TO"
)


def parse_fault(text: str) -> Fault:
    """Read `unit:distance:1.609@2013-06-01..2013-06-08`; days and times are UTC.

    Raises ReplayError when it is something else.
    """
    what, _, when = text.partition("@")
    begin, _, end = when.partition("..")
    kind, *rest = what.split(":")
    try:
        span = (text, _time(begin), _time(end))
        match kind, rest:
            case "unit", [column, factor]:
                return UnitChange(*span, column, float(factor))
            case "rename", [column, before, after]:
                return Rename(*span, column, before, after)
            case "nulls", [column, share]:
                return Nulls(*span, column, float(share))
            case "flip", [share]:
                return LabelFlip(*span, float(share))
            case "poison", [share]:
                return PoisonedCandidate(*span, float(share))
            case "delay", [delay]:
                return LabelDelay(*span, parse_duration(delay))
            case _:
                raise ReplayError(f"{text!r} is no fault (valid: {VALID})")
    except ValueError as error:
        raise ReplayError(f"{text!r} is no fault: {error} (valid: {VALID})") from error


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
