"""Tables of verdicts for the gates on what a version takes while it runs."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from harness.ballast import save_model
from harness.lines import HEAD, Table, line, line_of

from ml_platform.evaluation.report import Evaluation
from ml_platform.gates.evidence import EvaluationEvidence, Runtime, Runtimes
from ml_platform.gates.load import Load
from ml_platform.gates.load_test import LoadTest
from ml_platform.gates.memory import Memory
from ml_platform.task import Task

NORMAL_P95 = 1.6449
HELD = 20_000_000
"""Bytes of the champion's model."""


def load_test_errors(seconds: float) -> Iterator[list[str]]:
    """1,000 answers of which each fails by itself with a known chance; all in time."""
    for most in (0.0, 0.01):
        gate = LoadTest(max_error_rate=most)
        for rate in (0.0, 0.0005, 0.001, 0.005) if most == 0 else (0.001, 0.005, 0.01, 0.02):
            yield line_of(
                lambda seed, g=gate, e=rate: g.judge_load(answers(seed, errors=e, p95_ms=50)),
                [f"{most:.0%}", f"{rate:.2%}"],
                seconds=seconds,
            )


def load_test_p95(seconds: float) -> Iterator[list[str]]:
    """1,000 and 10,000 answers of lognormal times with a known 95th percentile."""
    for requests in (1_000, 10_000):
        gate = LoadTest(requests=requests)
        for spread in (0.3, 1.0):
            for p95 in (80, 95, 100, 105, 120):
                yield line_of(
                    lambda seed, g=gate, s=spread, p=p95: g.judge_load(
                        answers(seed, requests=g.requests, spread=s, p95_ms=p)
                    ),
                    [f"{requests:,}", f"{spread:g}", f"{p95} ms"],
                    seconds=seconds / 3,
                )


def answers(
    seed: int, *, p95_ms: float, requests: int = 1_000, errors: float = 0.0, spread: float = 0.3
) -> Load:
    """What a service of that chance of an error and that 95th percentile gave."""
    rng = np.random.default_rng(seed)
    failed = int(rng.binomial(requests, errors))
    times = np.exp(spread * (rng.normal(size=requests - failed) - NORMAL_P95)) * p95_ms / 1e3
    return Load(seconds=tuple(times.tolist()), errors=("503",) * failed, took=1.0)


def memory(seconds: float) -> Iterator[list[str]]:
    """Real loads, each pair in a process of its own; the candidate holds known bytes more."""
    gate = Memory(max_increase=0.1)
    here = str(Path(__file__).parents[1])  # where the processes that load find the trainer
    os.environ["PYTHONPATH"] = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
    with TemporaryDirectory() as below:
        champion = _runtime(Path(below) / "champion", version=1, held=HELD)
        resident = int(np.median([gate.measure([champion])[0] for _ in range(5)]))
        for more in (0.0, 0.05, 0.09, 0.11, 0.2):
            folder = Path(below) / f"{more:g}"
            candidate = _runtime(folder, version=2, held=HELD + int(more * resident))
            loaded = Runtimes(candidate=candidate, records=[], champion=champion)
            yield line(
                gate,
                lambda _, each=loaded: _evidence(each),
                [f"{resident / 1e6:.0f} MB", f"{more:.0%} more ({more * resident / 1e6:.1f} MB)"],
                seconds=seconds,
            )


def _runtime(folder: Path, *, version: int, held: int) -> Runtime:
    save_model(folder, held=held)
    return Runtime(version=version, folder=folder, predict=lambda records: records)


def _evidence(runtimes: Runtimes) -> EvaluationEvidence:
    nothing = Evaluation(
        task=Task.REGRESSION, rows=0, metrics={}, confidence=0.95, rounds=0, seed=0
    )
    return EvaluationEvidence(evaluation=nothing, runtimes=lambda: runtimes)


def tables(seconds: float) -> list[Table]:
    """Every table: its title, the labels of its lines, and its lines."""
    return [
        (
            "`load_test`: errors among 1,000 requests",
            ["allowed", "true rate", *HEAD],
            load_test_errors(seconds),
        ),
        (
            "`load_test`: p95 of 100 ms allowed, lognormal times",
            ["requests", "spread", "true p95", *HEAD],
            load_test_p95(seconds),
        ),
        (
            "`memory`: 10 % more than the champion is allowed",
            ["the champion's process", "truth", *HEAD],
            memory(seconds),
        ),
    ]
