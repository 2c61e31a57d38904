"""From a data file to a declaration: what is known from the rows, and why it is proposed."""

import re
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pandas as pd

from ml_platform.exceptions import DeclarationError
from ml_platform.task import Task

MOST_CLASSES = 20
"""Numbers with more distinct values are quantities; texts with more cannot be a class."""

ID_LIKE = 0.5
"""A text column with more distinct values than this share of the rows says nothing in general."""

FEWEST_OF_A_CLASS = 5
"""With fewer rows of a class, 20 % of them cannot be held out."""

NAMELESS = re.compile(r"Unnamed: \d+")
"""What pandas calls a column without a name, such as the index that `to_csv` writes."""

SENSITIVE = re.compile(
    r"(^|_)(sex|gender|race|ethnic\w*|religion|nationality|age|age_group|disab\w*)(_|$)", re.I
)


@dataclass(frozen=True)
class Roles:
    """What the user said about columns."""

    target: str
    event_time: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Proposal:
    """A declaration and its remarks.

    attributes: as in `defs.yaml`.
    remarks: comment lines by section, `""` for those at the top.
    """

    attributes: dict[str, Any]
    remarks: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def with_gates(self, gates: list[dict[str, Any]], remarks: list[str]) -> "Proposal":
        """Return the proposal with gates and what is to be said about them."""
        return Proposal({**self.attributes, "gates": gates}, {**self.remarks, "gates": remarks})


def propose(
    frame: pd.DataFrame, *, name: str, owner: str, source: dict[str, Any], roles: Roles
) -> Proposal:
    """Propose a declaration, without gates, for a model that predicts a column of `frame`.

    Rows without a target, a time or an id are set apart, and nothing is inferred from them.
    Raises DeclarationError when a role names no column, the time cannot be read, or the target
    cannot be predicted.
    """
    _require_columns(frame, roles)
    unusable, set_apart = _unusable(frame, roles)
    frame = frame[~unusable] if set_apart else frame
    task = infer_task(frame[roles.target])
    data = _data(frame, source, roles, task)
    if set_apart:  # counted, not dropped in silence
        room = round(float(unusable.mean()) * 1.5 + 0.01, 2)
        data["contract"]["on_invalid"] = "quarantine"
        data["contract"]["max_quarantine_fraction"] = min(1.0, room)
    features, left_out = _features(frame, data["contract"]["columns"], roles)
    sensitive = [c for c in features["categorical"] if SENSITIVE.search(c)]
    evaluation: dict[str, Any] = {"metrics": _METRICS[task]}
    attributes = {
        "name": name,
        "owner": owner,
        "description": f"Predict {roles.target}.",
        "intended_use": f"Proposed from {len(frame):,} rows; say who decides what with it.",
        "task": task.value,
        "data": data,
        "features": {kind: columns for kind, columns in features.items() if columns},
        "split": _split(frame, roles, task),
        "training": {"type": "xgboost", "params": {"max_depth": 4}, "rounds": 200, "seed": 7},
        "evaluation": {**evaluation, "sensitive": sensitive} if sensitive else evaluation,
    }
    remarks = {
        "task": [_about_target(frame[roles.target], task)],
        "data": [
            "Ranges, categories and null fractions are those of the file, with head room.",
            *set_apart,
            *_taken_for_moments(frame, data["contract"]["columns"], roles),
        ],
        "features": left_out,
        "evaluation": ["Further: slices: [COLUMN], judged value by value."],
    }
    return Proposal(attributes, {key: lines for key, lines in remarks.items() if lines})


