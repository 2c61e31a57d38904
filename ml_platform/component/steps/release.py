"""Release a deployed version as declared, and show in the registry what is live."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.component.platform import Platform
from ml_platform.component.steps.comparison import comparison_with
from ml_platform.gates.no_regression import beside_champion
from ml_platform.registry.certificate import Certificate, require_current
from ml_platform.release.commands import append_decided, mirror
from ml_platform.release.plan import Plan, plan_of
from ml_platform.release.state import Action, ReleaseState, Transition
from ml_platform.spec.load import Declaration

if TYPE_CHECKING:
    from ml_platform.component.steps.deploy import BuiltBento


@dataclass(frozen=True)
class ReleaseOutcome:
    """What the release changed, in one sentence for people."""

    summary: str
    revision: int


def release(
    declaration: Declaration,
    platform: Platform,
    built: "BuiltBento",
    *,
    who: str,
    now: datetime,
    only_if_better: bool = False,
) -> ReleaseOutcome:
    """Make the version champion, or candidate on the declared way; mirror it in the registry.

    only_if_better: leave production as it is unless the version is better beyond noise.

    The first version of a model is champion at once. A candidate that is under way is withdrawn
    for a newer one. A version that was taken out before is left out: it is the same as then.
    Raises DeploymentRefused when another version became champion, or another baseline was
    accepted, while the Bento was built: decided on the very state that the transition follows.
    """
    decide = _Decisions(declaration, built, plan_of(declaration.spec.release), who, now)
    state = platform.releases.state(decide.model)
    kept = _stays(state, decide.version)
    if kept is None and only_if_better and state.champion is not None:
        kept = no_better(built.certificate)
    if kept is not None:
        mirror(platform.registry, state)  # an earlier run may have been killed before it did
        return ReleaseOutcome(kept, state.revision)
    append_decided(platform.releases, decide.model, decide.withdrawn)
    new = append_decided(platform.releases, decide.model, decide.opened)
    mirror(platform.registry, new)
    return ReleaseOutcome(_told(new, state, decide.version, decide.plan), new.revision)


@dataclass(frozen=True)
class _Decisions:
    """What follows for a version that was built, from the state that the release is in."""

    declaration: Declaration
    built: "BuiltBento"
    plan: Plan | None
    who: str
    now: datetime

    @property
    def model(self) -> str:
        return self.declaration.spec.name

    @property
    def version(self) -> int:
        return self.built.handle.version

    def withdrawn(self, at: ReleaseState) -> Transition | None:
        """Take out an older candidate."""
        if at.candidate in (None, self.version) or self.plan is None:
            return None
        self._require_judged_beside(at.champion)
        why = f"version {self.version} is newer"
        return self._transition(Action.WITHDRAW, at, why, version=at.candidate, evidence={})

    def opened(self, at: ReleaseState) -> Transition | None:
        """Make it champion where nothing is compared on the way, else the candidate."""
        if _stays(at, self.version) is not None:
            return None
        self._require_judged_beside(at.champion)
        why = "certified, built and smoke-tested"
        if self.plan is not None and at.champion is not None:
            return self._transition(Action.OPEN, at, why, plan=self.plan)
        how = "release type: direct" if self.plan is None else "the first version of the model"
        return self._transition(Action.PROMOTE_DIRECT, at, f"{why}; {how}")

    def _require_judged_beside(self, champion: int | None) -> None:
        comparison = comparison_with(self.declaration, champion)
        require_current(self.built.certificate, comparison=comparison, champion=champion)

    def _transition(self, action: Action, at: ReleaseState, why: str, **also: Any) -> Transition:
        evidence = {
            "certificate": self.built.handle.certificate,
            "bento": self.built.handle.tag,
            "service": [record.model_dump(mode="json") for record in self.built.records],
        }
        also = {"version": self.version, "evidence": evidence, **also}
        return Transition(
            model=self.model,
            revision=at.revision + 1,
            action=action,
            at=self.now,
            who=self.who,
            why=why,
            **also,
        )


def no_better(certificate: Certificate) -> str | None:
    """Why the version need not replace the champion; None where it is shown to be better.

    Better is what lies above the champion, by one of the declared comparisons, with its whole
    interval; an accepted baseline is no champion.
    """
    compared = [
        beside_champion(record.result)
        for record in certificate.records
        if record.gate.get("type") == "no_regression"
    ]
    if any(found.interval is not None and found.interval[0] > 0 for found in compared):
        return None
    told = "; ".join(found.reason for found in compared)
    return f"no change needed: version {certificate.version} is not better beyond noise: {told}"


def _stays(state: ReleaseState, version: int) -> str | None:
    """Why nothing is to be released; None where something is."""
    if version == state.champion:
        return f"version {version} is champion already, nothing to release"
    if version == state.candidate:
        stage = state.stage.value
        return f"version {version} is candidate already, at {stage}, nothing to release"
    if version in state.taken_out:
        return (
            f"version {version} was taken out before and is not released again by itself; train "
            "another, or bring it back with `ml-platform rollback --to` if it was champion"
        )
    return None


def _told(new: ReleaseState, before: ReleaseState, version: int, plan: Plan | None) -> str:
    if new.champion == version:
        instead = f"in place of version {before.champion}"
        return f"version {version} is champion now, " + (
            instead if before.champion else "as the first release"
        )
    if new.candidate == version and plan is not None:
        way = " -> ".join(
            f"{step.stage.value} {step.percent:g} %" if step.percent else step.stage.value
            for step in plan.steps
        )
        return f"version {version} is candidate now, beside version {new.champion}: {way} -> full"
    return f"version {version} was not released: somebody else moved the release"
