"""What the gates of `flight_delays` cost, against the training of the model that they judge.

    python benchmarks/gates.py [--rounds N]

The model is released once, so that there is a champion to compare with. Each round then judges a
candidate anew, with all evidence that the gates ask for, and times the fit beside it. The gates on
the running service, `service_smoke` and `load_test`, are left out. Goal: 0.5 at most.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

DECLARATION = Path(__file__).parents[1] / "ml_platform" / "defs" / "flight_delays" / "defs.yaml"
TIMED = {
    "data gates": ("validate", "judge_data"),
    "training gates": ("train", "judge_training"),
    "evaluation gates": ("evaluate", "judge_evaluation"),
    "fit": ("train", "fit_model"),
}


class Stopwatch:
    """Seconds spent in named functions of the steps; a fit inside a gate counts as the gate's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside = False

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time taken under a name."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return function(*args, **kwargs)
            self._inside, started = True, time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._inside = False
                spent = time.perf_counter() - started
                self.seconds[name] = self.seconds.get(name, 0.0) + spent

        return timed


def one_round(*, force: bool) -> dict[str, float]:
    from importlib import import_module
    from unittest import mock

    from ml_platform.component.run import train
    from ml_platform.settings import Settings
    from ml_platform.spec.load import load_declaration

    watch = Stopwatch()
    patches = []
    for name, (step, function) in TIMED.items():
        module = import_module(f"ml_platform.component.steps.{step}")
        timed = watch.around(name, getattr(module, function))
        patches.append(mock.patch.object(module, function, timed))
    for patch in patches:
        patch.start()
    outcome = train(
        load_declaration(DECLARATION), settings=Settings.from_environment(), force=force
    )
    mock.patch.stopall()
    if not outcome.success:
        raise SystemExit(outcome.error)
    return watch.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"ML_PLATFORM_HOME": home, "DAGSTER_HOME": f"{home}/dagster"}
        one_round(force=False)
        seen = [one_round(force=True) for _ in range(rounds)]
    median = {name: statistics.median(s.get(name, 0.0) for s in seen) for name in TIMED}
    for name, seconds in median.items():
        print(f"{name:18} {seconds:7.2f} s")
    gates = sum(seconds for name, seconds in median.items() if name != "fit")
    print(f"gates / fit        {gates / median['fit']:7.2f}   (goal: 0.5 at most)")


if __name__ == "__main__":
    main()
