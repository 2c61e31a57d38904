"""`ml-platform train` of a 1,000-row model, cold, against a script by hand that does the same.

    python benchmarks/cold_start.py [--rounds N]

Also timed: the same command again, when nothing has changed since.
"""

import argparse
import sys
import tempfile

from harness.interleaved import Cost, against_by_hand, cost_of, median_of


def again(model: str, *, rounds: int) -> Cost:
    """Median cost of `train` on a home where the model is trained already."""
    command = [sys.executable, "-m", "ml_platform", "train", model]
    with tempfile.TemporaryDirectory() as home:
        environ = {"ML_PLATFORM_HOME": home, "DAGSTER_HOME": f"{home}/dagster"}
        cost_of(command, environ=environ)
        return median_of([cost_of(command, environ=environ) for _ in range(rounds)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    goal = "2 at most, and ml-platform 12 s at most"
    against_by_hand("small_credit", rounds=rounds, goal=goal)
    print(f"unchanged    {again('small_credit', rounds=rounds)} (nothing to train)")


if __name__ == "__main__":
    main()
