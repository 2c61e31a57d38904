from datetime import UTC, date, datetime, timedelta

import pytest

from ml_platform.feedback.audit import Audit
from ml_platform.feedback.maturity import State, Window
from ml_platform.feedback.teaching import Teaching, asked_of, judge
from ml_platform.gates.result import GateResult
from ml_platform.spec.feedback import FeedbackSpec

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def week(number: int, state: State = "matured") -> Window:
    start = MONDAY + number * WEEK
    return Window(
        start=start, end=start + WEEK, matures_at=start + WEEK, predicted=9, labeled=9, state=state
    )


def weeks(*numbers: int) -> list[Window]:
    return [week(number) for number in numbers]


def kept_out(teaching: Teaching) -> list[tuple[int, int, str, str]]:
    return [
        ((each.begin - MONDAY) // WEEK, (each.end - MONDAY) // WEEK, each.teaches, each.why)
        for each in teaching.kept_out
    ]


class Auditor:
    """Fails what holds a selected week; knows which weeks it was asked about."""

    def __init__(self, *selected: int) -> None:
        self._selected = selected
        self.asked: list[tuple[int, int]] = []

    def __call__(self, begin: datetime, end: datetime) -> Audit:
        first, last = (begin - MONDAY) // WEEK, (end - MONDAY) // WEEK
        self.asked.append((first, last))
        bad = any(first <= week < last for week in self._selected)
        result = GateResult(verdict="failed" if bad else "passed", reason="so")
        return Audit(result=result, trainable="none" if bad else "all")


def test_each_run_audits_the_latest_windows():
    auditor, teaching = Auditor(), Teaching()
    for count in range(1, 8):
        latest, teaching = judge(weeks(*range(count)), teaching, most=4, rows={}, ask=auditor)
        assert latest is not None
    assert auditor.asked == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (2, 6), (3, 7)]
    judge(weeks(*range(7)), teaching, most=4, rows={}, ask=auditor)
    assert auditor.asked[-1:] == [(3, 7)], "nothing is new, and labels may have come since"


def test_windows_that_no_audit_looked_at_are_audited_first():
    auditor = Auditor()
    latest, teaching = judge(weeks(*range(10)), Teaching(), most=4, rows={}, ask=auditor)
    assert auditor.asked == [(0, 4), (4, 8), (6, 10)]
    assert latest is not None
    assert kept_out(teaching) == []
    auditor = Auditor()
    judge(weeks(*range(20)), teaching, most=4, rows={}, ask=auditor)
    assert auditor.asked == [(10, 14), (14, 18), (16, 20)]


def test_a_failure_keeps_out_no_window_that_is_well_with_those_after_it():
    auditor = Auditor(1, 2)
    _, teaching = judge(weeks(*range(10)), Teaching(), most=4, rows={}, ask=auditor)
    assert auditor.asked == [(0, 4), (1, 5), (2, 6), (3, 7), (6, 10)]
    assert kept_out(teaching) == [(0, 3, "none", "audit")]


def test_without_a_window_whose_delay_has_passed_there_is_nothing_to_audit():
    windows = [week(0, "maturing"), week(1, "open")]
    assert judge(windows, Teaching(), most=4, rows={}, ask=Auditor()) == (None, Teaching())


def rows_of(labels: dict[int, int]) -> dict[date, int]:
    """Rows of labels by the first day of their week."""
    return {(MONDAY + number * WEEK).date(): count for number, count in labels.items()}


def seen(auditor: Auditor, labels: dict[int, int], windows: list[Window]) -> Teaching:
    """What an audit of windows with some labels said; the auditor forgets that it was asked."""
    _, teaching = judge(windows, Teaching(), most=4, rows=rows_of(labels), ask=auditor)
    auditor.asked.clear()
    return teaching


def test_labels_that_come_late_have_their_windows_audited_again():
    auditor, windows = Auditor(), weeks(*range(20))
    teaching = seen(auditor, dict.fromkeys(range(20), 5), windows)
    judge(windows, teaching, most=4, rows=rows_of(dict.fromkeys(range(20), 5)), ask=auditor)
    assert auditor.asked == [(16, 20)], "nothing came"
    auditor.asked.clear()
    late = rows_of({**dict.fromkeys(range(20), 5), 2: 6, 4: 7, 11: 6})
    _, after = judge(windows, teaching, most=4, rows=late, ask=auditor)
    assert auditor.asked == [(2, 6), (11, 15), (16, 20)]
    judge(windows, after, most=4, rows=late, ask=auditor)
    assert auditor.asked[3:] == [(16, 20)], "they were heard"


def test_a_short_window_teaches_when_its_labels_came_at_last():
    windows = [*weeks(0, 1), week(2, "short"), *weeks(*range(3, 12))]
    teaching = seen(Auditor(), {2: 1}, windows)
    assert kept_out(teaching) == [(2, 3, "none", "short")]
    _, teaching = judge(weeks(*range(12)), teaching, most=4, rows=rows_of({2: 9}), ask=Auditor())
    assert kept_out(teaching) == []


