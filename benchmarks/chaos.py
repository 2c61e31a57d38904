"""What the live service does when everything around it goes wrong, under load all the time.

    python benchmarks/chaos.py [--swaps N] [--worker-kills N] [--kills N] [--away SECONDS]
                               [--pause SECONDS] [--only SCENARIO ...] [--json]

Each scenario asks the real service over HTTP, with its journal on, and counts answers. Clients ask
as soon as they are answered; with --pause they wait in the scenarios of the one running service.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.chaos_candidates import bad_candidate, leaking_candidate
from harness.chaos_faults import clock_jumps, disk_full, kills, store_away, swaps, worker_kills
from harness.chaos_stage import Figure, Stage, on_stage
from harness.live_models import HANGS, LEAKS, NAN, RAISES, home_with_versions

VERSIONS = (1, 2, RAISES, HANGS, NAN, LEAKS)


def on_one_service(options: argparse.Namespace) -> dict[str, Callable[[Stage], list[Figure]]]:
    """Scenarios that a running service goes through one after another, by name."""
    return {
        "swaps": lambda stage: swaps(stage, options.swaps),
        "worker_kills": lambda stage: worker_kills(stage, options.worker_kills),
        "store_away": lambda stage: store_away(stage, options.away),
        "raises": lambda stage: bad_candidate(stage, RAISES, "raises"),
        "nan": lambda stage: bad_candidate(stage, NAN, "answers NaN"),
        "hangs": lambda stage: bad_candidate(stage, HANGS, "hangs"),
        "disk_full": disk_full,
        "leaks": leaking_candidate,
    }


def on_their_own(options: argparse.Namespace) -> dict[str, Callable[[Path], list[Figure]]]:
    """Scenarios that start services themselves."""
    return {"kills": lambda home: kills(home, options.kills), "clock": clock_jumps}


def figures(home: Path, options: argparse.Namespace) -> Iterator[Figure]:
    """Go through the scenarios asked for; each gives its lines of the table."""
    shared, own = on_one_service(options), on_their_own(options)
    asked = options.only or [*shared, *own]
    if any(name in shared for name in asked):
        with on_stage(home, pause=options.pause) as stage:
            for name in filter(shared.__contains__, asked):
                stage.set()
                yield from shared[name](stage)
    for name in filter(own.__contains__, asked):
        yield from own[name](home)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--worker-kills", type=int, default=20)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--away", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=0.0, help="of clients, in seconds")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--json", action="store_true", help="one JSON object, for the tests")
    options = parser.parse_args()
    lines: list[Figure] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        home = Path(temporary)
        home_with_versions(home, VERSIONS)
        for line in figures(home, options):
            lines.append(line)
            if not options.json:
                print(line, flush=True)
    if options.json:
        print(json.dumps([line._asdict() for line in lines]))


if __name__ == "__main__":
    main()
