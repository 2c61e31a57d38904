"""From folders of declarations to Dagster definitions; a broken one shows and breaks no other."""

import gc
import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import dagster as dg

from ml_platform.component.alerts import alerts_sensor
from ml_platform.component.assets import model_assets
from ml_platform.component.feedback import feedback_assets, feedback_job_name, feedback_jobs
from ml_platform.component.feedback_sensor import feedback_sensor
from ml_platform.component.inference_logs import inference_logs
from ml_platform.component.jobs import (
    ingest_job,
    ingest_job_name,
    model_job,
    monitoring_job,
    monitoring_job_name,
    release_job_name,
)
from ml_platform.component.monitoring_sensor import monitoring_sensor
from ml_platform.component.new_data import data_jobs, data_schedules
from ml_platform.component.production import production_assets
from ml_platform.component.releases import release_command_job, releases_sensor
from ml_platform.component.resources import executor, resources
from ml_platform.component.retraining import retraining_schedules, retraining_sensor
from ml_platform.exceptions import DeclarationError
from ml_platform.spec.load import Declaration, find_declarations, load_declaration


@dataclass(frozen=True)
class Broken:
    """A declaration that does not load, and why."""

    file: Path
    error: str

    @property
    def name(self) -> str:
        """The name it shows under: that of its folder, as Dagster takes it."""
        return "".join(c if c.isalnum() and c.isascii() else "_" for c in self.file.parent.name)


@dataclass(frozen=True)
class Loaded:
    """All declarations found, whole and broken."""

    declarations: tuple[Declaration, ...]
    broken: tuple[Broken, ...]


def load_declarations(roots: Iterable[Path]) -> Loaded:
    """Read every declaration below `roots`; a name may be declared once."""
    whole: dict[str, Declaration] = {}
    broken: list[Broken] = []
    with _nothing_to_collect():
        for file in find_declarations(roots):
            try:
                declaration = load_declaration(file)
                _check_unique(declaration, whole)
            except DeclarationError as error:
                broken.append(Broken(file, str(error)))
            else:
                whole[declaration.spec.name] = declaration
    return Loaded(tuple(whole.values()), tuple(broken))


def build_definitions(loaded: Loaded) -> dg.Definitions:
    """Assets, checks, jobs and schedules of all declarations, with the platform's resources."""
    log = logging.getLogger(__name__)
    for broken in loaded.broken:
        log.error("a model is broken and left out:\n%s", broken.error)
    with _nothing_to_collect():
        parts = [model_definitions(declaration) for declaration in loaded.declarations]
    names = _distinct(broken.name for broken in loaded.broken)
    assets = [_broken_asset(each, name) for each, name in zip(loaded.broken, names, strict=True)]
    own = dg.Definitions(
        assets=assets,
        resources=resources(),
        executor=executor(),
        jobs=[release_command_job()],
        sensors=[
            inference_logs(_jobs(loaded, parts, ingest_job_name), loaded.declarations),
            monitoring_sensor(_jobs(loaded, parts, monitoring_job_name), loaded.declarations),
            feedback_sensor(loaded.declarations, _jobs(loaded, parts, feedback_job_name)),
            retraining_sensor(_jobs(loaded, parts, release_job_name), loaded.declarations),
            releases_sensor(),
            alerts_sensor(loaded.declarations),
        ],
    )
    return dg.Definitions.merge(*parts, own)


def model_definitions(declaration: Declaration) -> dg.Definitions:
    """Assets, checks, jobs and schedules of one declared model."""
    job = model_job(declaration)
    return dg.Definitions(
        assets=[
            *model_assets(declaration),
            *production_assets(declaration),
            *feedback_assets(declaration),
        ],
        jobs=[
            job,
            ingest_job(declaration),
            monitoring_job(declaration),
            *feedback_jobs(declaration),
            *data_jobs(declaration),
        ],
        schedules=[*retraining_schedules(declaration, job), *data_schedules(declaration)],
    )


@contextmanager
def _nothing_to_collect() -> Generator[None]:
    """Pause the search for garbage: what is loaded here stays, and each search reads it all."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _jobs(
    loaded: Loaded, parts: Iterable[dg.Definitions], name_of: Callable[[str], str]
) -> list[Any]:
    """The jobs that a sensor over all models may start, one a model."""
    names = {name_of(declaration.spec.name) for declaration in loaded.declarations}
    return [job for part in parts for job in part.jobs or () if job.name in names]


def _check_unique(declaration: Declaration, whole: dict[str, Declaration]) -> None:
    name = declaration.spec.name
    if name in whole:
        raise DeclarationError(
            f"{declaration.file}:1: name: {name!r} is declared in {whole[name].file} already"
        )


def _distinct(names: Iterable[str]) -> list[str]:
    """The names, with a number after one that is taken: two folders may share theirs."""
    distinct: list[str] = []
    for name in names:
        numbered = (f"{name}_{number}" for number in count(2))
        distinct.append(next(each for each in chain([name], numbered) if each not in distinct))
    return distinct


def _broken_asset(broken: Broken, name: str) -> dg.AssetsDefinition:
    lines = [line.strip().replace("`", "'") for line in broken.error.splitlines()]
    items = "\n".join(f"- `{line}`" for line in lines if line)  # a block of code would not wrap

    @dg.asset(
        key=[name, "broken_declaration"],
        group_name="broken",
        kinds={"broken"},
        description=f"This model does not load:\n\n{items}",
    )
    def broken_declaration() -> None:
        raise dg.Failure(broken.error, allow_retries=False)

    return broken_declaration
