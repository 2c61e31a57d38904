"""The gate `reproducibility`."""

from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from ml_platform.exceptions import MLPlatformError
from ml_platform.gates.evidence import TrainingEvidence
from ml_platform.gates.gate import GATES, Gate, Stage
from ml_platform.gates.result import GateResult


@GATES.register
class Reproducibility(Gate[TrainingEvidence]):
    """Train twice on the same rows: the saved models must be equal, bit for bit.

    rows: how many are drawn for it; few show chance in the declaration, and `ml-platform
        reproduce` compares a whole version, threads included.
    """

    stage: ClassVar[Stage] = Stage.TRAINED_MODEL

    type: Literal["reproducibility"] = "reproducibility"
    rows: int = Field(default=500, ge=10)

    def judge(self, evidence: TrainingEvidence) -> GateResult:
        """Compare the files of both; training that fails is inconclusive here."""
        sample = self._sample(evidence)
        rows = len(sample)
        if rows < 2 or sample[evidence.target].nunique() < 2:
            reason = f"{rows} rows with one target value are too little to learn from"
            return GateResult(verdict="inconclusive", rows=rows, reason=reason)
        try:
            first, second = (self._train(evidence, sample) for _ in range(2))
        except MLPlatformError as error:
            reason = f"training on {rows:,} rows failed: {error}"
            return GateResult(verdict="inconclusive", rows=rows, reason=reason)
        differing = sorted(
            name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
        )
        files = f"{len(differing)} of {len(first.keys() | second.keys())} files differ"
        same = f"trained twice on {rows:,} rows: all {len(first)} files are equal, bit for bit"
        return GateResult(
            verdict="failed" if differing else "passed",
            value=float(len(differing)),
            bound=0.0,
            rows=rows,
            reason=f"{files} ({', '.join(differing)}) on {rows:,} rows" if differing else same,
        )

    def _sample(self, evidence: TrainingEvidence) -> pd.DataFrame:
        frame = evidence.frame
        if len(frame) <= self.rows:
            return frame
        rng = np.random.default_rng(evidence.seed)
        return frame.iloc[np.sort(rng.choice(len(frame), self.rows, replace=False))]

    def _train(self, evidence: TrainingEvidence, sample: pd.DataFrame) -> dict[str, str]:
        model = evidence.fit(sample)
        with TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            model.save(folder, folder_of_declaration=evidence.folder)
            return digests(folder)


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of every file below a folder, by its path in it."""
    found: dict[str, str] = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        with file.open("rb") as stream:
            found[file.relative_to(folder).as_posix()] = file_digest(stream, "sha256").hexdigest()
    return found
