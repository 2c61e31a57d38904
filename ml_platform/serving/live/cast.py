"""From a release state and loaded versions to a lineup."""

from collections.abc import Callable

from ml_platform.release.plan import Stage
from ml_platform.release.state import ReleaseState
from ml_platform.serving.counters import Counters
from ml_platform.serving.live.assignment import salt, share
from ml_platform.serving.live.lineup import Lineup, Served, served_as
from ml_platform.serving.live.scoring_mark import Mark
from ml_platform.serving.live.shadow import Emit, ShadowThread
from ml_platform.serving.live.shelf import Loaded
from ml_platform.serving.live.trial import Fault, Trial


def answers(state: ReleaseState) -> bool:
    """Tell whether the candidate answers a share of the keys."""
    return state.candidate is not None and state.percent > 0


def shadows(state: ReleaseState) -> bool:
    """Tell whether the candidate scores in shadow."""
    return state.candidate is not None and state.stage is Stage.SHADOW


class Cast:
    """A lineup, and what of it must be closed when another takes its place."""

    def __init__(
        self,
        state: ReleaseState,
        champion: Loaded,
        candidate: Loaded | None,
        *,
        counters: Counters,
        emit: Emit | None,
        out: Callable[[Fault], None],
        mark: Mark | None = None,
    ) -> None:
        """Build a lineup.

        out: told when the candidate fails, on the thread that scores. mark: of what it scores.
        """
        self._open: list[Trial | ShadowThread] = []
        trial = shadow = None
        if candidate is not None:
            shadowing = shadows(state)
            trial = Trial(
                _served("shadow" if shadowing else "candidate", candidate, counters),
                timeout_ms=champion.serving.candidate_timeout_ms,
                aside=candidate.has_code,
                out=out,
                mark=mark,
            )
            self._open.append(trial)
            if shadowing:
                shadow = ShadowThread(trial, emit=emit)
                self._open.append(shadow)
        self.lineup = Lineup(
            champion=_served("champion", champion, counters),
            fallback=_served("fallback", champion, counters),
            key_column=champion.key,
            candidate=trial if shadow is None else None,
            share=share(state.percent) if trial is not None and shadow is None else 0,
            salt=salt(state.model, str(state.candidate)),
            shadow=shadow,
            explores=champion.explores,
        )

    def close(self) -> None:
        """End the threads beside the requests; what hangs stays behind."""
        for one in self._open:
            one.close()


def _served(role: str, loaded: Loaded, counters: Counters) -> Served:
    return served_as(role, loaded.predictor, counters, loaded.census)
