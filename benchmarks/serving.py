"""One-row predictions over HTTP: this service in its modes, against what one writes by hand.

    python benchmarks/serving.py [--seconds S] [--rounds N] [--only NAME ...] [--end DATE]

Each server is one worker, pinned to one core; wrk asks from another. All serve the same trees
(XGBoost, 200 of depth 6, on flights): this service with contract check, ids, counts and journal;
bare Starlette on uvicorn with the same compiled model and none of that; the scikit-learn pipeline
in FastAPI, in BentoML and in `mlflow models serve`. In each round every server is asked by turns,
the others paused; a ratio is to bare Starlette of the same round. CPU is what all processes of a
server used for a request, which other work on the machine disturbs less than the clock.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from harness.servers import BARE, MLFLOW, OURS, Server, servers
from harness.serving_models import Forms, made
from harness.wrk import Answers, ask, require_wrk

CLIENTS = (1, 10, 50)
WARM_SECONDS = 1


class Seen(NamedTuple):
    """One server asked by so many clients in one round; CPU in microseconds a request."""

    answers: Answers
    cpu: float


Found = dict[tuple[str, int], list[Seen]]


def cores() -> tuple[int, int]:
    """One for the servers, one for wrk."""
    found = sorted(os.sched_getaffinity(0))
    if len(found) < 2:
        sys.exit("error: this benchmark needs two cores, one for the server and one for wrk")
    return found[0], found[1]


@contextmanager
def started(names: Sequence[str], forms: Forms, folder: Path) -> Iterator[dict[str, Server]]:
    """Start the servers, each where its answer is the pipeline's, and pause them."""
    with ExitStack() as stack:
        running: dict[str, Server] = {}
        for number, name in enumerate(names):
            own = folder / str(number)
            own.mkdir()
            server = stack.enter_context(servers()[name](forms, own))
            stack.callback(server.tell, signal.SIGCONT)
            answered = probability(server.first_answer())
            assert answered == forms.expected, (name, answered, forms.expected)
            server.tell(signal.SIGSTOP)
            running[name] = server
            print(f"started {name}", file=sys.stderr, flush=True)
        yield running


def probability(answer: Any) -> float:
    """The probability of the positive class, out of what any of the servers answers."""
    if "predictions" in answer:  # MLflow: of both classes, of each row
        return answer["predictions"][0][1]
    return answer["probability"]


def measured(server: Server, *, clients: int, seconds: int, core: int) -> Seen:
    before = server.cpu_seconds()
    answers = ask(server.url, server.bodies, clients=clients, seconds=seconds, core=core)
    spent = server.cpu_seconds() - before
    return Seen(answers, 1e6 * spent / max(answers.requests, 1))


def in_rounds(running: dict[str, Server], *, rounds: int, seconds: int, core: int) -> Found:
    found: Found = {}
    for number in range(rounds):
        order = list(running) if number % 2 == 0 else list(running)[::-1]
        for name in order:
            server = running[name]
            server.tell(signal.SIGCONT)
            ask(server.url, server.bodies, clients=10, seconds=WARM_SECONDS, core=core)
            for clients in CLIENTS:
                seen = measured(server, clients=clients, seconds=seconds, core=core)
                found.setdefault((name, clients), []).append(seen)
            server.tell(signal.SIGSTOP)
            rate = found[name, CLIENTS[1]][-1].answers.rate
            print(f"round {number + 1}: {name}, {rate:,.0f} a second", file=sys.stderr, flush=True)
    return found


def ratios(found: Found, name: str, to: str, clients: int) -> list[float]:
    """Requests a second, to those of another server, round by round."""
    pairs = zip(found[name, clients], found[to, clients], strict=True)
    return [mine.answers.rate / other.answers.rate for mine, other in pairs]


def cpu_ratios(found: Found, name: str, to: str, clients: int) -> list[float]:
    """CPU of a request of another server, to that of this one, round by round."""
    pairs = zip(found[name, clients], found[to, clients], strict=True)
    return [other.cpu / mine.cpu for mine, other in pairs]


def cell(found: Found, name: str, clients: int) -> str:
    """Requests a second, its ratio, percentiles, CPU: medians of the rounds."""
    seen = found[name, clients]
    rate = median(one.answers.rate for one in seen)
    times = [median(getattr(one.answers, p) for one in seen) for p in ("p50", "p95", "p99")]
    ratio = f" ({median(ratios(found, name, BARE, clients)):.2f} x)" if _has(found, BARE) else ""
    cpu = median(one.cpu for one in seen)
    failed = sum(one.answers.failed for one in seen)
    told = f"{rate:,.0f}{ratio}; {' / '.join(f'{time:.3g}' for time in times)}; {cpu:,.0f}"
    return told + (f"; {failed} FAILED" if failed else "")


def report(found: Found, names: Sequence[str]) -> None:
    """Print the table, and what there is to reach."""
    print("\nRequests a second (to bare Starlette); p50 / p95 / p99 ms; microseconds of CPU each\n")
    print("| server |" + "".join(f" c={clients} |" for clients in CLIENTS))
    print("| --- |" + " --- |" * len(CLIENTS))
    for name in names:
        print(f"| {name} |" + "".join(f" {cell(found, name, each)} |" for each in CLIENTS))
    print("\n| at c=10 | measured | goal | reached |\n| --- | --- | --- | --- |")
    for what, value, goal, reached in goals(found):
        print(f"| {what} | {value:.2f} | {goal} | {'yes' if reached else 'no'} |")


def goals(found: Found) -> Iterator[tuple[str, float, str, bool]]:
    """What was to be reached, where both sides of it were measured."""
    for name, to, least in (
        (OURS, BARE, 1.0),
        (OURS, MLFLOW, 100.0),
        ("ours, journal power", BARE, 0.6),
    ):
        if _has(found, name) and _has(found, to):
            for by, ratio in (("clock", ratios), ("CPU", cpu_ratios)):
                value = median(ratio(found, name, to, 10))
                yield f"{name}, to {to}, by {by}", value, f"at least {least:g}", value >= least
    if _has(found, OURS):
        p99 = median(one.answers.p99 for one in found[OURS, 10])
        yield f"{OURS}, p99 in ms", p99, "at most 2", p99 <= 2
    if _has(found, OURS) and _has(found, "ours, shadow on"):
        pairs = zip(found["ours, shadow on", 10], found[OURS, 10], strict=True)
        rise = median(shadow.answers.p99 / alone.answers.p99 for shadow, alone in pairs)
        yield "p99 with a shadow, to that without", rise, "at most 1.3", rise <= 1.3


def _has(found: Found, name: str) -> bool:
    return (name, CLIENTS[0]) in found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--end", default="2013-04-01", help="train on the flights until then")
    parser.add_argument("--only", nargs="*", choices=list(servers()), metavar="NAME")
    options = parser.parse_args()
    require_wrk()
    server_core, wrk_core = cores()
    names = options.only or list(servers())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        forms = made(folder, end=options.end)
        os.sched_setaffinity(0, {server_core})  # what is started from here on stays there
        with started(names, forms, folder) as running:
            before = os.getloadavg()[0]
            found = in_rounds(
                running, rounds=options.rounds, seconds=options.seconds, core=wrk_core
            )
    print(f"{os.cpu_count()} cores, load {before:.1f} before and {os.getloadavg()[0]:.1f} after")
    report(found, names)


if __name__ == "__main__":
    main()
