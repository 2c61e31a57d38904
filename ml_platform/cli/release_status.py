"""What `status` says of releases under way: candidate, step, evidence by version, what is next."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ml_platform.cli.table import plain_table
from ml_platform.settings import Settings

_SHOWN = {
    "versions": (
        "version", "role", "requests", "errors", "refusals", "p50_us", "p99_us", "pairs", "agree",
        "mean_difference",
    ),
    "differences": ("difference", "pairs", "percent"),
    "slices": ("slice", "pairs", "agree", "mean_difference"),
}  # fmt: skip
"""The tables of the evidence, and their columns."""


def releases_under_way(settings: Settings, *, now: datetime) -> dict[str, dict[str, Any]]:
    """Return what is known of each release under way, JSON-ready, by model; one query for all."""
    from ml_platform.release.commands import told
    from ml_platform.release.decide import decide
    from ml_platform.release.store import SqlReleaseStore

    store = SqlReleaseStore(settings.release_url)
    states = store.states().items()
    open_ones = {model: state for model, state in states if state.candidate is not None}
    evidence = store.open_evidence() if open_ones else {}
    found: dict[str, dict[str, Any]] = {}
    for model, state in open_ones.items():
        decision = decide(state, state.plan, evidence.get(model, {}), now=now)
        found[model] = {
            "candidate": state.candidate,
            "stage": state.stage.value,
            "percent": state.percent,
            "held": state.held,
            "live": told(state),
            "next": decision.action.value if decision.action else None,
            "reason": decision.reason,
            **decision.evidence,
        }
    return found


def silent_workers(settings: Settings, model: str, *, now: datetime) -> list[dict[str, Any]]:
    """Return the workers of a model that may serve on unheard of, JSON-ready, each as `told`."""
    from ml_platform.release.store import SqlReleaseStore

    found = SqlReleaseStore(settings.release_url).workers(model)
    silent = [each for each in found if each.silent(now=now)]
    return [each.model_dump(mode="json") | {"told": each.told(now=now)} for each in silent]


def release_lines(release: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a person reads of one release."""
    yield f"{release['live']}: {release['next'] or 'stays'}: {release['reason']}"
    for table, columns in _SHOWN.items():
        rows = release.get(table) or []
        kept = [name for name in columns if any(row.get(name) for row in rows)]
        if rows:
            cells = [[_cell(row[name]) for name in kept] for row in rows]
            yield from (f"  {line}" for line in plain_table(kept, cells))


def _cell(value: object) -> str:
    if isinstance(value, (int, float)):
        return f"{value:,}"
    return "" if value is None else str(value)
