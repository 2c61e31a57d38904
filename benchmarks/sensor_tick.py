"""What a tick of the releases sensor costs over many models, on SQLite.

    python benchmarks/sensor_tick.py [--models 1000] [--open 50] [--rounds 9]

Each model has eight transitions. Each open release is in canary with evidence of two workers, full
histograms, and too few predictions to go on, so that nothing moves: what a tick usually is.
`sensor` is Dagster's evaluation of a tick within the process, with the cursor of all models;
`decisions` is all that it does, without Dagster.
"""

import argparse
import os
import statistics
import tempfile
import time

FINISHED = ("promote_direct", "open", "advance", "hold", "resume", "promote", "open", "reject")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--open", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["ML_PLATFORM_HOME"] = home
        measure(given.models, given.open, given.rounds)


def measure(models: int, under_way: int, rounds: int) -> None:
    import dagster as dg

    from ml_platform.clock import utc_now
    from ml_platform.component.platform import Platform, PlatformResource
    from ml_platform.component.releases import releases_sensor
    from ml_platform.component.steps.advance import advance
    from ml_platform.settings import Settings

    platform = Platform(Settings.from_environment())
    seen = fill(platform, models, under_way)
    resources = {"platform": PlatformResource()}
    sensor = releases_sensor()
    definitions = dg.Definitions(sensors=[sensor], resources=resources)
    repository = definitions.get_repository_def()
    decisions, ticks = [], []
    cursor: str | None = None
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(rounds):
            started = time.perf_counter()
            found = advance(platform, seen=seen, now=utc_now())
            decisions.append(time.perf_counter() - started)
            assert (found.under_way, found.moved, found.news) == (under_way, 0, ())
            started = time.perf_counter()
            with dg.build_sensor_context(
                instance=instance, cursor=cursor, repository_def=repository, resources=resources
            ) as context:
                cursor = sensor.evaluate_tick(context).cursor
            ticks.append(time.perf_counter() - started)
    print("| models | open | transitions | decisions, median (worst) | sensor, median (worst) |")
    print("| --- | --- | --- | --- | --- |")
    print(
        f"| {models:,} | {under_way} | {sum(seen.values()):,} | {told(decisions)} | {told(ticks)} |"
    )


def fill(platform, models: int, under_way: int) -> dict[str, int]:
    """Fill the store in one transaction; the revision of each model."""
    from sqlalchemy import create_engine, text

    from ml_platform.release import rows, tables
    from ml_platform.release.state import replay

    platform.releases.models()  # makes the tables
    seen: dict[str, int] = {}
    with create_engine(platform.settings.release_url).begin() as connection:
        for number in range(models):
            done = transitions(f"model_{number:04}", is_open=number < under_way)
            state = replay(done[0].model, done)
            seen[state.model] = state.revision
            stored = [rows.transition_row(each) for each in done]
            connection.execute(text(tables.INSERT), stored)
            connection.execute(text(tables.PUT_STATE), rows.state_row(state))
            if state.opened:
                connection.execute(text(tables.PUT_EVIDENCE), counted(state))
    return seen


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


def told(seconds: list[float]) -> str:
    return f"{1e3 * statistics.median(seconds):.0f} ms ({1e3 * max(seconds):.0f} ms)"


if __name__ == "__main__":
    main()
