"""`ml-platform calibrate`: propose what gates tolerate from how far equal models come out apart."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ml_platform.cli.declared import declaration_of
from ml_platform.cli.durations import some_time
from ml_platform.clock import utc_now
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.cli.declaration_diff import Edit
    from ml_platform.gates.calibration import Fit
    from ml_platform.gates.calibration_report import Calibration


@click.command()
@click.argument("name")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(3, 1000),
              help="Fits of each kind: on resampled rows, and on all rows.")  # fmt: skip
@click.option("--budget", default="10m", show_default=True, callback=some_time,
              help="Wall-clock time for the fits, such as 90s, 10m, 1h30m.")  # fmt: skip
@click.option("--margin", default=0.5, show_default=True, type=click.FloatRange(0, 10),
              help="What is added to the noise floor, as a part of it.")  # fmt: skip
@click.option("--write", is_flag=True, help="Put the proposed numbers into the declaration.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def calibrate(
    name: str, seeds: int, budget: timedelta, margin: float, write: bool, as_json: bool
) -> None:
    """Propose what gates tolerate from how far equal models come out apart.

    Trains the model on its latest validated data several times, with other seeds and on resampled
    rows, measures how far the metrics and the latency spread, and proposes for each gate that has
    a tolerance or a bound: noise floor + margin. Shows the proposals as a diff of the declaration;
    --write applies it, and changes nothing but these numbers.
    """
    from ml_platform.cli.declaration_diff import Edit

    settings = Settings.from_environment()
    declaration = declaration_of(settings, name)  # before dagster is imported: errors at once
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps.calibrate import calibrate_model

    text = Edit.read(declaration.file)
    with telling(2 * seeds) as tell:
        calibration = calibrate_model(
            declaration,
            Platform(settings),
            seeds=seeds,
            budget=budget.total_seconds(),
            margin=margin,
            tell=tell,
        )
    edit = Edit.of(declaration.file, text, calibration.proposals)
    report = write_report(calibration, edit.diff, settings, now=utc_now())
    if write:
        edit.apply()
    if as_json:
        document = calibration.model_dump(mode="json")
        document |= {"diff": edit.diff, "not_edited": edit.not_edited, "written": write}
        click.echo(json.dumps(document | {"report": str(report)}, indent=2))
        return
    for line in lines_of(calibration, edit, report, written=write):
        click.echo(line)


def write_report(
    calibration: "Calibration", diff: str, settings: Settings, *, now: datetime
) -> Path:
    """Write page and document below `reports/<model>/calibration`, and list them; returns the page.

    Raises StoreError when the folder cannot be written to.
    """
    from ml_platform.evaluation.data_docs import CALIBRATION, write_index
    from ml_platform.exceptions import StoreError
    from ml_platform.gates.calibration_report import calibration_html

    folder = settings.reports / calibration.model / CALIBRATION
    page = folder / f"{now:%Y%m%dT%H%M%SZ}.html"
    document = {**calibration.model_dump(mode="json"), "at": now.isoformat(), "diff": diff}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.with_suffix(".json").write_text(json.dumps(document, indent=1), encoding="utf-8")
        page.write_text(calibration_html(calibration, when=now, diff=diff), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"the report of the calibration cannot be written: {error}") from error
    write_index(settings.reports, model=calibration.model)
    return page


def lines_of(
    calibration: "Calibration", edit: "Edit", report: Path, *, written: bool
) -> Iterator[str]:
    """What a person reads: tables, gates that stay, the diff, and where the report lies."""
    from ml_platform.cli.table import plain_table
    from ml_platform.gates.calibration_report import (
        PROPOSAL_HEAD,
        SPREAD_HEAD,
        proposal_rows,
        spread_rows,
    )

    yield f"{calibration.model}: {calibration.made}"
    yield ""
    yield from plain_table(SPREAD_HEAD, spread_rows(calibration))
    if calibration.proposals:
        yield ""
        yield from plain_table(PROPOSAL_HEAD, proposal_rows(calibration))
        yield f"proposed = noise floor + {calibration.margin:.0%} of it"
    yield ""
    for each in calibration.left_out:
        yield f"not calibrated: {each.check}: {each.reason}"
    for line in edit.not_edited:
        yield f"not edited: {line}"
    yield edit.diff.rstrip("\n") or "no number of the declaration changes"
    if edit.diff:
        yield f"written to {edit.file}" if written else "apply it with --write"
    yield f"report: {report}"


@contextmanager
def telling(planned: int) -> Iterator[Callable[["Fit"], None]]:
    """Give what tells each fit on stderr: a progress bar on a terminal, plain lines elsewhere."""
    import sys

    if not sys.stderr.isatty():
        made = iter(range(1, planned + 1))
        yield lambda fit: click.echo(f"{next(made)}/{planned} {_told(fit)}", err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.completed:.0f}/{task.total:.0f}"), BarColumn(30),
        TextColumn("{task.description}"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("first fit", total=planned)
        yield lambda fit: progress.update(task, advance=1, description=_told(fit))


def _told(fit: "Fit") -> str:
    rows = "resampled rows" if fit.kind == "resampled" else "all rows"
    metrics = list(fit.metrics.items())[:1]
    told = "".join(f", {k} {v:.4g}" for k, v in metrics if v is not None)
    return f"fit on {rows}, seed {fit.seed}: {fit.seconds:.1f} s{told}"
