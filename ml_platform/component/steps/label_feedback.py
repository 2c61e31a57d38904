"""labeled_feedback: take in dropped files, join labels, judge what may teach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ml_platform.component.handles import TrainedModel
from ml_platform.component.platform import Platform
from ml_platform.component.steps.audited import audited
from ml_platform.component.steps.estimated_performance import estimated_performance
from ml_platform.component.steps.label_quality import record_quality
from ml_platform.component.steps.take_labels import Refused, feedback_of, take_dropped, take_table
from ml_platform.data.duration import format_duration
from ml_platform.feedback.audit import Audit, Feedback, audit
from ml_platform.feedback.coverage import Variable
from ml_platform.feedback.estimate import (
    PerformanceEstimate,
    why_not_estimated,
)
from ml_platform.feedback.importing import Imported
from ml_platform.feedback.inference_table import FEATURE
from ml_platform.feedback.join import JoinOutcome, LabelJoin
from ml_platform.feedback.label_contract import LabelContract
from ml_platform.feedback.labeled import NAME, JoinRecord
from ml_platform.feedback.maturity import LabelDelay, Window, judged_windows, matured_span
from ml_platform.feedback.production import Production, production
from ml_platform.feedback.production_files import ProductionFiles, Span
from ml_platform.feedback.teaching import Teaching, asked_of, judge
from ml_platform.plugins import Strict
from ml_platform.spec.feedback import FeedbackSpec
from ml_platform.spec.load import Declaration
from ml_platform.task import Task

_WINDOWS_BEYOND = 4
"""Windows that are looked at beside those that the audit judges."""


class _Latest(Strict, extra="ignore"):
    """What this module reads of the handle that the asset left before."""

    teaching: Teaching = Teaching()


@dataclass(frozen=True)
class FeedbackState:
    """What is known of a model's feedback.

    version: of the table of labels; -1 without one.
    span: from when to when the latest matured windows reach; None where none has matured.
    audit: of the latest windows whose delay has passed, also of those with too few labels.
    teaching: what of all windows may teach, by this audit and those before.
    estimate: of the predictions after it, of all before one has matured; None where there are
    none, or for `not_estimated`.
    newest_label: when the latest outcome was seen. late: why labels are not in time, if so.
    """

    version: int
    record: JoinRecord
    windows: tuple[Window, ...]
    delay: LabelDelay | None
    span: Span | None
    estimate: PerformanceEstimate | None
    audit: Audit
    teaching: Teaching
    not_estimated: str = ""
    newest_label: datetime | None = None
    late: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeedbackOutcome:
    """What a run did, and what is known after it. table: of Delta, under the data URL.

    release: what labels say to the release under way; None where there is none.
    """

    table: str
    taken: tuple[Imported | Refused, ...]
    join: JoinOutcome
    state: FeedbackState
    release: str | None = None


def label_feedback(
    declaration: Declaration, platform: Platform, *, now: datetime
) -> FeedbackOutcome:
    """Take in, join, judge. Safe to kill anywhere and to run twice at once. Raises StoreError."""
    spec = declaration.spec
    feedback_of(declaration)
    taken = (
        *take_dropped(declaration, platform, now=now),
        *take_table(declaration, platform, now=now),
    )
    joined = label_join(declaration, platform).run()
    state = feedback_state(declaration, platform, joined.record, now=now)
    return FeedbackOutcome(
        table=f"{spec.name}/{NAME}",
        taken=taken,
        join=joined,
        state=state,
        release=record_quality(declaration, platform, state.audit, now=now),
    )


def label_join(declaration: Declaration, platform: Platform) -> LabelJoin:
    """The join of a model's labels."""
    spec = declaration.spec
    contract = LabelContract(spec.data.target, spec.data.contract.columns[spec.data.target])
    return LabelJoin(platform.settings.data_url, spec.name, contract=contract)


def feedback_state(
    declaration: Declaration, platform: Platform, record: JoinRecord, *, now: datetime
) -> FeedbackState:
    """Read what predictions and labels say together; what an audit counted is kept."""
    spec, feedback = declaration.spec, feedback_of(declaration)
    before, not_estimated = _teaching(declaration, platform), why_not_estimated(spec.task)
    files = ProductionFiles.of(platform.settings.data_url, spec.name)
    reach = _reach(feedback, before, before.reopened(files.labels), now=now)
    with production(files, reach=reach) as found:
        if found is None:
            judged = audit(_counts(record), feedback.audit)
            return FeedbackState(
                files.version, record, (), None, None, None, judged, before, not_estimated
            )
        windows = judged_windows(found.counts(feedback.window), feedback, now=now)
        span = matured_span(windows, most=feedback.audit.windows)
        judged, teaching = judge(
            windows,
            before,
            most=feedback.audit.windows,
            rows=files.labels,
            ask=lambda begin, end: _audit(declaration, platform, found, record, (begin, end)),
        )
        since = _last_training(declaration, platform)
        delay, newest = found.delay(feedback, now=now), found.newest_label()
        late = (
            unlabeled(windows),
            stale(newest, feedback, now=now),
            delay and delay.finding,
        )
        return FeedbackState(
            version=files.version,
            record=record,
            windows=windows,
            delay=delay,
            span=span,
            estimate=estimated_performance(declaration, platform, found, span),
            audit=judged or audit(_counts(record), feedback.audit),
            teaching=teaching.with_labels(windows, found.taught(feedback.window), since=since),
            not_estimated=not_estimated,
            newest_label=newest,
            late=tuple(text for text in late if text),
        )


