"""What an incident's message says: what, since when, how bad, which version, what to do."""

from ml_platform.monitoring.incidents import PLATFORM, Due, Incident
from ml_platform.spec.monitoring import AlertsSpec

WHAT_TO_DO = {
    "drift": "compare the columns in the monitoring report; retrain when the change is real, mend "
    "the source when it is not",
    "quality": "roll back when a release came before it, else retrain: ml-platform train {model}",
    "refusals": "see the reasons in the monitoring report: a client or the data contract changed",
    "errors": "see the log of the service; roll back when a release came before it",
    "rolled_back": "see why: ml-platform history {model}",
    "blocked_gate": "see the gates: ml-platform status {model}; ml-platform certificate {model}",
    "no_way_back": "put the version's Bento back from a backup before you need it; see which would "
    "be taken: ml-platform history {model}",
    "waiver_expiring": "mend what was waived, or waive anew: ml-platform waive {model} --help",
    "gate": "it only warned; see the gates: ml-platform status {model}",
    "data_quality": "see the columns in the monitoring report; mend the source",
    "predictions": "roll back: ml-platform rollback {model}",
    "latency": "see the versions in the monitoring report and the load of the machine",
    "feedback": "see the audit and how long labels take: ml-platform feedback status {model}",
    "run_failed": "see the run in the Dagster UI; start it again when its cause is mended",
    "budget": "wait, or raise the budget under `retraining`",
    "sensor": "see its ticks in the Dagster UI",
    "daemon": "start it again: ml-platform up",
}


def title(message: Due) -> str:
    """One line for the subject of a mail."""
    incident = message.incident
    word = {
        "opened": incident.severity.upper(),
        "recovered": "RECOVERED",
        "escalated": "STILL OPEN",
    }
    of = f" ({incident.subject})" if incident.subject else ""
    return f"[{word[message.occasion]}] {incident.model}: {_kind(incident)}{of}"


def body(message: Due, *, spec: AlertsSpec, owner: str) -> str:
    """The whole message, plain text."""
    incident = message.incident
    since = f"{incident.opened:%Y-%m-%d %H:%M} UTC"
    lines = [incident.text, "", f"Model: {incident.model}, owner {owner}"]
    if incident.version is not None:
        lines.append(f"Version: {incident.version}")
    if message.occasion == "recovered" and incident.closed is not None:
        lines.append(f"From {since} to {incident.closed:%Y-%m-%d %H:%M} UTC")
        return "\n".join([*lines, f"Incident: {incident.id}"])
    lines += [f"Since: {since}", f"Severity: {incident.severity}", f"Incident: {incident.id}", ""]
    todo = WHAT_TO_DO.get(incident.kind)
    if todo is not None:
        lines.append(f"What to do: {todo.format(model=incident.model)}")
    if spec.runbook is not None:
        lines.append(f"Runbook: {spec.runbook}")
    if incident.model != PLATFORM:
        lines.append(f'Roll back: ml-platform rollback {incident.model} --reason "{incident.id}"')
    return "\n".join(lines)


def _kind(incident: Incident) -> str:
    return incident.kind.replace("_", " ")
