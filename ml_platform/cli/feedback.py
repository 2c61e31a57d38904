"""`ml-platform feedback`: bring labels in, join them, see what they say."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ml_platform.cli.declared import declaration_of
from ml_platform.cli.exit_codes import ExitCode
from ml_platform.cli.table import plain_table
from ml_platform.clock import utc_now
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.component.steps.label_feedback import FeedbackState


@click.group()
def feedback() -> None:
    """Bring labels in from a file, join them to predictions, see what they say."""


@feedback.command("import")
@click.argument("name")
@click.argument("file")
@click.option("--source", help="Who gave the labels, where no column says it; the file's name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a line.")
def import_(name: str, file: str, source: str | None, as_json: bool) -> None:
    """Take in the labels of a CSV or Parquet file or a Delta table.

    Columns: prediction_id or the declared id; label, or the target by its name; observed_at and
    source where there are. The same content is taken in once.
    """
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps.take_labels import import_file

    settings = Settings.from_environment()
    done = import_file(
        declaration_of(settings, name),
        Platform(settings),
        file,
        source=source or Path(file).name.partition(".")[0],
        folder=Path.cwd(),
        now=utc_now(),
    )
    if as_json:
        click.echo(json.dumps({"file": done.file, "rows": done.rows, "added": done.added}))
        return
    known = done.rows - done.added
    there = f"; {known:,} were there already" if known else ""
    click.echo(f"{done.added:,} labels taken in from {done.file}{there}")
    click.echo(f"they are joined by the sensor `feedback`, or by: ml-platform feedback join {name}")


@feedback.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def join(name: str, as_json: bool) -> None:
    """Join the labels that came, and audit them, now.

    Exit code 3 when the audit blocks.
    """
    from ml_platform.component.feedback import join_now
    from ml_platform.component.instance import open_instance
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps.take_labels import feedback_of

    settings = Settings.from_environment()
    declaration = declaration_of(settings, name)
    declared = feedback_of(declaration)
    with open_instance(settings) as instance:
        outcome = join_now(declaration, Platform(settings), instance=instance, now=utc_now())
    if not as_json:
        click.echo(f"{outcome.join.fresh:,} new labels")
    _show(outcome.state, as_json=as_json)
    if outcome.state.audit.record(declared.audit).blocks:
        raise SystemExit(ExitCode.BLOCKED)


@feedback.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def status(name: str, as_json: bool) -> None:
    """Show what became of the labels, which windows may be judged, and what the audit says.

    Reads the tables as they are; nothing is joined.
    """
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps.label_feedback import feedback_state, label_join

    settings = Settings.from_environment()
    declaration = declaration_of(settings, name)
    platform = Platform(settings)
    record = label_join(declaration, platform).labeled.record()
    state = feedback_state(declaration, platform, record, now=utc_now())
    _show(state, as_json=as_json)


def _show(state: "FeedbackState", *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_document(state), indent=2, default=str))
        return
    counts = ", ".join(f"{number:,} {outcome}" for outcome, number in state.record.counts.items())
    click.echo(f"labels: {state.record.delivered:,} delivered" + (f": {counts}" if counts else ""))
    rows = [
        (f"{w.start:%Y-%m-%d %H:%M}", w.state, f"{w.predicted:,}", f"{w.share:.1%}")
        for w in state.windows
    ]
    for line in plain_table(("window", "state", "predictions", "labeled"), rows) if rows else ():
        click.echo(line)
    for line in _delay(state):
        click.echo(line)
    if state.estimate is not None:
        found = state.estimate
        click.echo(f"estimate for {found.rows:,} predictions without labels ({found.method}):")
        for key, value in found.metrics.items():
            click.echo(f"  {key} {value.value:.3g} ({value.low:.3g} to {value.high:.3g})")
        click.echo(f"  {found.caution}")
    if state.not_estimated:
        click.echo(state.not_estimated)
    result = state.audit.result
    click.echo(f"bias_audit: {result.verdict}: {result.reason}")
    click.echo(f"what may teach: {state.audit.trainable}")
    for stretch in state.teaching.kept_out:
        click.echo(f"kept out: {stretch.told}")


def _delay(state: "FeedbackState") -> list[str]:
    delay = state.delay
    if delay is None or not delay.quantiles:
        return []
    hours = ", ".join(f"{level:.0%} {s / 3600:.1f} h" for level, s in delay.quantiles.items())
    finding = [f"  {delay.finding}"] if delay.finding else []
    return [f"label delay ({delay.rows:,} labels): {hours}", *finding]


def _document(state: "FeedbackState") -> dict[str, Any]:
    return {
        "delivered": state.record.delivered,
        "counts": state.record.counts,
        "windows": [window.model_dump(mode="json") for window in state.windows],
        "delay": state.delay and state.delay.model_dump(mode="json"),
        "estimate": state.estimate and state.estimate.model_dump(mode="json"),
        "not_estimated": state.not_estimated,
        "audit": state.audit.model_dump(mode="json"),
        "kept_out": [stretch.model_dump(mode="json") for stretch in state.teaching.kept_out],
        "newest_label": state.newest_label,
    }
