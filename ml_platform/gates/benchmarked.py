"""The evidence of a benchmark's frozen rows, in place of the holdout's."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_platform.gates.evidence import BenchmarkRows, ChampionEvidence, EvaluationEvidence


@dataclass(frozen=True, eq=False)
class Benchmarked:
    """Evidence of the rows of a benchmark that the candidate has not seen.

    document: which snapshot it was, for the certificate; JSON-ready.
    told: what a person should know of it, for the end of the reason.
    """

    evidence: EvaluationEvidence
    document: dict[str, Any]
    told: str


def of_benchmark(evidence: EvaluationEvidence, name: str) -> Benchmarked | str:
    """Put a benchmark in the place of the holdout, or say why it cannot be judged.

    On rows that it was trained on a candidate looks better than it is, so they are left out.
    """
    rows = evidence.benchmarks.get(name, f"benchmark {name} was not given to the gate")
    if isinstance(rows, str):
        return rows
    seen = int(rows.seen.sum())
    if seen == len(rows.seen):
        return (
            f"the candidate was trained on all {seen:,} rows of {rows.snapshot}, so they tell "
            "nothing; train anew, which leaves them out, or freeze other rows"
        )
    told = f"; on {rows.snapshot}"
    if seen:
        told += f", {seen:,} of whose {len(rows.seen):,} rows the candidate was trained on; they "
        told += "were left out"
    document = {
        "name": rows.name,
        "snapshot": rows.snapshot,
        "content_hash": rows.content_hash,
        "rows": len(rows.seen),
        "seen": seen,
    }
    return Benchmarked(_evidence(evidence, rows, ~rows.seen), document, told)


def _evidence(
    evidence: EvaluationEvidence, rows: BenchmarkRows, kept: NDArray[np.bool_]
) -> EvaluationEvidence:
    return replace(
        evidence,
        holdout=rows.frame[kept].reset_index(drop=True),
        target=rows.target[kept],
        scores=rows.scores[kept],
        champion=None if rows.champion is None else _champion(rows.champion, kept),
    )


def _champion(champion: ChampionEvidence, kept: NDArray[np.bool_]) -> ChampionEvidence:
    return replace(
        champion,
        scores=None if champion.scores is None else champion.scores[kept],
        seen=None if champion.seen is None else champion.seen[kept],
    )
