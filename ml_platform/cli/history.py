"""`ml-platform history`: what was in production when, since when, by whom, and why."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from ml_platform.cli.table import plain_table
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.release.state import ReleaseState, Transition

_HEAD = ("rev", "at (UTC)", "action", "version", "live then", "who", "why")
_FORMS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@click.command()
@click.argument("model", metavar="NAME")
@click.option("--at", type=click.DateTime(_FORMS), help="Only what was live at this time, UTC.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with the evidence.")
def history(model: str, at: datetime | None, as_json: bool) -> None:
    """Show every transition of a model, or what was in production at a time."""
    from ml_platform.release.commands import known_model
    from ml_platform.release.state import steps as replayed
    from ml_platform.release.store import SqlReleaseStore

    store = SqlReleaseStore(Settings.from_environment().release_url)
    known_model(store, model)
    steps = list(replayed(model, store.history(model)))
    if at is not None:
        steps = [step for step in steps if step[0].at <= at.replace(tzinfo=UTC)]
    if as_json:
        found = [_document(*step) for step in steps] if at is None else _document_at(steps)
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif at is not None:
        click.echo(_at(model, at, steps))
    else:
        for line in plain_table(_HEAD, [_row(*step) for step in steps]):
            click.echo(line)


def _row(transition: "Transition", state: "ReleaseState") -> tuple[str, ...]:
    return (
        str(transition.revision),
        f"{transition.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        transition.action.value,
        str(transition.version),
        _live(state),
        transition.who,
        transition.why,
    )


def _live(state: "ReleaseState") -> str:
    if state.candidate is None:
        return f"v{state.champion}"
    share = f" {state.percent:g} %" if state.percent else ""
    held = ", held" if state.held else ""
    return f"v{state.champion}, v{state.candidate} in {state.stage.value}{share}{held}"


def _at(model: str, at: datetime, steps: "list[tuple[Transition, ReleaseState]]") -> str:
    when = f"{at:%Y-%m-%d %H:%M} UTC"
    if not steps:
        return f"{model}: nothing was released at {when}"
    (last, state), made = steps[-1], _crowning(steps)
    lines = [
        f"{model} at {when}: {_live(state)}; champion since {made.at:%Y-%m-%d %H:%M:%S}",
        f"  made champion by {_told(made)}",
    ]
    if last != made:
        lines.append(f"  last moved by {_told(last)}")
    return "\n".join(lines)


def _crowning(steps: "list[tuple[Transition, ReleaseState]]") -> "Transition":
    """The transition that made the champion of the last state; the first of a model makes one."""
    state = steps[-1][1]
    return next(
        transition
        for transition, after in steps
        if (after.champion, after.since) == (state.champion, state.since)
    )


def _told(transition: "Transition") -> str:
    action = f"revision {transition.revision}, {transition.action.value}"
    return f"{transition.who} ({action}): {transition.why}"


def _document_at(steps: "list[tuple[Transition, ReleaseState]]") -> list[dict[str, Any]]:
    """The last transition with the state then, and the one that made the champion."""
    if not steps:
        return []
    made = _crowning(steps).model_dump(mode="json", exclude={"plan"})
    return [{**_document(*steps[-1]), "made_champion": made}]


def _document(transition: "Transition", state: "ReleaseState") -> dict[str, Any]:
    return {
        **transition.model_dump(mode="json", exclude={"plan"}),
        "state": state.model_dump(mode="json", exclude={"plan", "model", "revision"}),
    }