def test_late_labels_that_are_selected_take_the_word_of_their_window_alone():
    auditor, windows = Auditor(), weeks(*range(20))
    teaching = seen(auditor, {}, windows)
    auditor = Auditor(5)
    _, teaching = judge(windows, teaching, most=4, rows=rows_of({5: 9}), ask=auditor)
    assert auditor.asked == [(5, 9), (6, 10), (16, 20)]
    assert kept_out(teaching) == [(5, 6, "none", "audit")]


def test_windows_that_were_kept_out_before_are_not_audited_again_for_a_late_label_in_one():
    auditor, windows = Auditor(*range(4, 12)), weeks(*range(20))
    teaching = seen(auditor, {}, windows)
    assert kept_out(teaching) == [(4, 12, "none", "audit")]
    _, after = judge(windows, teaching, most=4, rows=rows_of({5: 9}), ask=auditor)
    assert auditor.asked == [(5, 9), (16, 20)]
    assert kept_out(after) == kept_out(teaching)


def test_windows_that_failed_stay_out_when_later_ones_pass():
    teaching = Teaching().after(weeks(0, 1, 2, 3), "none").after(weeks(4, 5, 6, 7), "all")
    assert kept_out(teaching) == [(0, 4, "none", "audit")]
    assert teaching.until == MONDAY + 8 * WEEK


def test_the_last_audit_that_looked_at_a_window_has_the_word():
    teaching = Teaching().after(weeks(0, 1, 2, 3), "none").after(weeks(2, 3, 4), "all")
    assert kept_out(teaching) == [(0, 2, "none", "audit")]
    teaching = teaching.after(weeks(1, 2), "exploration")
    assert kept_out(teaching) == [(0, 1, "none", "audit"), (1, 3, "exploration", "audit")]
    assert kept_out(teaching.after(weeks(0, 1, 2), "all")) == []


def test_failures_side_by_side_are_one_stretch():
    teaching = Teaching()
    for last in range(3, 40):
        teaching = teaching.after(weeks(*range(last - 3, last + 1)), "none")
    assert kept_out(teaching) == [(0, 40, "none", "audit")]


def test_a_short_window_stays_out_though_its_audit_passes():
    windows = [week(0), week(1, "short"), week(2)]
    assert kept_out(Teaching().after(windows, "all")) == [(1, 2, "none", "short")]
    assert kept_out(Teaching().after(windows, "exploration")) == [
        (0, 1, "exploration", "audit"),
        (1, 2, "none", "short"),
        (2, 3, "exploration", "audit"),
    ]


def test_labels_that_may_teach_are_counted_and_those_of_earlier_windows_stay():
    labels = {MONDAY + week * WEEK: (10, 3) for week in range(9)}
    teaching = Teaching().after(weeks(0, 1), "all").after(weeks(2, 3), "exploration")
    teaching = teaching.after([*weeks(4), week(5, "short")], "all")
    windows = [*weeks(0, 1, 2, 3, 4), week(5, "short"), week(6, "maturing")]
    teaching = teaching.with_labels(windows, labels, since=MONDAY + WEEK)
    assert list(teaching.labels.values()) == [10, 3, 3, 10]
    assert min(teaching.labels) == MONDAY + WEEK
    more = teaching.with_labels(weeks(4, 5, 6), {MONDAY + 6 * WEEK: (20, 0)}, since=None)
    assert list(more.labels.values()) == [10, 3, 3, 0, 0, 20]
    assert more.with_labels((), {}, since=MONDAY + 7 * WEEK).labels == {}


def test_what_is_kept_out_is_told_with_its_reason():
    windows = [week(0), week(1, "short")]
    explored, short = Teaching().after(windows, "exploration").kept_out
    assert explored.told == (
        "2024-01-01 00:00 to 2024-01-08 00:00 did not pass its audit; "
        "its decisions made at random teach"
    )
    assert short.told == (
        "2024-01-08 00:00 to 2024-01-15 00:00 had too few labels when its delay had passed"
    )


@pytest.mark.parametrize(
    ("changed", "asks_anew"),
    [
        ({}, False),
        ({"kpis": [{"name": "k", "sql": "SELECT 1"}], "automatic": False}, False),
        ({"label_delay": "3d"}, True),
        ({"audit": {"max_coverage_gap": 0.2}}, True),
        ({"min_labeled": 0.4}, True),
    ],
)
def test_only_what_decides_a_verdict_asks_for_others(changed: dict[str, object], asks_anew: bool):
    declared = {"label_delay": "2d", "window": "7d"}
    before = asked_of(FeedbackSpec.model_validate(declared))
    after = asked_of(FeedbackSpec.model_validate(declared | changed))
    assert (before != after) == asks_anew
