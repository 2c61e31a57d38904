"""The release state of a model, followed: who answers changes under way, and drops no request."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ml_platform.clock import utc_now
from ml_platform.exceptions import ServiceUnavailable
from ml_platform.serving.counters import Counters
from ml_platform.serving.live.cast import Cast, answers, shadows
from ml_platform.serving.live.cut_outs import CutOuts
from ml_platform.serving.live.daemon_watch import DaemonWatch
from ml_platform.serving.live.known_state import KnownState
from ml_platform.serving.live.lineup import Lineup
from ml_platform.serving.live.memory import Growth
from ml_platform.serving.live.scoring_mark import ENDS, ScoringFile
from ml_platform.serving.live.shadow import Emit
from ml_platform.serving.live.shelf import Loaded, Shelf
from ml_platform.serving.live.trial import Fault

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class FollowedRelease:
    """Champion and candidate of a model as the release store has them.

    `start` once, then `follow` some times a second from one thread. `lineup` is replaced as a
    whole, so a request sees one release or the other; nothing is waited for on its way.

    worker: the name of this worker. emit: journals what a shadow predicts. now: of transitions.
    growth: starts to weigh the process. daemon: watched beside, where it shares our home.
    scoring: what the workers before this one were at when they were ended.
    """

    lineup: Lineup
    champion: Loaded

    def __init__(
        self,
        known: KnownState,
        shelf: Shelf,
        counters: Counters,
        *,
        worker: str,
        emit: Emit | None = None,
        now: Callable[[], datetime] = utc_now,
        growth: Callable[[], Growth] = Growth,
        daemon: DaemonWatch | None = None,
        scoring: ScoringFile | None = None,
    ) -> None:
        self.known, self.shelf = known, shelf
        self.revision = 0
        self.step = 0
        self._counters, self._emit, self._now = counters, emit, now
        self._cut_outs = CutOuts(worker, now=now)
        self._cast: Cast | None = None
        self._replaced: Cast | None = None
        self._built: tuple[object, ...] = ()
        self._trouble: str | None = None
        self._new_growth = growth
        self._growth: Growth | None = None
        self._growth_of = 0
        self._daemon = daemon
        self._scoring = scoring

    def start(self) -> None:
        """Load what is released, or the last champion before it that can be.

        Raises NothingReleased, or ServiceUnavailable where nothing is known or can be loaded.
        """
        self.known.start()
        state = self.known.state
        assert state.champion is not None
        found = next(
            filter(None, map(self.shelf.get_now, (state.champion, *state.last_good))), None
        )
        if found is None:
            raise ServiceUnavailable(self.shelf.error(state.champion) or "no version can be loaded")
        self.champion = found
        self._learn_of_ends()
        if state.candidate is not None and (answers(state) or shadows(state)):
            self.shelf.get_now(state.candidate)
        self._settle()

    def follow(self) -> bool:
        """Look once; return whether somebody else answers from now on."""
        if self._replaced is not None:
            self._replaced.close()  # no request of the time before it is under way any more
            self._replaced = None
        self.known.refresh()
        self._weigh()
        if self._daemon is not None:
            self._daemon.look()
        changed = self._settle()
        self._cut_outs.tell(self.known.store, self.known.state)
        return changed

    def health(self) -> dict[str, Any]:
        """Say what is wrong, where something is; the service answers all the same."""
        told: dict[str, Any] = {"revision": self.revision}
        if self._daemon is not None:
            told |= self._daemon.health()
        trouble = [text for text in (self.known.trouble, self._trouble) if text]
        return {**told, "status": "degraded", "trouble": trouble} if trouble else told

    def about(self) -> dict[str, Any]:
        """Tell what is live."""
        state, lineup = self.known.state, self.lineup
        fault = self._cut_outs.fault(state.opened)
        return {
            **self.champion.about,
            "live": {
                "champion": self.champion.version,
                "previous": state.previous,
                "candidate": state.candidate,
                "candidate_answers": lineup.candidate is not None,
                "cut_out": f"{fault.kind}: {fault.detail}" if fault and state.candidate else None,
                "stage": state.stage.value,
                "percent": state.percent,
                "held": state.held,
                "revision": self.revision,
                "since": state.since.isoformat() if state.since else None,
                "loaded": self.shelf.versions,
                "store": {"reachable": self.known.trouble is None, "trouble": self.known.trouble},
            },
        }

    def close(self) -> None:
        """Stop what runs beside the requests."""
        for cast in (self._cast, self._replaced):
            if cast is not None:
                cast.close()
        if self._scoring is not None:
            self._scoring.close()

    def _settle(self) -> bool:
        """Put the state into effect, as far as its versions are loaded."""
        state = self.known.state
        assert state.champion is not None
        champion = self.shelf.get(state.champion)
        self._trouble = None if champion else self.shelf.error(state.champion)
        self.champion = champion or self.champion
        candidate = self._candidate() if champion is not None else None
        built = (self.champion, candidate, state.entered, state.percent, state.stage)
        changed = built != self._built
        if changed:
            self._replace(candidate)
            self._built = built
        if champion is not None and (candidate is not None or not self._awaits_candidate()):
            self.revision = state.revision
        self._keep_warm()
        return changed

    def _candidate(self) -> Loaded | None:
        """The candidate if it has something to do, is loaded, and is not out."""
        state = self.known.state
        if state.candidate is None or not (answers(state) or shadows(state)):
            return None
        if self._cut_outs.fault(state.opened) is not None:
            return None
        loaded = self.shelf.get(state.candidate)
        error = self.shelf.error(state.candidate)
        if error is not None:
            self._cut_outs.note(state.opened, Fault("not_loaded", error))
        return loaded

    def _learn_of_ends(self) -> None:
        """Take a candidate out over which workers before this one stood still until their end."""
        if self._scoring is None:
            return
        opened, seconds = self.known.state.opened, self.champion.serving.limits.hang_seconds
        ends = self._scoring.ends(opened, hang_seconds=seconds)
        if ends >= ENDS:
            detail = f"{ends} workers stood still for {seconds:g} s over it, and were ended"
            self._cut_outs.note(opened, Fault("hung", detail))

    def _weigh(self) -> None:
        """Take a candidate out that makes the worker grow and grow."""
        state = self.known.state
        if self._growth is None or state.opened != self._growth_of:
            return
        excess = self._growth.excess()
        if excess is not None:
            self._cut_outs.note(state.opened, Fault("memory", excess))

    def _awaits_candidate(self) -> bool:
        state = self.known.state
        busy = answers(state) or shadows(state)
        return busy and self._cut_outs.fault(state.opened) is None

    def _replace(self, candidate: Loaded | None) -> None:
        state = self.known.state
        if state.entered != self.step:
            self._counters.begin_step(state.entered)
            self.step = state.entered
        opened = state.opened
        cast = Cast(
            state,
            self.champion,
            candidate,
            counters=self._counters,
            emit=self._emit,
            out=lambda fault: self._cut_outs.note(opened, fault),
            mark=self._scoring.mark(opened) if self._scoring else None,
        )
        self._replaced, self._cast = self._cast, cast
        if candidate is None:
            self._growth = None
        elif self._growth is None or self._growth_of != opened:
            self._growth, self._growth_of = self._new_growth(), opened
        self.lineup = cast.lineup

    def _keep_warm(self) -> None:
        """Keep what a rollback may need; let go of what nobody may ask for any more."""
        state = self.known.state
        text = self.champion.serving.keep_warm
        warm = float(text[:-1]) * _UNITS[text[-1]]
        wanted = {self.champion.version, state.champion, state.candidate}
        age = (self._now() - state.since).total_seconds() if state.since else warm
        if state.previous is not None and age < warm:
            self.shelf.get(state.previous)  # loads it after a restart
            wanted.add(state.previous)
        self.shelf.keep({each for each in wanted if each is not None}, warm_seconds=warm)
