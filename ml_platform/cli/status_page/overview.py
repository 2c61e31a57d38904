"""What the status page shows: a few queries in all, and two small files a model."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from ml_platform.cli.release_status import releases_under_way
from ml_platform.data.handles import HandleStore
from ml_platform.exceptions import DeclarationError
from ml_platform.monitoring.heartbeat import last_beat
from ml_platform.monitoring.incident_store import SqlIncidentStore
from ml_platform.monitoring.incidents import PLATFORM, Incident
from ml_platform.monitoring.report import MonitoringReport, stem
from ml_platform.release.state import ReleaseState
from ml_platform.release.store import SqlReleaseStore
from ml_platform.retraining.budget import RECENT, Budget, RecentRuns, Spent, TrainingRun
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration, find_declarations, load_declaration
from ml_platform.spec.roots import model_roots

WAITING = "retraining/waiting.json"
"""Handle of the retraining sensor: who waits for what."""


@dataclass(frozen=True)
class ModelOverview:
    """One model. state: None before the first release; next: what comes of the release under way.

    report: of the latest window of production. waits: what a training waits for.
    """

    name: str
    owner: str = ""
    error: str = ""
    budget: str = ""
    state: ReleaseState | None = None
    next: str = ""
    report: MonitoringReport | None = None
    incidents: tuple[Incident, ...] = ()
    waits: str = ""

    @property
    def urgency(self) -> tuple[int, str]:
        """Its place on the page: what is wrong first, then what is under way."""
        critical = any(each.severity == "critical" for each in self.incidents)
        under_way = self.state is not None and self.state.candidate is not None
        wrong = bool(self.incidents or self.error)
        return (0 if critical else 1 if wrong else 2 if under_way else 3), self.name


@dataclass(frozen=True)
class Overview:
    """The platform at a time. platform: incidents of sensors and of the daemon.

    budget: of the trainings of all models, what is spent of it; "" where none is declared.
    """

    at: datetime
    daemon: str
    models: Sequence[ModelOverview]
    budget: str = ""
    platform: tuple[Incident, ...] = ()


@dataclass
class Declarations:
    """The declared models, each read anew when its file changed; broken ones with the error."""

    settings: Settings
    _read: dict[Path, tuple[int, Declaration | str]] = field(default_factory=dict)

    def __call__(self) -> Iterator[tuple[str, Declaration | str]]:
        """Yield name and declaration, or what is wrong with it."""
        for file in find_declarations(model_roots(self.settings)):
            stamp = file.stat().st_mtime_ns if file.is_file() else 0
            known = self._read.get(file)
            if known is None or known[0] != stamp:
                known = self._read[file] = (stamp, _loaded(file))
            declared = known[1]
            name = file.parent.name if isinstance(declared, str) else declared.spec.name
            yield name, declared


def overview(settings: Settings, declarations: Declarations, *, now: datetime) -> Overview:
    """Collect what there is to see. Raises StoreError when a store is away."""
    states = SqlReleaseStore(settings.release_url).states()
    under_way = releases_under_way(settings, now=now)
    found = SqlIncidentStore(settings.release_url).unsettled()
    open_now = [each for each in found if each.closed is None]
    handles = HandleStore(f"{settings.data_url}/handles")
    waits, runs = _waits(handles), _runs(handles)
    trained: dict[str, list[TrainingRun]] = {}
    for run in runs:
        trained.setdefault(run.model, []).append(run)
    declared = dict(declarations())
    models = [
        ModelOverview(
            name=name,
            **_declared(declared.get(name), trained.get(name, ()), now=now),
            state=states.get(name),
            next=_next(under_way.get(name)),
            report=_report(settings, handles, name),
            incidents=tuple(each for each in open_now if each.model == name),
            waits=waits.get(name, ""),
        )
        for name in sorted({*declared, *states})
    ]
    return Overview(
        at=now,
        daemon=last_beat(settings.home).told(now=datetime.now(UTC)),
        models=sorted(models, key=lambda model: model.urgency),
        budget=Budget.of(settings).told(Spent.of(runs, now=now)),
        platform=tuple(each for each in open_now if each.model == PLATFORM),
    )


def _loaded(file: Path) -> Declaration | str:
    try:
        return load_declaration(file)
    except DeclarationError as error:
        return str(error)


def _declared(
    found: Declaration | str | None, runs: Sequence[TrainingRun], *, now: datetime
) -> dict[str, str]:
    if found is None:
        return {"error": "it is no longer declared"}
    if isinstance(found, str):
        return {"error": found.splitlines()[0]}
    spec = found.spec
    budget = Budget.of(spec.retraining).told(Spent.of(runs, now=now))
    return {"owner": spec.owner, "budget": budget}


def _next(release: Mapping[str, object] | None) -> str:
    if release is None:
        return ""
    return f"{release['next'] or 'stays'}: {release['reason']}"


def _report(settings: Settings, handles: HandleStore, name: str) -> MonitoringReport | None:
    """The latest report; None where there is none, or one of another release of ml_platform."""
    handle = handles.read(f"{name}/monitoring_report/latest.json")
    if handle is None:
        return None
    try:
        begin = datetime.fromisoformat(json.loads(handle)["begin"])
        path = f"{settings.data_url}/monitoring"
        text = HandleStore(path).read(f"{name}/{stem(begin)}.json")
        return None if text is None else MonitoringReport.model_validate_json(text)
    except (ValueError, KeyError, ValidationError):
        return None


def _waits(handles: HandleStore) -> dict[str, str]:
    text = handles.read(WAITING)
    return {} if text is None else dict(json.loads(text).get("because", {}))


def _runs(handles: HandleStore) -> Sequence[TrainingRun]:
    """The trainings that count against the budgets, as far as the sensor's last tick saw them."""
    text = handles.read(RECENT)
    if text is None:
        return []
    kept = RecentRuns.model_validate_json(text)
    return [run.model_copy(update={"finished": run.finished or kept.at}) for run in kept.runs]
