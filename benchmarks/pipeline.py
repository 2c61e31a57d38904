"""The whole pipeline on the flights against a script by hand that does the same work.

    python benchmarks/pipeline.py [--rounds N]

Both are processes of their own, cold, each round in a fresh home, with the same libraries; the
script is benchmarks/harness/by_hand.py.
"""

import argparse

from harness.interleaved import against_by_hand


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    against_by_hand("flight_delays", rounds=parser.parse_args().rounds, goal="1.25 at most")


if __name__ == "__main__":
    main()
