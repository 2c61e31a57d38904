"""The platform as `ml-platform up` starts it, on models and stores of its own."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ml_platform.cli.supervision import Supervisor
from ml_platform.cli.up import platform_programs
from ml_platform.settings import Settings
from ml_platform_tests.ui.dagster_client import DagsterClient
from ml_platform_tests.waiting import until

MODELS = Path(__file__).parent.parent / "models"

START_SECONDS = 150
"""Both webserver and daemon import all of the platform; 15 s on an idle machine."""


@dataclass(frozen=True)
class RunningPlatform:
    """Webserver, daemon and report server, and where their stores are."""

    settings: Settings
    dagster: DagsterClient


def copy_model(
    folder: Path, name: str, *changes: tuple[str, str], of: str = "small_credit"
) -> None:
    """Declare a test model under another name, with parts of its file replaced."""
    shutil.copytree(MODELS / of, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / name / "defs.yaml"
    text = file.read_text("utf-8")
    for old, new in ((f"name: {of}", f"name: {name}"), *changes):
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


@contextmanager
def running_platform(home: Path, *, models: Sequence[Path] = ()) -> Iterator[RunningPlatform]:
    """Start what `ml-platform up` starts, MLflow's UI aside, and wait until it answers."""
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as environ, Supervisor(lines.append) as supervisor:
        environ.delenv("DAGSTER_HOME", raising=False)
        environ.setenv("ML_PLATFORM_HOME", str(home))
        environ.setenv("ML_PLATFORM_MODELS", os.pathsep.join(map(str, models)))
        settings = Settings.from_environment()
        programs = [each for each in platform_programs(settings) if each.name != "MLflow UI"]
        for program in programs:
            supervisor.start(program)
        [address] = [each.address for each in programs if each.name == "Dagster UI"]
        assert address is not None
        with closing(DagsterClient(address)) as dagster:

            def loaded() -> bool:
                supervisor.tick()
                assert not any(line.startswith("died") for line in lines), "\n".join(lines)
                try:
                    return bool(dagster.models())
                except httpx.TransportError:
                    return False

            until(loaded, "the webserver to load the models", seconds=START_SECONDS, pause=0.5)
            yield RunningPlatform(settings, dagster)
