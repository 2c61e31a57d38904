"""The latest window of predictions whose labels have matured, and how good they were."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_platform.component.platform import Platform
from ml_platform.evaluation.evaluate import evaluate
from ml_platform.evaluation.spec import EvaluationSpec
from ml_platform.exceptions import ModelError, TrainingError
from ml_platform.feedback.inference_table import FEATURE, InferenceTable
from ml_platform.feedback.label_contract import LabelContract
from ml_platform.feedback.labeled import PART, LabeledTable
from ml_platform.feedback.maturity import judged_windows, window_start
from ml_platform.monitoring.report import LiveWindow, VersionQuality
from ml_platform.monitoring.traffic import SHADOW
from ml_platform.spec.load import Declaration
from ml_platform.task import Task
from ml_platform.training.target import encode_known

_OF_LABEL = ("prediction_id", "label", "observed_at", "source", "version", "role", "random")


@dataclass(frozen=True)
class Labeled:
    """The labeled predictions of a window, with what was asked, and how good they were."""

    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    quality: LiveWindow | None = None


def latest_window(
    declaration: Declaration,
    platform: Platform,
    *,
    until: datetime,
    classes: Callable[[int], Sequence[Any]],
    known: LiveWindow | None = None,
) -> Labeled:
    """Judge who answered the latest window that has matured by `until`.

    classes: of a version. Each prediction counts by its last label. known: judged earlier; an
    evaluation stands where it rests on the same evidence.
    """
    spec = declaration.spec
    if spec.feedback is None:
        return Labeled()
    length, delay = spec.feedback.window, spec.feedback.label_delay
    begin = window_start(until - delay - length, length)
    asked = _asked(platform, spec.name, begin, begin + length)
    answered = asked.filter(pc.not_equal(asked["role"], SHADOW))
    told = _told(platform, spec.name, begin, begin + length)
    counts = {begin: (answered.num_rows, told.num_rows)}
    [window] = judged_windows(counts, spec.feedback, now=until)
    unjudged = LiveWindow(
        begin=window.start, end=window.end, predictions=window.predicted, labeled=window.labeled
    )
    if window.state != "matured":
        share = f"{window.share:.0%} of {window.predicted:,} predictions are labeled"
        reason = f"the window from {begin:%Y-%m-%d %H:%M} is not judged: {share}"
        return Labeled(quality=unjudged.model_copy(update={"reason": reason}))
    rows = _joined(asked, told, declaration)
    kept = {each.fingerprint: each for each in (known.versions if known is not None else ())}
    versions = tuple(_by_version(declaration, rows, classes=classes, known=kept))
    to_somebody = rows[rows["role"] != SHADOW].reset_index(drop=True)
    return Labeled(to_somebody, unjudged.model_copy(update={"versions": versions}))


def _asked(platform: Platform, name: str, begin: datetime, end: datetime) -> pa.Table:
    log = InferenceTable(platform.settings.data_url, name)
    last = (end - timedelta(microseconds=1)).date()
    rows = log.read(first=begin.date(), last=last)
    return rows.filter(_within(rows["time"], begin, end))


def _told(platform: Platform, name: str, begin: datetime, end: datetime) -> pa.Table:
    """The labels in force of a window; what the model itself labeled says nothing about it."""
    table = LabeledTable(platform.settings.data_url, name).files.open()
    if table is None:
        return pa.table({name: pa.array([], pa.string()) for name in _OF_LABEL})
    days = [f"{begin.date() + timedelta(days=n)}" for n in range((end - begin).days + 2)]
    rows = table.to_pyarrow_table(
        filters=[(PART, "in", days), ("outcome", "=", "joined")], columns=[*_OF_LABEL, "time"]
    )
    told = pc.not_equal(pc.fill_null(rows["source"], ""), "model")
    return rows.filter(pc.and_(told, _within(rows["time"], begin, end))).drop_columns(["time"])


def _within(times: pa.ChunkedArray, begin: datetime, end: datetime) -> pa.ChunkedArray:
    low, high = pa.scalar(begin, times.type), pa.scalar(end, times.type)
    return pc.and_(pc.greater_equal(times, low), pc.less(times, high))


def _joined(asked: pa.Table, told: pa.Table, declaration: Declaration) -> pd.DataFrame:
    """One row a labeled prediction: what was asked by its own name, answered and observed.

    The label of an answer is that of the shadow that went along, too.
    """
    labels = told.select(["prediction_id", "label", "observed_at", "source"]).to_pandas()
    rows = asked.to_pandas().merge(labels, on="prediction_id", validate="many_to_one")
    rows = rows.rename(columns=lambda name: name.removeprefix(FEATURE))
    target = declaration.spec.data.target
    column = declaration.spec.data.contract.columns[target]
    rows[target] = LabelContract(target, column).values(rows["label"])
    return rows


def _by_version(
    declaration: Declaration,
    rows: pd.DataFrame,
    *,
    classes: Callable[[int], Sequence[Any]],
    known: Mapping[str, VersionQuality],
) -> Iterator[VersionQuality]:
    """Who answered most, however little that is; then all others that have enough rows."""
    counts = rows.groupby(["version", "role"]).size()
    most_first = sorted(counts.items(), key=lambda each: (each[0][1] == SHADOW, -each[1]))
    for place, ((version, role), labeled) in enumerate(most_first):
        if place and labeled < declaration.spec.monitoring.min_rows:
            continue
        own = rows[(rows["version"] == version) & (rows["role"] == role)].reset_index(drop=True)
        who = VersionQuality(version=int(version), role=role, labeled=int(labeled))
        yield _judged(declaration, who, own, classes=classes, known=known)


def _judged(
    declaration: Declaration,
    who: VersionQuality,
    own: pd.DataFrame,
    *,
    classes: Callable[[int], Sequence[Any]],
    known: Mapping[str, VersionQuality],
) -> VersionQuality:
    """How good a version was on its own rows, or why that is not known."""
    spec = declaration.spec
    try:
        names = classes(who.version)
        target = encode_known(own[spec.data.target], spec.task, names)
    except (TrainingError, ModelError) as error:
        return who.model_copy(update={"reason": str(error)})
    asked, scores = _asked_of(spec.evaluation, own), _scores(own, spec.task)
    slices = own[list(asked.columns)]
    fingerprint = _fingerprint(f"{who.version} {spec.evaluation_digest}", target, scores, slices)
    if fingerprint in known:
        return who.model_copy(
            update={"evaluation": known[fingerprint].evaluation, "fingerprint": fingerprint}
        )
    evaluation = evaluate(
        target,
        scores,
        task=spec.task,
        spec=asked,
        frame=own,
        metrics=spec.metrics,
        classes=names,
        seed=spec.training.seed,
    )
    return who.model_copy(update={"evaluation": evaluation, "fingerprint": fingerprint})


def _asked_of(spec: EvaluationSpec, rows: pd.DataFrame) -> EvaluationSpec:
    """What is to be measured, without the slices by columns that were not logged."""
    known = {
        kind: tuple(column for column in getattr(spec, kind) if column in rows)
        for kind in ("slices", "sensitive")
    }
    return spec.model_copy(update=known)


def _fingerprint(
    asked: str, target: NDArray[np.generic], scores: NDArray[np.float64], slices: pd.DataFrame
) -> str:
    """Hash of all that an evaluation rests on (hex)."""
    found = sha256(asked.encode())
    found.update(np.ascontiguousarray(target).tobytes())
    found.update(np.ascontiguousarray(scores).tobytes())
    for name, column in slices.items():
        found.update(str(name).encode())
        found.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())
    return found.hexdigest()


def _scores(rows: pd.DataFrame, task: Task) -> NDArray[np.float64]:
    if task is Task.MULTICLASS:
        return np.stack(rows["scores"].to_list()).astype(np.float64)
    return rows["score"].to_numpy(np.float64)
