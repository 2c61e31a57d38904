"""Move every release under way by its evidence, and find what is to be told about."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ml_platform.component.platform import Platform
from ml_platform.exceptions import MLPlatformError, ReleaseError
from ml_platform.release.commands import mirror
from ml_platform.release.decide import Decision, decide
from ml_platform.release.state import ReleaseState, Transition

_log = logging.getLogger(__name__)

Seen = dict[str, int]
"""The last revision of each model that was told about."""


@dataclass(frozen=True)
class Advanced:
    """What a look at all releases came to.

    moved: how many transitions were decided. standing: open releases that stay where they are,
    nothing new about them, and why. news: transitions not told about yet, by whomever,
    each with the state after the last one of its model.
    """

    seen: Seen
    moved: int
    under_way: int
    news: tuple[tuple[Transition, ReleaseState], ...]
    standing: dict[str, tuple[ReleaseState, Decision]]


def advance(platform: Platform, *, seen: Mapping[str, int] | None, now: datetime) -> Advanced:
    """Decide on all open releases, mirror the aliases of what changed, and list what is new.

    seen: None at the first look, which tells only what it moves itself. What could not be mirrored
    is listed again at the next look. It is safe to be run
    twice at once: of two who decide on one revision the store lets one through.
    """
    store = platform.releases
    before = store.states()
    known = dict(seen) if seen is not None else {m: s.revision for m, s in before.items()}
    open_ones = {model: state for model, state in before.items() if state.candidate is not None}
    decided = _decided(platform, open_ones, now=now) if open_ones else {}
    after = {**before, **_moved(platform, open_ones, decided, now=now)}
    changed = {m: s for m, s in after.items() if s.revision > known.get(m, 0)}
    news: list[tuple[Transition, ReleaseState]] = []
    for model, state in changed.items():
        news += [(each, state) for each in store.history(model, after=known.get(model, 0))]
        try:
            mirror(platform.registry, state)
        except MLPlatformError as error:  # tried again at the next look
            _log.warning("%s: %s", model, error)
            continue
        known[model] = state.revision
    return Advanced(
        seen=known,
        moved=sum(after[m].revision > before[m].revision for m in open_ones),
        under_way=len(open_ones),
        news=tuple(news),
        standing={m: (before[m], each) for m, each in decided.items() if m not in changed},
    )


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
