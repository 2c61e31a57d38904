"""What Dagster shows of a release, as events on `deployed_bento`: its transitions and evidence."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_platform.component.tables import markdown_table
from ml_platform.release.state import ReleaseState, Transition

if TYPE_CHECKING:
    from ml_platform.release.decide import Decision
    from ml_platform.serving.loadable import WayBack

EVIDENCE_EVERY = timedelta(minutes=15)
"""How often, at most, the evidence of a release that stays where it is becomes an event.

To ask Dagster for the last event of a model takes ten milliseconds, too much for each tick."""

TABLES = {
    "tests": ("test", "verdict", "candidate", "champion", "weight", "bound", "reason"),
    "versions": (
        "version", "role", "requests", "errors", "refusals", "p50_us", "p99_us", "model_us",
        "mean_score", "pairs", "agree", "mean_difference", "dropped",
    ),
    "differences": ("difference", "pairs", "percent"),
    "slices": ("slice", "pairs", "agree", "mean_difference"),
}  # fmt: skip
"""What of a decision's evidence is shown as a table, and the order of its columns."""


def of_transition(
    transition: Transition, state: ReleaseState, *, way_back: "WayBack | None" = None
) -> dg.AssetObservation:
    """An event on `deployed_bento` that shows a transition and what it rests on.

    way_back: of a transition that replaced the champion, whether a rollback could be served.
    """
    shown: dict[str, Any] = {
        "revision": transition.revision,
        "action": transition.action.value,
        "version": transition.version,
        "who": transition.who,
        "why": transition.why,
        "at": dg.MetadataValue.timestamp(transition.at),
        **_live(state),
    }
    if way_back is not None:
        shown["way_back"] = way_back.text
    shown |= _evidence(transition.evidence)
    return dg.AssetObservation(
        asset_key=_key(transition.model),
        description=f"{transition.action.value}: {transition.why}",
        metadata=shown,
    )


def of_standing(state: ReleaseState, decision: "Decision", *, now: datetime) -> dg.AssetObservation:
    """An event that shows the evidence so far of a release that stays where it is."""
    shown: dict[str, Any] = {
        "revision": state.revision,
        "action": "stays",
        "why": decision.reason,
        "at": dg.MetadataValue.timestamp(now),
        **_live(state),
        **_evidence(decision.evidence),
    }
    return dg.AssetObservation(
        asset_key=_key(state.model), description=f"stays: {decision.reason}", metadata=shown
    )


def evidence_events(
    instance: dg.DagsterInstance,
    standing: "Mapping[str, tuple[ReleaseState, Decision]]",
    *,
    now: datetime,
) -> Iterator[dg.AssetObservation]:
    """Yield an event of each release about which it says another thing than the last one did.

    standing: releases that stay where they are, and why, by model.
    """
    for model, (state, decision) in standing.items():
        event = of_standing(state, decision, now=now)
        if _but_time(event.metadata) != _but_time(_last(instance, model)):
            yield event


def told_until(instance: dg.DagsterInstance, model: str) -> int:
    """The revision up to which events show a model's transitions, whichever tick made them."""
    last = _last(instance, model)
    return int(str(last["revision"].value)) if "revision" in last else 0


def _last(instance: dg.DagsterInstance, model: str) -> Mapping[str, dg.MetadataValue]:
    """What the last event of a model's release shows; nothing before the first."""
    for record in instance.fetch_observations(_key(model), limit=1).records:
        if record.asset_observation is not None:
            return record.asset_observation.metadata
    return {}


def _but_time(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name != "at"}


def _key(model: str) -> dg.AssetKey:
    return dg.AssetKey([model, "deployed_bento"])


def _live(state: ReleaseState) -> dict[str, Any]:
    return {
        "champion": state.champion or 0,
        "candidate": state.candidate or 0,
        "stage": state.stage.value,
        "percent": state.percent,
    }


def _evidence(evidence: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, columns in TABLES.items():
        if evidence.get(name):
            shown[name] = _table(evidence[name], columns)
    rest = {k: v for k, v in evidence.items() if k not in (*TABLES, "service")}
    if rest:
        shown["evidence"] = dg.MetadataValue.json(rest)
    return shown


def _table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> dg.MarkdownMetadataValue:
    """The columns that say something, numbers as people read them."""
    kept = [name for name in columns if any(row.get(name) for row in rows)]
    cells = [{name: _cell(row.get(name)) for name in kept} for row in rows]
    return dg.MetadataValue.md(markdown_table(cells))


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else value