def infer_task(target: pd.Series) -> Task:
    """Return the task that the values of a target ask for.

    Raises DeclarationError when it has fewer than two values, or too many texts for a class.
    """
    distinct = target.nunique(dropna=True)
    if distinct < 2:
        raise DeclarationError(
            f"the target {target.name!r} has {distinct} distinct values; "
            "there is nothing to predict below two"
        )
    if distinct == 2:
        return Task.BINARY
    if pd.api.types.is_numeric_dtype(target):
        whole = bool((target.dropna() % 1 == 0).all())
        return Task.MULTICLASS if whole and distinct <= MOST_CLASSES else Task.REGRESSION
    if distinct > MOST_CLASSES:
        raise DeclarationError(
            f"the target {target.name!r} has {distinct:,} distinct texts; valid: a number, or at "
            f"most {MOST_CLASSES} classes"
        )
    return Task.MULTICLASS


_METRICS: dict[Task, list[str]] = {
    Task.BINARY: ["roc_auc", "average_precision", "brier"],
    Task.MULTICLASS: ["balanced_accuracy", "accuracy", "log_loss"],
    Task.REGRESSION: ["r2", "rmse", "mae"],
}


def _require_columns(frame: pd.DataFrame, roles: Roles) -> None:
    said = {"--target": roles.target, "--time": roles.event_time, "--id": roles.id}
    for option, column in said.items():
        if column is not None and column not in frame.columns:
            valid = ", ".join(map(str, frame.columns))
            raise DeclarationError(f"{option} {column!r} is no column of the file (valid: {valid})")
    given = [(option, column) for option, column in said.items() if column is not None]
    for (option, column), (other, again) in combinations(given, 2):
        if column == again:
            raise DeclarationError(f"{option} and {other} are the same column {column!r}")


def _unusable(frame: pd.DataFrame, roles: Roles) -> tuple[pd.Series, list[str]]:
    """Which rows lack what every row needs, and a remark for each column that they lack."""
    gaps = {roles.target: frame[roles.target].isna()}
    if roles.event_time is not None:
        gaps[roles.event_time] = _moments(frame[roles.event_time]).isna()
    if roles.id is not None:
        gaps[roles.id] = frame[roles.id].isna()
    remarks = [
        f"{int(gap.sum()):,} of {len(frame):,} rows have no {column} that can be used: set apart."
        for column, gap in gaps.items()
        if gap.any()
    ]
    return pd.concat(gaps.values(), axis=1).any(axis=1), remarks


def _moments(values: pd.Series) -> pd.Series:
    """The moments in a column, null where there is none. Raises DeclarationError without any."""
    from ml_platform.data.coercion import coerce
    from ml_platform.data.contract import ColumnContract

    moments = coerce(values, ColumnContract(dtype="datetime", nullable=True)).values
    if moments.isna().all():
        present = values.dropna()
        found = f"such as {_plain(present.iloc[0])!r}" if len(present) else "it is empty"
        raise DeclarationError(
            f"--time {values.name!r} holds nothing that can be read as a time, {found} (valid: "
            "dates and times as 2024-02-01 10:00; in CSV 31/01/2024, too, where days and months "
            "can be told apart by a day above 12)"
        )
    return moments


def _data(frame: pd.DataFrame, source: dict[str, Any], roles: Roles, task: Task) -> dict[str, Any]:
    from ml_platform.data.profile import infer_contract

    contract = infer_contract(frame)
    columns = contract["columns"]
    if roles.event_time is not None:
        columns[roles.event_time] = {"dtype": "datetime"}
    if roles.id is not None:
        columns[roles.id] = {
            "dtype": columns[roles.id]["dtype"],
            "unique": bool(frame[roles.id].is_unique),
        }
    _fit_target(columns[roles.target], frame[roles.target], task)
    for column, declared in columns.items():
        if SENSITIVE.search(column):
            declared["sensitive"] = True
    positive = _positive(frame[roles.target]) if task is Task.BINARY else None
    optional = {"positive": positive, "event_time": roles.event_time, "id": roles.id}
    given = {key: value for key, value in optional.items() if value is not None}
    return {"source": source, "target": roles.target, **given, "contract": contract}


