"""Move every release under way by its evidence, and find what is to be told about."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from ml_platform.component.platform import Platform
from ml_platform.exceptions import MLPlatformError, ReleaseError, StoreError
from ml_platform.plugins import Strict
from ml_platform.release.commands import mirror
from ml_platform.release.decide import Decision, decide
from ml_platform.release.state import ReleaseState, Transition, steps

_log = logging.getLogger(__name__)

AT_ONCE = 25
"""Models that one look tells of, and mirrors, with 20 ms each; the others follow at the next."""


class Progress(Strict):
    """What a look leaves to the next one.

    seen: the last revision of each model that was told about. unmirrored: models whose aliases are
    to be set yet, in the order in which it is tried.
    """

    seen: dict[str, int] = Field(default={})
    unmirrored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advanced:
    """What a look at all releases came to.

    moved: how many transitions were decided. standing: open releases that stay where they are,
    nothing new about them, and why. news: transitions not told about yet, by whomever,
    each with the state after it.
    """

    progress: Progress
    moved: int
    under_way: int
    news: tuple[tuple[Transition, ReleaseState], ...]
    standing: dict[str, tuple[ReleaseState, Decision]]


def advance(
    platform: Platform,
    *,
    since: Progress,
    now: datetime,
    told: Callable[[str], int] = lambda model: 0,
) -> Advanced:
    """Decide on all open releases, mirror the aliases of what changed, and list what is new.

    since: what the look before left; nothing at the first one, or where it was lost. told: up to
    which revision a model was told of all the same; asked only of those that changed. It is safe to
    be run twice at once: of two who decide on one revision the store lets one through.
    """
    store = platform.releases
    before = store.states()
    known = dict(since.seen)
    open_ones = {model: state for model, state in before.items() if state.candidate is not None}
    decided = _decided(platform, open_ones, now=now) if open_ones else {}
    moved = _moved(platform, open_ones, decided, now=now)
    after = {**before, **moved}
    changed = [m for m, s in after.items() if s.revision > known.get(m, 0)]
    changed.sort(key=lambda model: (model not in moved, model not in known))
    news: list[tuple[Transition, ReleaseState]] = []
    for model in changed[:AT_ONCE]:
        last = max(known.get(model, 0), told(model))
        news += [each for each in steps(model, store.history(model)) if each[0].revision > last]
        known[model] = after[model].revision
    to_mirror = dict.fromkeys((*changed[:AT_ONCE], *since.unmirrored))
    return Advanced(
        progress=Progress(
            seen=known, unmirrored=_unmirrored(platform, [after[model] for model in to_mirror])
        ),
        moved=len(moved),
        under_way=len(open_ones),
        news=tuple(news),
        standing={m: (before[m], each) for m, each in decided.items() if m not in changed},
    )


def _unmirrored(platform: Platform, states: Sequence[ReleaseState]) -> tuple[str, ...]:
    """Mirror the aliases of some; return the others, behind them those that failed."""
    models = [state.model for state in states]
    failed: list[str] = []
    for done, state in enumerate(states[:AT_ONCE], start=1):
        try:
            mirror(platform.registry, state)
        except MLPlatformError as error:
            _log.warning("%s: %s", state.model, error)
            failed.append(state.model)
            if isinstance(error, StoreError):  # it is away: the others would only wait for it, too
                return (*models[done:], *failed)
    return (*models[AT_ONCE:], *failed)


def _decided(
    platform: Platform, open_ones: Mapping[str, ReleaseState], *, now: datetime
) -> dict[str, Decision]:
    evidence = platform.releases.open_evidence()
    return {
        model: decide(state, state.plan, evidence.get(model, {}), now=now)
        for model, state in open_ones.items()
    }


def _moved(
    platform: Platform,
    open_ones: Mapping[str, ReleaseState],
    decided: Mapping[str, Decision],
    *,
    now: datetime,
) -> dict[str, ReleaseState]:
    moved: dict[str, ReleaseState] = {}
    for model, decision in decided.items():
        state = open_ones[model]
        if decision.action is None:
            continue
        try:
            moved[model] = platform.releases.append(
                decision.transition(state, now=now), expected_revision=state.revision
            )
        except ReleaseError as error:  # somebody else was first: decided anew at the next look
            _log.info("%s: %s", model, error)
    return moved
