"""Ten thousand requests that nobody should send: how many are answered with 5xx.

    python benchmarks/fuzz_http.py [--count 10000] [--seed 7]

Starts a small model's service with its journal on, or asks one that is running (--address host:port
--record file.json). Prints how often each status came, and each request that got a 5xx.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ml_platform_tests.serving.raw_requests import fuzzed
from ml_platform_tests.serving.small_service import small_service


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--address", help="host:port of a running service")
    parser.add_argument("--record", type=Path, help="a good record for it, as JSON")
    options = parser.parse_args()
    if options.address:
        host, _, port = options.address.rpartition(":")
        record = json.loads(options.record.read_text())
        return report((host, int(port)), record, options)
    with small_service() as (service, record):
        return report((service.host, service.port), record, options)


def report(address: tuple[str, int], record: dict[str, object], options: argparse.Namespace) -> int:
    started = time.perf_counter()
    statuses, failed = fuzzed(address, record, count=options.count, seed=options.seed)
    seconds = time.perf_counter() - started
    print(f"{options.count:,} requests in {seconds:.0f} s, seed {options.seed}")
    for status, count in sorted(statuses.items()):
        print(f"  {status or 'no answer'}: {count:,}")
    print(f"5xx: {len(failed)}")
    for sent in failed[:20]:
        print(f"  {sent[:300]!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
