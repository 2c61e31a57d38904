"""Let labels judge the release under way: the losses of candidate and champion, as evidence."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.component.steps.version_classes import classes_of
from ml_platform.feedback.audit import Audit
from ml_platform.feedback.label_contract import LabelContract
from ml_platform.feedback.outcomes import labeled_outcomes
from ml_platform.feedback.production import EPOCH, production
from ml_platform.feedback.production_files import ProductionFiles
from ml_platform.release.evidence import Counts
from ml_platform.release.quality import (
    UNKNOWN,
    Codes,
    Floats,
    Losses,
    losses_of_classes,
    losses_of_values,
    moments_of,
)
from ml_platform.release.rows import StepEvidence
from ml_platform.release.state import Action, ReleaseState, Transition
from ml_platform.spec.load import Declaration
from ml_platform.task import Task

if TYPE_CHECKING:
    import pyarrow as pa

WORKER = "labels"
"""Under this name the release store keeps what labels say, beside what the workers counted."""

_ENTERS = (Action.OPEN, Action.ADVANCE, Action.APPROVE)
_UNDECIDED = -2


@dataclass(frozen=True)
class Entered:
    """A step at which the candidate answers: the revision at which it was entered, and when."""

    revision: int
    at: datetime


def record_quality(
    declaration: Declaration, platform: Platform, audit: Audit, *, now: datetime
) -> str | None:
    """Put the losses of labeled predictions to each step of the release under way.

    All is counted anew and replaces what was there, so that late and corrected labels count at
    the step at which the prediction was made. Labels that the audit refuses count nothing; of
    those it lets teach only where chance decided, those. Returns what was counted, for people;
    None where no release is under way. Raises StoreError.
    """
    name = declaration.spec.name
    state = platform.releases.state(name)
    if state.candidate is None or state.champion is None:
        return None
    steps = entered_steps(state, platform.releases.history(name, after=state.opened - 1))
    versions = {"champion": state.champion, "candidate": state.candidate}
    found = _counted(declaration, platform, steps, versions, audit, now=now)
    for step, counts in found.items():
        platform.releases.record_evidence(name, entered=step, worker=WORKER, counts=counts)
    return _told(found.values(), versions)


def entered_steps(state: ReleaseState, history: Sequence[Transition]) -> tuple[Entered, ...]:
    """The steps of the release under way at which its candidate answers, in their order.

    history: the transitions since it was opened.
    """
    assert state.plan is not None
    entered = [t for t in history if t.action in _ENTERS and t.revision <= state.revision]
    return tuple(
        Entered(transition.revision, transition.at)
        for transition, step in zip(entered, state.plan.steps, strict=False)
        if step.percent > 0
    )


def _counted(
    declaration: Declaration,
    platform: Platform,
    steps: Sequence[Entered],
    versions: Mapping[str, int],
    audit: Audit,
    *,
    now: datetime,
) -> dict[int, StepEvidence]:
    """What labels say of each version at each step; nothing is left out, if it is only zero."""
    roles = {version: (version, role) for role, version in versions.items()}
    found = {step.revision: {key: Counts() for key in roles.values()} for step in steps}
    if not steps or _refused(audit):
        return found
    begins = np.array([_microseconds(step.at) for step in steps])
    judges = {version: _judge(declaration, platform, version) for version in roles}
    for batch in _outcomes(declaration, platform, steps[0].at, versions, audit, now=now):
        rows = np.asarray(batch.column("version"))
        places = np.searchsorted(begins, np.asarray(batch.column("at")), side="right") - 1
        for version, key in roles.items():
            for place in np.unique(places[rows == version]):
                own = batch.take(np.flatnonzero((rows == version) & (places == place)))
                counted = Counts(quality=moments_of(judges[version].losses(own)))
                at_step = found[steps[place].revision]
                at_step[key] = at_step[key] + counted
    return found


def _refused(audit: Audit) -> bool:
    return audit.result.verdict == "failed" and audit.trainable == "none"


def _outcomes(
    declaration: Declaration,
    platform: Platform,
    since: datetime,
    versions: Mapping[str, int],
    audit: Audit,
    *,
    now: datetime,
) -> "Iterator[pa.RecordBatch]":
    spec = declaration.spec
    reach = max(now - since, timedelta()) + timedelta(days=1)  # whole days are left out
    files = ProductionFiles.of(platform.settings.data_url, spec.name)
    with production(files, reach=reach) as found:
        if found is not None:
            yield from labeled_outcomes(
                found,
                since=since,
                versions=versions,
                scores=spec.task is Task.MULTICLASS,
                only_random=audit.trainable == "exploration",
            )


def _judge(declaration: Declaration, platform: Platform, version: int) -> "_Values | _Classes":
    spec = declaration.spec
    if spec.task is Task.REGRESSION:
        return _Values()
    contract = LabelContract(spec.data.target, spec.data.contract.columns[spec.data.target])
    return _Classes(contract, classes_of(declaration, platform, version))


class _Values:
    """The losses of a version that answers with numbers."""

    def losses(self, rows: "pa.RecordBatch") -> Losses:
        """The losses of each row of a batch."""
        import pyarrow as pa

        actual = rows.column("label").cast(pa.float64())
        return losses_of_values(_floats(actual), _floats(rows.column("score")))


@dataclass(frozen=True)
class _Classes:
    """The losses of a version that answers with one of its classes."""

    contract: LabelContract
    classes: tuple[Any, ...]

    def losses(self, rows: "pa.RecordBatch") -> Losses:
        """The losses of each row of a batch."""
        actual = self._codes(rows.column("label"), unknown=UNKNOWN)
        decided = self._codes(rows.column("prediction"), unknown=_UNDECIDED)
        binary = "scores" not in rows.schema.names
        scores = _floats(rows.column("score")) if binary else self._scores(rows.column("scores"))
        return losses_of_classes(actual, decided, scores)

    def _codes(self, texts: "pa.Array", *, unknown: int) -> Codes:
        """Codes of classes written as JSON in any way that the contract takes for them."""
        coded = texts.fill_null("null").dictionary_encode()
        distinct = self._canonical(coded.dictionary.to_pylist())
        codes = [self._code.get(text, unknown) for text in distinct]
        return np.array(codes, np.int64)[np.asarray(coded.indices)]

    @cached_property
    def _code(self) -> dict[str | None, int]:
        texts = self._canonical([json.dumps(each) for each in self.classes])
        return {text: code for code, text in enumerate(texts)}

    def _canonical(self, texts: Sequence[str]) -> list[str | None]:
        judged = self.contract.judge(pd.Series(list(texts), dtype=object))
        known = dict(zip(judged["label"], judged["canonical"], strict=True))
        return [known[text] for text in texts]

    def _scores(self, column: "pa.Array") -> Floats:
        """One row of scores a prediction, NaN where as many as there are classes were not kept."""
        import pyarrow.compute as pc

        k = len(self.classes)
        whole = np.asarray(pc.equal(pc.fill_null(pc.list_value_length(column), 0), k))
        scores = np.full((len(column), k), np.nan)
        kept = pc.list_flatten(column.take(np.flatnonzero(whole)))
        scores[whole] = _floats(kept).reshape(-1, k)
        return scores


def _floats(column: "pa.Array") -> Floats:
    """The numbers of a column, NaN for null."""
    return column.to_numpy(zero_copy_only=False).astype(np.float64)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _told(found: Iterable[StepEvidence], versions: Mapping[str, int]) -> str:
    rows = dict.fromkeys(versions.values(), 0)
    for step in found:
        for (version, _), counts in step.items():
            rows[version] += max((each.n for each in counts.quality.values()), default=0)
    told = " and ".join(f"{rows[v]:,} of {role} {v}" for role, v in versions.items())
    return f"labeled predictions that judge the release: {told}"
