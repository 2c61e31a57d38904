"""What a person orders: each command is one transition, decided on the state as it is."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from ml_platform.exceptions import NothingReleased, ReleaseError, RevisionConflict
from ml_platform.release.state import Action, ReleaseState, Transition
from ml_platform.release.store import ReleaseStore

COMMANDS = {
    "approve": Action.APPROVE,
    "reject": Action.REJECT,
    "hold": Action.HOLD,
    "resume": Action.RESUME,
    "promote": Action.PROMOTE,
}
"""The commands about a candidate; `rollback` is another matter."""


class Aliases(Protocol):
    """What the registry shows of a release."""

    def aliases(self, model: str, /) -> dict[str, int]:
        """The aliases of a model and the versions that they mean."""
        ...

    def set_alias(self, model: str, alias: str, version: int | None, /) -> None:
        """Set an alias, or remove it with None."""
        ...


def order(
    store: ReleaseStore, model: str, command: str, *, by: str, reason: str, now: datetime
) -> ReleaseState:
    """Carry out a command about the candidate of a model; return the new state.

    Raises ReleaseError when the state does not allow it, NothingReleased for an unknown model.
    """
    known_model(store, model)

    def decide(state: ReleaseState) -> Transition:
        if state.candidate is None:
            live = f"version {state.champion} is champion"
            raise ReleaseError(f"{model} has no release under way, nothing to {command}; {live}")
        return Transition(
            model=model,
            revision=state.revision + 1,
            action=COMMANDS[command],
            version=state.candidate,
            at=now,
            who=by,
            why=reason,
        )

    return append_decided(store, model, decide)


def append_decided(
    store: ReleaseStore, model: str, decide: Callable[[ReleaseState], Transition | None]
) -> ReleaseState:
    """Append what is decided on the present state, decided anew where somebody else was first.

    decide: returns None where nothing is to be done.
    """
    while True:
        state = store.state(model)
        transition = decide(state)
        if transition is None:
            return state
        try:
            return store.append(transition, expected_revision=state.revision)
        except RevisionConflict:
            continue


def known_model(store: ReleaseStore, model: str) -> None:
    """Raise NothingReleased, with the valid names, for a model without releases."""
    if store.revision(model) == 0:
        raise NothingReleased(model, store.models())


def mirror(registry: Aliases, state: ReleaseState) -> None:
    """Set the aliases in the registry to what is live."""
    live = {"champion": state.champion, "candidate": state.candidate, "previous": state.previous}
    known = registry.aliases(state.model)
    for alias, version in live.items():
        if known.get(alias) != version:
            registry.set_alias(state.model, alias, version)


def told(state: ReleaseState) -> str:
    """Return what is live, in one line for people."""
    champion = f"version {state.champion} is champion"
    if state.candidate is None:
        return champion
    share = f" with {state.percent:g} % of the keys" if state.percent else ""
    held = ", held" if state.held else ""
    return f"{champion}, version {state.candidate} is candidate at {state.stage.value}{share}{held}"
