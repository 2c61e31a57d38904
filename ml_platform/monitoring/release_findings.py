"""What of the way of a release people are told: that a version was taken back."""

from collections.abc import Iterable

from ml_platform.monitoring.incidents import Finding
from ml_platform.release.state import Action, Transition
from ml_platform.spec.monitoring import Severity

KIND = "rolled_back"

_TAKEN_BACK: dict[Action, tuple[Severity, str]] = {
    Action.ROLLBACK: ("critical", "rolled back: version {version} answers everything"),
    Action.CUT_OUT: ("critical", "version {version} was cut out by the service"),
    Action.REJECT: ("warning", "version {version} was rejected"),
}
_ENDS_IT = frozenset({Action.PROMOTE, Action.PROMOTE_DIRECT})


def of_transitions(transitions: Iterable[Transition]) -> list[Finding]:
    """Return a finding for each rollback, cut-out and rejection; the next promotion ends it."""
    found: list[Finding] = []
    for each in transitions:
        ok = each.action in _ENDS_IT
        if not ok and each.action not in _TAKEN_BACK:
            continue
        promoted: tuple[Severity, str] = ("warning", "version {version} is champion")
        severity, text = _TAKEN_BACK.get(each.action, promoted)
        found.append(
            Finding(
                model=each.model,
                kind=KIND,
                ok=ok,
                severity=severity,
                text=f"{text.format(version=each.version)} ({each.who}: {each.why})",
                at=each.at,
                version=each.version,
                evidence={"revision": each.revision, "action": each.action.value},
            )
        )
    return found
