"""What a tick of each sensor costs over many models, on SQLite and local disk.

    python benchmarks/sensor_tick.py [--models 1000] [--rows 10000] [--open 50] [--rounds 9]

The models are declared, with feedback and every trigger of retraining but quality; each has so many
logged predictions, as many labels, two segments of a journal to be ingested, a month of labeled
windows, a report, a training of this day, labels enough for another, and eight transitions of its
release. Of `--open` of them the release is in canary with evidence of two workers, full histograms,
and too few predictions to go on. The budget of all models is far away.

A tick is Dagster's evaluation of it within the process. The first has the cursor of nobody: it asks
for the ingestion, report, join and training of every model. The same tick again has to ask for the
same. A steady one has the cursor of the one before, and nothing is new but time; `retraining` has
no cursor, and asks again for what was not begun. The sensor `alerts` looks at all other sensors and
schedules every two minutes only, its first tick among them; `alerts, news` has as many findings of
reports to take in as a tick reads at once, one of 50 a failure; the worst of its ticks is the
first, which opens the incidents.
"""

import argparse
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.many_models import declare
from harness.sensor_home import (
    DECLARED,
    fill_handles,
    fill_history,
    fill_journals,
    fill_tables,
    report_checks,
)

FINISHED = ("promote_direct", "open", "advance", "hold", "resume", "promote", "open", "reject")
SENSORS = ("inference_logs", "monitoring", "feedback", "retraining", "releases", "alerts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=10_000, help="predictions of each model")
    parser.add_argument("--open", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["ML_PLATFORM_HOME"] = home
        os.environ["ML_PLATFORM_MODELS"] = f"{home}/models"
        os.environ["ML_PLATFORM_MAX_HOURS_PER_DAY"] = "1000000"
        measure(given)


def measure(given: argparse.Namespace) -> None:
    from ml_platform.component.instance import open_instance
    from ml_platform.component.load import build_definitions, load_declarations
    from ml_platform.component.platform import Platform
    from ml_platform.settings import Settings

    platform = Platform(Settings.from_environment())
    folder = Path(os.environ["ML_PLATFORM_MODELS"])
    models = declare(folder, given.models, also=DECLARED)
    fill(platform, models, given.open)
    now = datetime.now(UTC)
    fill_tables(platform, models, rows=given.rows, now=now)
    fill_journals(platform, models)
    fill_handles(platform, models, now=now)
    repository = build_definitions(load_declarations([folder])).get_repository_def()
    print("| sensor | first tick, of CPU | asks for | steady, of CPU |")
    print("| --- | --- | --- | --- |")
    with open_instance(platform.settings) as instance:
        fill_history(instance, models, now=now)
        for name in SENSORS:
            ticks = Ticks(repository, instance, name)
            first = [ticks.tick(None) for _ in range(given.rounds)]
            asked = ticks.asked_once(len(first))
            steady = [ticks.tick(ticks.cursor) for _ in range(given.rounds)]
            print(f"| {name} | {told(first)} | {asked} | {told(steady)} |", flush=True)
        before = ticks.cursor
        report_checks(instance, models, count=2_000)
        news = [ticks.tick(before) for _ in range(given.rounds)]
        print(f"| alerts, news | | | {told(news)} |")


class Ticks:
    """Ticks of one sensor, each with the cursor of the one before."""

    def __init__(self, repository: Any, instance: Any, name: str) -> None:
        self._repository, self._instance = repository, instance
        self._sensor = repository.get_sensor_def(name)
        self._asked: list[list[str]] = []
        self.cursor: str | None = None

    def tick(self, cursor: str | None) -> tuple[float, float]:
        """The seconds of a tick, by the clock and of CPU."""
        import dagster as dg

        from ml_platform.component.platform import PlatformResource

        clock, cpu = time.perf_counter(), time.process_time()
        with dg.build_sensor_context(
            instance=self._instance,
            cursor=cursor,
            repository_def=self._repository,
            resources={"platform": PlatformResource()},
        ) as context:
            found = self._sensor.evaluate_tick(context)
        taken = time.perf_counter() - clock, time.process_time() - cpu
        self.cursor = found.cursor
        self._asked.append(sorted(request.run_key or "" for request in found.run_requests or ()))
        return taken

    def asked_once(self, ticks: int) -> int:
        """How many runs the same tick asks for, which has to be the same ones each time."""
        asked = self._asked[-ticks:]
        if any(each != asked[0] for each in asked):
            raise SystemExit("the same tick asks for other runs when it comes again")
        return len(asked[0])


def fill(platform, models: list[str], under_way: int) -> None:
    """Fill the store of releases in one transaction."""
    from sqlalchemy import create_engine, text

    from ml_platform.release import rows, tables
    from ml_platform.release.state import replay

    platform.releases.models()  # makes the tables
    with create_engine(platform.settings.release_url).begin() as connection:
        for number, model in enumerate(models):
            done = transitions(model, is_open=number < under_way)
            state = replay(model, done)
            stored = [rows.transition_row(each) for each in done]
            connection.execute(text(tables.INSERT), stored)
            connection.execute(text(tables.PUT_STATE), rows.state_row(state))
            if state.opened:
                connection.execute(text(tables.PUT_EVIDENCE), counted(state))


def transitions(model: str, *, is_open: bool) -> list:
    from ml_platform.release.plan import Plan, Stage, Step
    from ml_platform.release.state import Action, Transition
    from ml_platform.testing.releases import START

    plan = Plan(steps=(Step(stage=Stage.CANARY, percent=5, min_predictions=10**9),) * 2)
    actions = FINISHED[:-1] if is_open else FINISHED
    versions = (1, 2, 2, 2, 2, 2, 3, 3)
    return [
        Transition(
            model=model,
            revision=revision,
            action=Action(action),
            version=version,
            at=START,
            who="benchmark",
            why="benchmark",
            evidence={"service": ["x" * 1000]},
            plan=plan if action == "open" else None,
        )
        for revision, (action, version) in enumerate(zip(actions, versions, strict=False), 1)
    ]


def counted(state) -> list[dict[str, object]]:
    """Rows of evidence of two workers, for champion and candidate."""
    from ml_platform.release.evidence import Counts

    bins = dict.fromkeys(range(60), 100)
    counts = Counts(
        requests=6000,
        errors={"raised": 6},
        refusals={"missing": 30},
        latency=bins,
        model_latency=bins,
        scores=dict.fromkeys(range(-20, 20), 300),
    ).to_json()
    where = {"model": state.model, "entered": state.entered, "counts": counts}
    return [
        {**where, "worker": worker, "version": version, "role": role}
        for worker in ("a", "b")
        for version, role in ((2, "champion"), (3, "candidate"))
    ]


def told(seconds: list[tuple[float, float]]) -> str:
    """Median by the clock with the worst, and the median of CPU."""
    clock, cpu = zip(*seconds, strict=True)
    middle = statistics.median(clock)
    return (
        f"{1e3 * middle:.0f} ms (worst {1e3 * max(clock):.0f}), {1e3 * statistics.median(cpu):.0f}"
    )


if __name__ == "__main__":
    main()
