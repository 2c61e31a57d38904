"""`ml-platform replay`: let past rows happen to the platform, in simulated time."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ml_platform.cli.declared import declaration_of
from ml_platform.cli.durations import duration, some_time
from ml_platform.exceptions import ReplayError
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.replay.faults import Fault
    from ml_platform.replay.loop import Replay
    from ml_platform.replay.report import ReplayReport
    from ml_platform.spec.load import Declaration

DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])
SHARE = click.FloatRange(0, 1)


def _speed(ctx: click.Context, param: click.Parameter, value: str) -> float | None:
    """Simulated seconds a second; None is as fast as it goes."""
    if value == "max":
        return None
    speed: float = click.FLOAT(value, param, ctx)
    if not speed > 0:  # nor what is no number at all
        raise click.BadParameter(f"{value} is no speed; valid: max, 1, 3600", ctx, param)
    return speed


def _faults(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> "tuple[Fault, ...]":
    from ml_platform.replay.faults import parse_fault

    try:
        return tuple(parse_fault(value) for value in values)
    except ReplayError as error:
        raise click.BadParameter(str(error), ctx, param) from error


@click.command()
@click.argument("name")
@click.option("--from", "begin", type=DAY, required=True, help="First time, UTC.")
@click.option("--to", "end", type=DAY, required=True, help="End, not part of it, UTC.")
@click.option("--speed", default="max", show_default=True, callback=_speed,
              help="Simulated seconds a second.")  # fmt: skip
@click.option("--label-delay", callback=duration,
              help="From event to label, on average; as declared unless given.")  # fmt: skip
@click.option("--missing", default=0.02, show_default=True, type=SHARE,
              help="Share of labels that never come.")  # fmt: skip
@click.option("--wrong", default=0.005, show_default=True, type=SHARE,
              help="Share of labels that are wrong.")  # fmt: skip
@click.option("--corrupt", "faults", multiple=True, metavar="FAULT", callback=_faults,
              help="unit:distance:1.609@FROM..TO, ...")  # fmt: skip
@click.option("--every", default="6h", show_default=True, callback=some_time,
              help="Simulated time between two looks.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of delays and faults.")
@click.option("--fresh", is_flag=True, help="Forget an earlier replay of this time.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
def replay(  # noqa: PLR0913 - one argument an option, as click wants it
    *,
    name: str,
    begin: datetime,
    end: datetime,
    speed: float | None,
    label_delay: timedelta | None,
    missing: float,
    wrong: float,
    faults: "tuple[Fault, ...]",
    every: timedelta,
    seed: int,
    fresh: bool,
    as_json: bool,
) -> None:
    """Let a model's past rows happen to a platform of their own, and report what it did.

    A real service answers the rows over HTTP; labels come when they would have come; the platform
    ingests, joins, monitors, retrains and releases by itself, in simulated time.
    """
    from ml_platform.replay.loop import Replay, home_of
    from ml_platform.replay.timeline import Labels
    from ml_platform.replay.whole import replay_and_report

    if end <= begin:
        raise click.UsageError(
            f"--to {end:%Y-%m-%dT%H:%M} is not after --from {begin:%Y-%m-%dT%H:%M}"
        )
    settings = Settings.from_environment()
    declaration = declaration_of(settings, name)
    delay = _declared_delay(declaration) if label_delay is None else label_delay
    asked = Replay(
        begin=begin.replace(tzinfo=UTC),
        end=end.replace(tzinfo=UTC),
        labels=Labels(delay, missing=missing, wrong=wrong),
        faults=faults,
        every=every,
        speed=speed,
        seed=seed,
    )
    home = home_of(settings, name, asked)
    if fresh:
        shutil.rmtree(home, ignore_errors=True)
    elif home.exists():
        raise ReplayError(f"{home} holds an earlier replay; --fresh forgets it")
    with _progress(asked) as told:
        report, page = replay_and_report(declaration, home, asked, told=told)
    click.echo(report.model_dump_json(indent=1) if as_json else _summary(report, page))


def _declared_delay(declaration: "Declaration") -> timedelta:
    if declaration.spec.feedback is None:
        raise ReplayError(
            f"{declaration.spec.name} declares no feedback.label_delay; give --label-delay, "
            "such as 1d"
        )
    return declaration.spec.feedback.label_delay


@contextmanager
def _progress(asked: "Replay") -> Iterator[Callable[[datetime, str], None]]:
    """A bar over the simulated time on a terminal; elsewhere a line a simulated week."""
    if not sys.stderr.isatty():
        last = asked.begin - timedelta(days=7)

        def line(now: datetime, text: str) -> None:
            nonlocal last
            if now - last >= timedelta(days=7) or not text.endswith("predictions"):
                last = now
                click.echo(f"{now:%Y-%m-%d %H:%M}  {text}", err=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=(asked.end - asked.begin).total_seconds())

        def moved(now: datetime, text: str) -> None:
            done = (now - asked.begin).total_seconds()
            bar.update(task, completed=done, description=f"{now:%Y-%m-%d}  {text}")

        yield moved


def _summary(report: "ReplayReport", page: Path) -> str:
    lines = [
        f"{report.model}: {report.acknowledged:,} predictions and {report.delivered:,} labels in "
        f"{report.seconds:,.0f} s; {report.lost} lost",
        f"{len(report.retrainings)} retrainings, {len(report.releases)} steps of releases",
    ]
    lines += [
        f"fault {fault.fault}: "
        + ("unnoticed" if fault.after is None else f"noticed after {fault.after} by {fault.by}")
        for fault in report.faults
    ]
    for month in report.months:
        values = (month.platform, month.first, month.monthly)
        shown = ", ".join("-" if value is None else f"{value:.4f}" for value in values)
        lines.append(f"{month.month}  {report.metric} of platform, first, monthly: {shown}")
    return "\n".join([*lines, f"report: {page}"])