def _taken_for_moments(
    frame: pd.DataFrame, columns: dict[str, dict[str, Any]], roles: Roles
) -> list[str]:
    """A remark on the columns of text that are declared as datetime, though nobody said so."""
    names = [
        column
        for column, declared in columns.items()
        if declared["dtype"] == "datetime"
        and frame[column].dtype.kind != "M"
        and column != roles.event_time
    ]
    if not names:
        return []
    return [f"datetime, as the text is full dates (2024-02-01 10:00): {', '.join(names)}."]


def _fit_target(declared: dict[str, Any], target: pd.Series, task: Task) -> None:
    if task is not Task.REGRESSION and pd.api.types.is_numeric_dtype(target):
        for statistic in ("min", "max", "mean", "median", "stdev", "quantiles"):
            declared.pop(statistic, None)
        if not pd.api.types.is_bool_dtype(target):
            declared["dtype"] = "int64" if bool((target.dropna() % 1 == 0).all()) else "float64"
            declared["allowed"] = sorted(_plain(value) for value in target.dropna().unique())


def _positive(target: pd.Series) -> Any:
    """The greater of two numbers; of two texts the rarer one, which is the one to look for."""
    counts = target.value_counts(dropna=True)
    if pd.api.types.is_numeric_dtype(target):
        return _plain(max(counts.index))
    return _plain(counts.index[-1])


def _plain(value: Any) -> Any:
    """A YAML scalar; whole floats, which nulls beside integers leave behind, as integers."""
    scalar = value.item() if hasattr(value, "item") else value
    return int(scalar) if isinstance(scalar, float) and scalar.is_integer() else scalar


def _features(
    frame: pd.DataFrame, columns: dict[str, dict[str, Any]], roles: Roles
) -> tuple[dict[str, list[str]], list[str]]:
    found: dict[str, list[str]] = {"numeric": [], "categorical": []}
    remarks: list[str] = []
    for column in (str(c) for c in frame.columns):
        if column in (roles.target, roles.event_time, roles.id):
            continue
        reason = _useless(frame[column], columns[column]["dtype"])
        if reason is not None:
            remarks.append(f"Left out: {column} ({reason}).")
        elif columns[column]["dtype"] in ("int64", "float64"):
            found["numeric"].append(column)
        else:
            found["categorical"].append(column)
    if not found["numeric"] and not found["categorical"]:
        raise DeclarationError(
            "no column is left to learn from: " + " ".join(remarks or ["there are no others."])
        )
    return found, remarks


def _useless(values: pd.Series, dtype: str) -> str | None:
    distinct = values.nunique(dropna=True)
    if distinct == 0:
        return "all null"
    if NAMELESS.fullmatch(str(values.name)):
        return "the file has no name for it, as for row numbers that were written along"
    if distinct == 1 and not values.isna().any():
        return "always the same"
    if dtype == "datetime":
        return "a moment; features.transform can make numbers of it"
    if dtype in ("string", "category") and distinct > max(MOST_CLASSES, ID_LIKE * len(values)):
        return f"{distinct:,} distinct values in {len(values):,} rows, it looks like a name"
    return None


def _split(frame: pd.DataFrame, roles: Roles, task: Task) -> dict[str, Any]:
    if roles.event_time is not None:
        return {"type": "time_ordered", "holdout": 0.2}
    if roles.id is not None and not frame[roles.id].is_unique:
        return {"type": "grouped", "group": roles.id, "holdout": 0.2, "seed": 7}
    rarest = frame[roles.target].value_counts(dropna=True).min()
    if task is Task.REGRESSION or rarest < FEWEST_OF_A_CLASS:
        return {"type": "random", "holdout": 0.2, "seed": 7}
    return {"type": "stratified", "holdout": 0.2, "seed": 7}


def _about_target(target: pd.Series, task: Task) -> str:
    if task is Task.REGRESSION:
        return f"{target.name} has {target.nunique():,} distinct numbers."
    shares = target.value_counts(normalize=True, dropna=True)
    listed = ", ".join(f"{value} {share:.1%}" for value, share in shares.head(5).items())
    return f"{target.name}: {listed}{', ...' if len(shares) > 5 else ''}"
