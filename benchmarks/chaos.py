"""What the live service does when everything around it goes wrong, under load all the time.

    python benchmarks/chaos.py [--swaps N] [--worker-kills N] [--kills N] [--away SECONDS]
                               [--only SCENARIO ...] [--json]

Each scenario asks the real service over HTTP, with its journal on, and counts answers.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.chaos_candidates import bad_candidate, leaking_candidate
from harness.chaos_faults import clock_jumps, disk_full, kills, store_away, swaps, worker_kills
from harness.chaos_stage import Figure
from harness.live_models import HANGS, LEAKS, NAN, RAISES, home_with_versions

VERSIONS = (1, 2, RAISES, HANGS, NAN, LEAKS)


def scenarios(options: argparse.Namespace) -> dict[str, Callable[[Path], list[Figure]]]:
    """Every scenario by its name; each gets the home and returns its lines of the table."""
    return {
        "swaps": lambda home: swaps(home, options.swaps),
        "worker_kills": lambda home: worker_kills(home, options.worker_kills),
        "kills": lambda home: kills(home, options.kills),
        "store_away": lambda home: store_away(home, options.away),
        "raises": lambda home: bad_candidate(home, RAISES, "raises"),
        "nan": lambda home: bad_candidate(home, NAN, "answers NaN"),
        "hangs": lambda home: bad_candidate(home, HANGS, "hangs"),
        "leaks": leaking_candidate,
        "clock": clock_jumps,
        "disk_full": disk_full,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--worker-kills", type=int, default=20)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--away", type=float, default=60.0)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--json", action="store_true", help="one JSON object, for the tests")
    options = parser.parse_args()
    every = scenarios(options)
    lines: list[Figure] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        home = Path(temporary)
        home_with_versions(home, VERSIONS)
        for name in options.only or every:
            found = every[name](home)
            lines += found
            if not options.json:
                print(*found, sep="\n", flush=True)
    if options.json:
        print(json.dumps([line._asdict() for line in lines]))


if __name__ == "__main__":
    main()
