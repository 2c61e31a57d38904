"""Which windows of feedback may teach: each by the last audit that looked at it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Literal, Self

from pydantic import AwareDatetime, NonNegativeInt

from ml_platform.feedback.audit import Audit, Trainable
from ml_platform.feedback.maturity import Window
from ml_platform.plugins import Strict
from ml_platform.spec.feedback import FeedbackSpec

Why = Literal["audit", "short"]
_WHY: dict[Why, str] = {
    "audit": "did not pass its audit",
    "short": "had too few labels when its delay had passed",
}

_LISTED = 3


class Stretch(Strict):
    """Windows side by side of which nothing teaches, or only the decisions made at random.

    why: they did not pass their audit, or were short when it looked at them.
    """

    begin: AwareDatetime
    end: AwareDatetime
    teaches: Literal["exploration", "none"]
    why: Why

    @property
    def told(self) -> str:
        """When, and why, for people."""
        alone = "; its decisions made at random teach" if self.teaches == "exploration" else ""
        return f"{self.begin:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} {_WHY[self.why]}{alone}"

    def without(self, begin: datetime, end: datetime) -> "Iterator[Stretch]":
        """What of it lies outside of a span."""
        if self.begin < begin:
            yield self.model_copy(update={"end": min(self.end, begin)})
        if end < self.end:
            yield self.model_copy(update={"begin": max(self.begin, end)})

    def continued_by(self, other: "Stretch") -> bool:
        """Whether another goes on where it ends, for the same reason."""
        return (self.end, self.teaches, self.why) == (other.begin, other.teaches, other.why)


class Teaching(Strict):
    """What the audits of a model's feedback said so far, by window.

    asked: a hash of what was asked of them; where that changed, all windows are judged anew.
    until: windows that end by then were looked at; None before the first audit.
    kept_out: those that may not teach as they are, in the order of time; all others may.
    labels: how many may teach, by the start of their window; of windows since the last training.
    heard: rows of `labeled_feedback` by day when its windows were looked at last.
    """

    asked: str = ""
    until: AwareDatetime | None = None
    kept_out: tuple[Stretch, ...] = ()
    labels: dict[AwareDatetime, NonNegativeInt] = {}  # noqa: RUF012 - pydantic copies it
    heard: dict[date, NonNegativeInt] = {}  # noqa: RUF012 - pydantic copies it

    def reopened(self, rows: Mapping[date, int]) -> frozenset[date]:
        """Days of windows that were looked at, to which labels came since. rows: by day, now."""
        if self.until is None:
            return frozenset()
        days = {day for day in rows if day <= self.until.date()}
        return frozenset(day for day in days if rows[day] != self.heard.get(day, 0))

    def after(self, windows: Sequence[Window], trainable: Trainable) -> Self:
        """The same after an audit of windows, which are given in the order of time.

        Its word takes the place of earlier ones on them; a short one does not teach whatever it is.
        """
        begin, end = windows[0].start, windows[-1].end
        found = [part for each in self.kept_out for part in each.without(begin, end)]
        for window in windows:
            short = window.state == "short"
            teaches = "none" if short else trainable
            if teaches != "all":
                why = "short" if short else "audit"
                found.append(Stretch(begin=window.start, end=window.end, teaches=teaches, why=why))
        until = end if self.until is None else max(self.until, end)
        return self.model_copy(update={"until": until, "kept_out": tuple(_joined(found))})

    def with_labels(
        self,
        windows: Sequence[Window],
        labels: Mapping[datetime, tuple[int, int]],
        *,
        since: datetime | None,
    ) -> Self:
        """The same with the labels of windows as they are now; those of earlier windows stay.

        labels: by the start of the window, in all, and of decisions made at random.
        since: windows that start before it are counted no more.
        """
        earlier = [start for start in self.labels if not windows or start < windows[0].start]
        counted = {start: self.labels[start] for start in earlier}
        for window in windows:
            every, at_random = labels.get(window.start, (0, 0))
            teach: dict[Trainable, int] = {"all": every, "exploration": at_random, "none": 0}
            if window.state == "matured":
                counted[window.start] = teach[self.teaches(window.start)]
        kept = {at: count for at, count in counted.items() if since is None or at >= since}
        return self.model_copy(update={"labels": kept})

    def teaches(self, moment: datetime) -> Trainable:
        """What of the window that starts at a moment may teach."""
        for each in self.kept_out:
            if each.begin <= moment < each.end:
                return each.teaches
        return "all"


def judge(
    windows: Sequence[Window],
    before: Teaching,
    *,
    most: int,
    rows: Mapping[date, int],
    ask: Callable[[datetime, datetime], Audit],
) -> tuple[Audit | None, Teaching]:
    """Audit the latest windows whose delay has passed, and first those that ask for it.

    These are windows that no audit looked at, as when nobody joined for a while, and those to
    which labels came since one did. They are audited `most` at a time. A failure takes the word of
    all of its windows, so that those which taught before it are audited again without the first.
    Short windows are audited too: where labels were selected, that is how it shows.
    rows: of labels, by the day of the prediction. ask: audits from a start to an end.
    Returns the audit of the latest, None where no delay has passed, and what teaches.
    """
    due = [window for window in windows if window.state in ("matured", "short")]
    last = max(len(due) - most, 0)
    days = before.reopened(rows)
    asking = {n for n, each in enumerate(due) if _asks(each, before, days)} | {last}
    at, latest, teaching = min(asking), None, before
    while due and at <= last:
        judged = due[at : at + most]
        latest = ask(judged[0].start, judged[-1].end)
        teaching = teaching.after(judged, latest.trainable)
        if at == last:
            break
        step = most if latest.trainable == "all" else 1
        if step == 1:
            asking |= {n for n in range(at, at + most) if before.teaches(due[n].start) == "all"}
        at = min([last, *(n for n in asking if n >= at + step)])
    if teaching.until is not None:
        heard = {day: count for day, count in rows.items() if day <= teaching.until.date()}
        teaching = teaching.model_copy(update={"heard": heard})
    return latest, teaching


def _asks(window: Window, before: Teaching, reopened: frozenset[date]) -> bool:
    """Whether no audit looked at a window, or labels came for one of its days since."""
    if before.until is None or window.end > before.until:
        return True
    first, last = window.start.date(), (window.end - timedelta(microseconds=1)).date()
    return any(first <= day <= last for day in reopened)


def listed(texts: Sequence[str]) -> str:
    """What is kept out, the latest few, for people; "" where nothing is.

    >>> listed(["January failed", "March failed", "April failed", "May failed"])
    'March failed; April failed; May failed; and 1 before'
    """
    earlier = f"; and {len(texts) - _LISTED:,} before" if len(texts) > _LISTED else ""
    return "; ".join(texts[-_LISTED:]) + earlier


def asked_of(spec: FeedbackSpec) -> str:
    """A hash of all that decides what an audit says of a window."""
    asked = {"label_delay", "window", "min_labeled", "audit", "exploration"}
    return sha256(spec.model_dump_json(include=asked).encode()).hexdigest()[:16]


def _joined(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """The same in the order of time, with one in the place of those that go on."""
    last: Stretch | None = None
    for each in sorted(stretches, key=lambda stretch: stretch.begin):
        if last is not None and last.continued_by(each):
            last = last.model_copy(update={"end": each.end})
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last
