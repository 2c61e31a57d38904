"""How often a canary is taken back, simulated with known truth: 5 % of the keys, 100 looks."""

import time
from collections.abc import Callable, Iterator

import numpy as np
from harness.lines import Table

from ml_platform.release.evidence import Counts, latency_bin
from ml_platform.release.findings import Pair, findings
from ml_platform.release.plan import Plan, Stage, Step

LOOKS = 100
PERCENT = 5.0
FEWEST, MOST = 100, 2_000
HEAD = ["taken back", "candidate's requests until then, median", "releases"]
PLAN = Plan(steps=(Step(stage=Stage.CANARY, percent=PERCENT),))
Seen = tuple[Counts, Counts]


def tables(seconds: float) -> list[Table]:
    """Errors, refusals and latency, over base rates, volumes and rises."""
    return [
        (
            "canary: errors, 5 % of the keys, 100 looks",
            ["base rate", "requests in all", "truth", *HEAD],
            _errors(seconds),
        ),
        (
            "canary: the model's time (lognormal), 5 % of the keys, 100 looks",
            ["spread", "requests in all", "truth", *HEAD],
            _latency(seconds),
        ),
    ]


def _errors(seconds: float) -> Iterator[list[str]]:
    volumes = {0.05: (200_000, 500_000), 0.01: (500_000, 2_000_000), 0.001: (2_000_000,)}
    for base, every in volumes.items():
        for requests in every:
            for rise in (1.0, 1.1, 1.2, 1.5):
                labels = [f"{base:.1%}", f"{requests:,}", _rise(rise)]
                yield _line(
                    lambda seed, b=base, n=requests, r=rise: _failing(seed, b, n, r),
                    labels,
                    seconds=seconds,
                )


def _latency(seconds: float) -> Iterator[list[str]]:
    for spread in (0.3, 1.0):
        for requests in (20_000,) if spread < 1.0 else (20_000, 200_000):
            for rise in (1.0, 1.3, 1.5, 2.0):
                yield _line(
                    lambda seed, s=spread, n=requests, r=rise: _timed(seed, s, n, r),
                    [f"{spread}", f"{requests:,}", _rise(rise)],
                    seconds=seconds,
                )


def _line(
    looks: Callable[[int], Iterator[Seen]], labels: list[str], *, seconds: float
) -> list[str]:
    """Releases until time is up: how many are taken back, and how much the candidate had seen."""
    started, times = time.process_time(), 0
    until: list[int] = []
    for seed in range(MOST):
        times += 1
        found = _taken_back(looks(seed))
        until += [found] if found is not None else []
        if times >= FEWEST and time.process_time() - started > seconds:
            break
    median = f"{np.median(until):,.0f}" if until else "-"
    return [*labels, f"{100 * len(until) / times:.1f} %", median, f"{times:,}"]


def _taken_back(looks: Iterator[Seen]) -> int | None:
    """Requests of the candidate until a test called it harm, which is when `decide` acts."""
    for candidate, champion in looks:
        found = findings([Pair(candidate, champion)], PLAN)
        if any(each.verdict == "harm" for each in found):
            return candidate.requests
    return None


def _failing(seed: int, base: float, requests: int, rise: float) -> Iterator[Seen]:
    random = np.random.default_rng(seed)
    mine = random.binomial(requests // LOOKS, PERCENT / 100, LOOKS)
    theirs = requests // LOOKS - mine
    failed = random.binomial(mine, min(1.0, base * rise)).cumsum()
    against = random.binomial(theirs, base).cumsum()
    for look in range(LOOKS):
        yield (
            Counts(requests=int(mine[: look + 1].sum()), errors={"raised": int(failed[look])}),
            Counts(requests=int(theirs[: look + 1].sum()), errors={"raised": int(against[look])}),
        )


def _timed(seed: int, spread: float, requests: int, rise: float) -> Iterator[Seen]:
    random = np.random.default_rng(seed)
    mine = max(1, round(requests * PERCENT / 100 / LOOKS))
    candidate, champion = Counts(), Counts()
    for _ in range(LOOKS):
        candidate = candidate + _times(random, mine, spread, rise)
        champion = champion + _times(random, requests // LOOKS - mine, spread, 1.0)
        yield candidate, champion


def _times(random: np.random.Generator, count: int, spread: float, rise: float) -> Counts:
    times = 100.0 * rise * np.exp(spread * random.standard_normal(count))
    numbers, counts = np.unique(np.floor(4 * np.log2(np.maximum(times, 1))), return_counts=True)
    assert latency_bin(100.0) == int(4 * np.log2(100.0))
    bins = dict(zip(numbers.astype(int).tolist(), counts.tolist(), strict=True))
    return Counts(requests=count, model_latency=bins, model_latency_total=float(times.sum()))


def _rise(rise: float) -> str:
    return "equal" if rise == 1.0 else f"{rise - 1:+.0%}"
