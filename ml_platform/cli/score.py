"""`ml-platform score`: predictions for the rows of a file or a table."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.serving.batch import BatchOutcome, Progress


def _local(_context: click.Context, _parameter: click.Parameter, text: str) -> Path:
    from ml_platform.spec.scoring import local_path

    try:
        return Path(local_path(text))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("model", metavar="NAME[:VERSION]")
@click.option(
    "--input", "source", callback=_local, required=True, help="Parquet, CSV or Delta table."
)
@click.option(
    "--output", callback=_local, required=True, help="NAME.parquet, NAME.csv, or a Delta table."
)
@click.option(
    "--on-invalid",
    type=click.Choice(["fail", "quarantine"]),
    default="fail",
    show_default=True,
    help="A row that breaks the contract stops it, or is left out and listed beside the output.",
)
@click.option("--overwrite", is_flag=True, help="Replace what is at the output.")
@click.option("--json", "as_json", is_flag=True, help="The outcome as JSON on stdout.")
def score(
    model: str,
    source: Path,
    output: Path,
    on_invalid: Literal["fail", "quarantine"],
    overwrite: bool,
    as_json: bool,
) -> None:
    """Score rows by the champion, or by the version asked for.

    Each row is written with its prediction, in chunks, so that any number of rows fits in memory.
    The output appears whole at the end or not at all.
    """
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps.score import released
    from ml_platform.serving.batch import score_file

    name, _, version = model.partition(":")
    bundle = released(Platform(Settings.from_environment()), name, version or None)
    with _progress() as progress:
        outcome = score_file(
            bundle,
            source=source.absolute(),
            output=output.absolute(),
            on_invalid=on_invalid,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps({"output": str(output), **asdict(outcome)}, default=str))
    else:
        click.echo(_summary(name, output, outcome))


def _summary(name: str, output: Path, outcome: "BatchOutcome") -> str:
    lines = [f"{outcome.scored:,} rows scored by {name}:{outcome.version} are in {output}"]
    if outcome.refused:
        lines.append(f"{outcome.refused:,} rows were refused, see {outcome.refusals}:")
        lines += [f"  {count:,} x {reason}" for reason, count in outcome.reasons.items()]
    return "\n".join(lines)


@contextmanager
def _progress() -> Iterator["Progress"]:
    """Show a bar on a terminal, and lines elsewhere."""
    if not sys.stderr.isatty():
        from ml_platform.serving.batch_progress import lines

        yield lines(partial(click.echo, err=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scoring", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
