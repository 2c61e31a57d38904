"""What the gates of `flight_delays` cost, against the training of the model that they judge.

    python benchmarks/gates.py [--rounds N]

A version of rows until a week earlier is released, so that there are a champion and a snapshot to
compare with. Each round then judges a candidate of another seed, with all evidence that the gates
ask for, and times the fit beside it. `service_smoke`, which starts the Bento as a service, is timed
by itself, and so is what no service is below: one of BentoML's without a model. `load_test` is left
out. Both the clock and the CPU are told: the fit takes all cores, the gates one. Goal: 0.5 at most.
"""

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen
from uuid import uuid4

DECLARATION = Path(__file__).parents[1] / "ml_platform" / "defs" / "flight_delays" / "defs.yaml"
TIMED = {
    "data gates": ("validate", "judge_data"),
    "training gates": ("train", "judge_training"),
    "evaluation gates": ("evaluate", "judge_evaluation"),
    "service_smoke": ("deploy", "_judge"),
    "fit": ("train", "fit_model"),
}

EMPTY = """
import bentoml

@bentoml.service(workers=1)
class Empty:
    @bentoml.api
    def ask(self) -> str:
        return ""
"""


class Spent(NamedTuple):
    """Seconds by the clock and of this process's CPU."""

    wall: float = 0.0
    cpu: float = 0.0


class Stopwatch:
    """What was spent in named functions of the steps; a fit inside a gate counts as the gate's."""

    def __init__(self) -> None:
        self.spent: dict[str, Spent] = dict.fromkeys(TIMED, Spent())
        self._inside = False

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time taken under a name."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return function(*args, **kwargs)
            self._inside, wall, cpu = True, time.perf_counter(), time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._inside = False
                before = self.spent[name]
                self.spent[name] = Spent(
                    before.wall + time.perf_counter() - wall,
                    before.cpu + time.process_time() - cpu,
                )

        return timed


def one_round(declaration: Any, *, release: bool = False) -> dict[str, Spent]:
    """Judge a version from its rows to its service; what each part took."""
    from importlib import import_module
    from unittest import mock

    watch = Stopwatch()
    with ExitStack() as patches:
        for name, (step, function) in TIMED.items():
            module = import_module(f"ml_platform.component.steps.{step}")
            timed = watch.around(name, getattr(module, function))
            patches.enter_context(mock.patch.object(module, function, timed))
        version = judged_version(declaration)
    if release:
        promote(declaration, version)
    return watch.spent


def judged_version(declaration: Any) -> int:
    """Read, validate, train, evaluate, build and test, as the assets do; the version."""
    from ml_platform.component.platform import Platform
    from ml_platform.component.steps import deploy, evaluate, ingest, train, validate
    from ml_platform.settings import Settings

    platform, now = Platform(Settings.from_environment()), datetime.now(UTC)
    raw = ingest.ingest(declaration, platform).handle
    valid = validate.validate_rows(declaration, platform, raw, now=now).handle
    assert valid is not None
    run = train.RunIdentity(uuid4().hex, uuid4().hex)
    trained = train.train_version(declaration, platform, valid, run=run, force=True).handle
    assert trained is not None
    report = evaluate.evaluate_version(declaration, platform, trained, now=now).handle
    deploy.build_and_test(declaration, platform, report, now=now)
    return trained.version


def empty_service(folder: Path) -> float:
    """Seconds until BentoML answers for a service without a model and without code of ours."""
    from ml_platform.cli.ports import choose_ports

    (folder / "empty.py").write_text(EMPTY, encoding="utf-8")
    [port] = choose_ports([0])
    command = [sys.executable, "-m", "bentoml", "serve", "empty:Empty", "--port", str(port)]
    quiet, started = subprocess.DEVNULL, time.perf_counter()
    server = subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet)
    try:
        while server.poll() is None:
            try:
                urlopen(f"http://127.0.0.1:{port}/livez", timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return time.perf_counter() - started
        raise SystemExit(f"the empty service ended with {server.returncode}")
    finally:
        server.terminate()  # it ends its worker
        server.wait()


def promote(declaration: Any, version: int) -> None:
    from ml_platform.component.platform import Platform
    from ml_platform.release.state import Action, Transition
    from ml_platform.settings import Settings

    transition = Transition(
        model=declaration.spec.name,
        revision=1,
        action=Action.PROMOTE_DIRECT,
        version=version,
        at=datetime.now(UTC),
        who="benchmark",
        why="to compare with",
        evidence={},
    )
    Platform(Settings.from_environment()).releases.append(transition, expected_revision=0)


def another(declaration: Any, *, seed: int, end: str) -> Any:
    """The same model of other rows and another seed."""
    spec = declaration.spec
    source = spec.data.source.model_copy(
        update={"params": {**spec.data.source.params, "end": date.fromisoformat(end)}}
    )
    data = spec.data.model_copy(update={"source": source})
    training = spec.training.model_copy(update={"seed": seed})
    changed = spec.model_copy(update={"data": data, "training": training})
    return dataclasses.replace(declaration, spec=changed)


def main() -> None:
    from ml_platform.spec.load import load_declaration

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"ML_PLATFORM_HOME": home, "DAGSTER_HOME": f"{home}/dagster"}
        declaration = load_declaration(DECLARATION)
        one_round(another(declaration, seed=1, end="2013-03-25"), release=True)
        seen = [
            one_round(another(declaration, seed=2 + place, end="2013-04-01"))
            for place in range(rounds)
        ]
        empty = statistics.median(empty_service(Path(home)) for _ in range(rounds))
    for by in Spent._fields:
        median = {name: statistics.median(getattr(s[name], by) for s in seen) for name in TIMED}
        print(f"by {by}")
        for name, seconds in median.items():
            print(f"  {name:18} {seconds:7.2f} s")
        service, fit = median["service_smoke"], median["fit"]
        gates = sum(median.values()) - service - fit
        print(f"  gates / fit        {gates / fit:7.2f}   (goal: 0.5 at most)")
        if by == "wall":  # a service has CPU of its own
            print(f"  with service_smoke {(gates + service) / fit:7.2f}")
            print(f"  empty service / fit {empty / fit:6.2f}   (BentoML alone: {empty:.2f} s)")


if __name__ == "__main__":
    main()
