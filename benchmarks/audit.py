"""How often the bias audit errs: feedback of known truth, judged as the platform judges it.

    python benchmarks/audit.py [--quick] [--write docs/verdicts.md]

Each audit has three slices of 4, 8 and 3 values, ten score bands, two decisions, two roles and
eight columns of ten bins; the labels of a share of the predictions come, chosen by chance alone
(clean) or with a planted selection. Shares are over simulated months of seeds 0, 1, 2, ...
"""

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ml_platform.feedback.audit import Coverage, Feedback, SourceLabels, audit
from ml_platform.spec.feedback import AuditSpec

SPEC = AuditSpec()
SLICES = {"origin": 4, "carrier": 8, "segment": 3}
HEAD = "| truth | predictions | labeled | failed | inconclusive | passed | months |"
MARK = "<!-- audit -->"

Chance = Callable[[dict[str, np.ndarray], float], np.ndarray]


def month(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """Group of every prediction, by variable."""
    score = rng.random(rows)
    return {
        **{name: rng.integers(0, count, rows) for name, count in SLICES.items()},
        "score band": (score * 10).astype(np.int64),
        "decision": (score > 0.7).astype(np.int64),
        "role": (rng.random(rows) < 0.05).astype(np.int64),
        **{f"column {k}": rng.integers(0, 10, rows) for k in range(7)},
        "column 7": np.minimum((score + rng.normal(0, 0.2, rows)).clip(0, 0.999) * 10, 9).astype(
            int
        ),
    }


def clean(groups: dict[str, np.ndarray], share: float) -> np.ndarray:
    return np.full(len(groups["role"]), share)


def by_decision(groups: dict[str, np.ndarray], share: float) -> np.ndarray:
    return np.where(groups["decision"] == 1, share - 0.2, share)


def one_slice(groups: dict[str, np.ndarray], share: float) -> np.ndarray:
    return np.where(groups["carrier"] == 0, share - 0.25, share)


def by_score(groups: dict[str, np.ndarray], share: float) -> np.ndarray:
    return share - 0.4 * groups["score band"] / 10


def by_column(groups: dict[str, np.ndarray], share: float) -> np.ndarray:
    return share * (0.2 + 0.8 * groups["column 0"] / 9)


def judged(seed: int, rows: int, share: float, chance: Chance) -> str:
    rng = np.random.default_rng(seed)
    groups = month(rng, rows)
    labeled = rng.random(rows) < chance(groups, share)
    coverages = [
        Coverage(
            name,
            "column" if name.startswith("column") else name if name not in SLICES else "slice",
            tuple(map(str, range(int(values.max()) + 1))),
            np.bincount(values),
            np.bincount(values[labeled], minlength=int(values.max()) + 1),
        )
        for name, values in groups.items()
    ]
    told = int(labeled.sum())
    wrong = int(rng.binomial(told, 0.02))
    feedback = Feedback(
        predicted=rows,
        labeled=told,
        coverages=coverages,
        sources=[SourceLabels("bank", told, wrong)],
        delivered=told,
    )
    return audit(feedback, SPEC).result.verdict


TRUTHS: dict[str, Chance] = {
    "clean": clean,
    "a decision labeled 20 points less": by_decision,
    "one of eight slices 25 points less": one_slice,
    "falls with the score by 36 points": by_score,
    "a column decides, 20 % to 100 % of the share": by_column,
}


def lines(months: int) -> list[str]:
    found = [HEAD, "| --- " * 7 + "|"]
    print("\n".join(found))
    for truth, chance in TRUTHS.items():
        for rows in (1_000, 5_000, 20_000, 100_000, 1_000_000):
            for share in (0.5, 0.9) if truth == "clean" else (0.7,):
                times = min(months, max(20, 20_000_000 // rows))
                counts = Counter(judged(seed, rows, share, chance) for seed in range(times))
                cells = [
                    f"{100 * counts[verdict] / times:.1f} %"
                    for verdict in ("failed", "inconclusive", "passed")
                ]
                head = [truth, f"{rows:,}", f"{share:.0%}"]
                found.append(f"| {' | '.join([*head, *cells, f'{times:,}'])} |")
                print(found[-1], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the months")
    parser.add_argument("--write", type=Path, help="put the table into this document")
    options = parser.parse_args()
    table = lines(100 if options.quick else 1_000)
    if options.write:
        text = options.write.read_text(encoding="utf-8")
        head, _, rest = text.partition(MARK)
        _, _, tail = rest.partition(MARK)
        body = "\n".join([MARK, *table, MARK])
        options.write.write_text(f"{head}{body}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
