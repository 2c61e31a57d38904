"""April to December of the flights as production, with faults on the way.

The loop must beat the first version kept for ever, notice each fault, lose nothing, and raise
at most one alarm in ALARM_DAYS days without a fault; it exits with 1 and says what it missed.
python benchmarks/flight_year.py [--begin 2013-04-01] [--end 2014-01-01] [--home FOLDER]
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean

from ml_platform.replay.faults import parse_fault
from ml_platform.replay.loop import Replay
from ml_platform.replay.report import ReplayReport
from ml_platform.replay.timeline import Labels
from ml_platform.replay.whole import replay_and_report
from ml_platform.spec.load import load_declaration

DECLARATION = Path(__file__).parent / "flight_year" / "defs.yaml"
FAULTS = (
    "unit:distance:1.609@2013-06-03..2013-06-10",
    "flip:0.3@2013-07-08..2013-07-15",
    "rename:carrier:UA:United@2013-08-05..2013-08-08",
    "delay:4d@2013-09-02..2013-09-16",
    "nulls:plane_age:0.9@2013-10-07..2013-10-14",
    "poison:1@2013-11-04..2013-11-05",
)
ALARM_DAYS = 20


def missed(report: ReplayReport) -> Iterator[str]:
    """What of the goals was not reached."""
    if report.lost:
        yield f"{report.lost} predictions or labels are lost"
    yield from (f"{each.fault} was not noticed" for each in report.faults if each.after is None)
    if len(report.alarms) * ALARM_DAYS > report.quiet_days:
        yield f"{len(report.alarms)} false alarms on {report.quiet_days} days without a fault"
    ours, first = (
        fmean(value for month in report.months if (value := getattr(month, who)) is not None)
        for who in ("platform", "first")
    )
    if ours <= first:
        yield f"{report.metric} {ours:.4f} on average, {first:.4f} by the first version for ever"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--begin", default="2013-04-01")
    parser.add_argument("--end", default="2014-01-01")
    parser.add_argument("--home", type=Path)
    asked = parser.parse_args()
    begin, end = (
        datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (asked.begin, asked.end)
    )
    faults = [parse_fault(text) for text in FAULTS]
    replay = Replay(
        begin=begin,
        end=end,
        labels=Labels(timedelta(days=1), missing=0.02, wrong=0.005),
        faults=tuple(fault for fault in faults if begin <= fault.begin < end),
        every=timedelta(hours=12),
    )
    home = asked.home or Path(tempfile.mkdtemp(prefix="flight_year-"))
    report, page = replay_and_report(
        load_declaration(DECLARATION),
        home,
        replay,
        told=lambda now, text: print(f"{now:%Y-%m-%d %H:%M}  {text}", file=sys.stderr),
    )
    print(f"{report.acknowledged:,} predictions, {report.delivered:,} labels, {report.lost} lost, "
          f"{len(report.retrainings)} retrainings, {report.seconds:,.0f} s")  # fmt: skip
    for fault in report.faults:
        print(f"{fault.fault}: noticed after {fault.after} {fault.by}")
    print(f"{len(report.alerts)} alerts; {len(report.alarms)} false alarms on "
          f"{report.quiet_days} days without a fault:")  # fmt: skip
    for alarm in report.alarms:
        print(f"  {alarm.opened:%Y-%m-%d} {alarm.kind} {alarm.subject}: {alarm.text}")
    for month in report.months:
        print(f"{month.month}  {report.metric}: platform {month.platform}, first {month.first}, "
              f"monthly {month.monthly}")  # fmt: skip
    print(f"report: {page}")
    if goals := list(missed(report)):
        sys.exit("missed: " + "; ".join(goals))


if __name__ == "__main__":
    main()