def _teaching(declaration: Declaration, platform: Platform) -> Teaching:
    """What earlier audits said; nothing where they asked something else."""
    asked = asked_of(feedback_of(declaration))
    text = platform.handles.read(f"{declaration.spec.name}/{NAME}/latest.json")
    before = Teaching() if text is None else _Latest.model_validate_json(text).teaching
    return before if before.asked == asked else Teaching(asked=asked)


def _last_training(declaration: Declaration, platform: Platform) -> datetime | None:
    """The start of the windows that are new since then; None before the first training."""
    text = platform.handles.read(f"{declaration.spec.name}/{TrainedModel.asset}/latest.json")
    trained = None if text is None else TrainedModel.model_validate_json(text)
    return trained and trained.new_from(feedback_of(declaration))


def _reach(
    feedback: FeedbackSpec, before: Teaching, reopened: frozenset[date], *, now: datetime
) -> timedelta | None:
    """How far back to look, so that each window meets an audit; None for all there is."""
    if before.until is None:
        return None
    most, window = feedback.audit.windows, feedback.window
    usual = (most + _WINDOWS_BEYOND) * window + feedback.label_delay
    day = min(reopened, default=before.until.date())
    oldest = min(before.until, datetime.combine(day, time(), UTC))
    return max(usual, now - oldest + (most + 1) * window)


def _audit(
    declaration: Declaration,
    platform: Platform,
    found: Production,
    record: JoinRecord,
    span: Span,
) -> Audit:
    feedback = feedback_of(declaration)
    divided = variables(declaration, tuple(found.columns))
    counted = audited(platform, declaration.spec.name, found, divided, span)
    explored = counted.explored if feedback.exploration is not None else ()
    return audit(
        _counts(
            record,
            predicted=counted.predicted,
            labeled=counted.labeled,
            model_labels=counted.model_labels,
            coverages=[each.coverage() for each in counted.coverages],
            explored=[each.coverage() for each in explored],
            sources=counted.sources,
        ),
        feedback.audit,
    )


def _counts(
    record: JoinRecord, *, predicted: int = 0, labeled: int = 0, **more: object
) -> Feedback:
    return Feedback(
        predicted=predicted,
        labeled=labeled,
        delivered=record.delivered,
        quarantined=record.counts.get("quarantined", 0),
        **more,  # pyright: ignore[reportArgumentType]
    )


def variables(declaration: Declaration, columns: tuple[str, ...]) -> list[Variable]:
    """What coverage is judged by: slices, score, role, decision, and each logged column."""
    spec = declaration.spec
    slices = dict.fromkeys((*spec.evaluation.slices, *spec.evaluation.sensitive))
    found = [Variable(name, f"{FEATURE}{name}", "slice") for name in slices]
    found += [
        Variable("score band", "score", "score band"),
        Variable("role", "role", "role"),
        Variable("score", "score", "column"),
    ]
    if spec.task is not Task.REGRESSION:
        found.append(Variable("decision", "prediction", "decision"))
    left_out = {f"{FEATURE}{name}" for name in (spec.data.id, spec.data.event_time)}
    found += [
        Variable(column.removeprefix(FEATURE), column, "column")
        for column in columns
        if column.startswith(FEATURE) and column not in left_out
    ]
    return found


def unlabeled(windows: Sequence[Window]) -> str | None:
    """Say that labels never began, where all were due of some windows and none came."""
    due = [window for window in windows if window.state in ("matured", "short")]
    if not due or any(window.labeled for window in due):
        return None
    predicted = sum(window.predicted for window in due)
    last = due[-1].matures_at
    return (
        f"none of {predicted:,} predictions whose labels were due by {last:%Y-%m-%d %H:%M} has one"
    )


def stale(newest: datetime | None, spec: FeedbackSpec, *, now: datetime) -> str | None:
    """Say that labels have stopped coming, where they have; None where nothing is declared."""
    if spec.max_staleness is None or newest is None:
        return None
    age = now - newest
    if age <= spec.max_staleness:
        return None
    most = format_duration(spec.max_staleness)
    return f"the newest label is of {newest:%Y-%m-%d %H:%M}, older than {most}"
