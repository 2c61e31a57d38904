from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.cli.processes import Program
from ml_platform.cli.up import Services
from ml_platform.release.state import Action, Transition
from ml_platform.release.store import SqlReleaseStore
from ml_platform.settings import Settings


class Recorder:
    """Stands in for a supervisor: remembers what was started and stopped."""

    def __init__(self) -> None:
        self.started: list[Program] = []
        self.stopped: list[str] = []

    def start(self, program: Program) -> None:
        self.started.append(program)

    def stop(self, name: str) -> None:
        self.stopped.append(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"ML_PLATFORM_HOME": str(tmp_path)})


def promote(settings: Settings, model: str, version: int) -> None:
    store = SqlReleaseStore(settings.release_url)
    revision = store.state(model).revision
    transition = Transition(
        model=model,
        revision=revision + 1,
        action=Action.PROMOTE_DIRECT,
        version=version,
        at=datetime.now(UTC),
        who="test",
        why="test",
    )
    store.append(transition, expected_revision=revision)
    store.close()


def test_each_champion_gets_a_service_at_a_port_of_its_own(settings):
    recorder = Recorder()
    promote(settings, "one", 1)
    promote(settings, "two", 7)
    services = Services(recorder, settings)
    services.follow()
    services.follow()
    assert [program.name for program in recorder.started] == ["service one", "service two"]
    assert "two" in recorder.started[1].command
    assert recorder.started[0].port != recorder.started[1].port


def test_a_service_follows_a_new_champion_by_itself(settings):
    recorder = Recorder()
    services = Services(recorder, settings)
    services.follow()
    assert recorder.started == []
    for version in (1, 2):
        promote(settings, "one", version)
        services.follow()
    [only] = recorder.started
    assert "one" in only.command
    assert recorder.stopped == []


def test_services_of_one_machine_have_one_worker_unless_they_declare_more(settings):
    recorder = Recorder()
    promote(settings, "one", 1)
    promote(settings, "two", 7)
    declared = settings.bentos / "bentos" / "two" / "7" / "src" / "serving.json"
    declared.parent.mkdir(parents=True)
    declared.write_text('{"workers": 3}')
    Services(recorder, settings).follow()
    one, two = recorder.started
    assert one.command[-2:] == ("--workers", "1")
    assert "--workers" not in two.command


def test_a_release_store_that_is_away_is_told_and_nothing_stops(settings, capsys, tmp_path):
    recorder = Recorder()
    (tmp_path / "release.db").write_text("no database")
    Services(recorder, settings).follow()
    assert "error: " in capsys.readouterr().err
    assert recorder.started == recorder.stopped == []
