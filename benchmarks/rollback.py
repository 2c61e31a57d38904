"""From `ml-platform rollback` to its effect on every worker of a running service.

    python benchmarks/rollback.py [--rounds N]

Each round promotes another version, waits until all workers serve it, and calls the command in this
process. Its effect is when the last worker has told the release store that it serves the version
before: a second thread looks every few milliseconds. Its proof is when the command knows so too,
and has asked the service itself over HTTP. The home has no registered versions, so the aliases in
MLflow, which the command sets after its proof, are in neither.
"""

import argparse
import contextlib
import io
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.chaos_stage import WORKERS, Figure, Stage, on_stage
from harness.live_models import BETTER, GOOD, MODEL, home_with_versions, move

from ml_platform.clock import utc_now
from ml_platform.release.state import Action

GOAL_SECONDS = 1.0
_LOOK_EVERY = 0.005
_PATIENCE = 30.0


def rollbacks(stage: Stage, rounds: int) -> list[Figure]:
    """Roll back time and again; the median and the worst time to its effect, and to its proof."""
    effects, proofs = list[float](), list[float]()
    for _ in range(rounds):
        move(stage.store, Action.PROMOTE_DIRECT, BETTER)
        stage.followed()
        effect, proof = _rolled_back(stage)
        effects.append(effect)
        proofs.append(proof)
        assert stage.store.state(MODEL).champion == GOOD
    return [
        _figure(f"rollback to its effect on all {WORKERS} workers, {rounds} rounds", effects),
        _figure("rollback to the proof on the screen", proofs),
    ]


def _rolled_back(stage: Stage) -> tuple[float, float]:
    """Seconds from the command until all workers follow, and until it has said so."""
    revision = stage.store.revision(MODEL) + 1
    said = _Said()
    with ThreadPoolExecutor(1) as looking:
        started = time.perf_counter()
        effect = looking.submit(_in_effect, stage, revision)
        _command(said)
        return effect.result() - started, said.at - started


def _command(said: "_Said") -> None:
    from ml_platform.cli.rollback import rollback

    assert rollback.callback is not None
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        rollback.callback(model=MODEL, to=None, reason="a benchmark", by="bench", as_json=False)


class _Said(io.StringIO):
    """What the command prints; knows when its last line came."""

    at = 0.0

    def write(self, text: str) -> int:
        self.at = time.perf_counter()
        return super().write(text)


def _in_effect(stage: Stage, revision: int) -> float:
    """When all live workers serve that revision."""
    deadline = time.perf_counter() + _PATIENCE
    while time.perf_counter() < deadline:
        live = [one for one in stage.store.workers(MODEL) if one.live(now=utc_now())]
        if len(live) >= WORKERS and all(one.revision >= revision for one in live):
            return time.perf_counter()
        time.sleep(_LOOK_EVERY)
    raise TimeoutError(f"not every worker followed within {_PATIENCE:g} s")


def _figure(what: str, seconds: list[float]) -> Figure:
    median, worst = statistics.median(seconds), max(seconds)
    measured = f"{median * 1e3:.0f} ms in the median, {worst * 1e3:.0f} ms at worst"
    return Figure(what, measured, f"at most {GOAL_SECONDS:g} s", worst <= GOAL_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        home = Path(temporary)
        os.environ["ML_PLATFORM_HOME"] = str(home)
        home_with_versions(home, (GOOD, BETTER))
        with on_stage(home) as stage:
            for figure in rollbacks(stage, options.rounds):
                print(figure, flush=True)


if __name__ == "__main__":
    main()
