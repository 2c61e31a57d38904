"""A model that is trained in a second, and the command in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

DECLARATION = """\
type: ml_platform.MLModel
attributes:
  name: small
  owner: a@b.org
  description: Is it late?
  intended_use: Tests.
  task: binary
  data:
    source: {type: csv, path: rows.csv}
    target: late
    contract:
      version: 1
      columns:
        amount: {dtype: float64, min: 0, max: 100}
        late: {dtype: int64, allowed: [0, 1]}
  features: {numeric: [amount]}
  split: {type: stratified, holdout: 0.25, seed: 7}
  training: {type: xgboost, rounds: 5, params: {max_depth: 2}, seed: 7}
  evaluation: {metrics: [roc_auc], bootstrap: 0, evidently: never}
  gates:
    - {type: minimum_metric, metric: roc_auc, floor: 0.6}
"""


def write_model(root: Path) -> Path:
    """The folder of a declared model below `root`, with 400 rows that are easy to learn."""
    folder = root / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "defs.yaml").write_text(DECLARATION)
    rows = (f"{i % 100},{int(i % 100 > 50)}" for i in range(400))
    (folder / "rows.csv").write_text("amount,late\n" + "\n".join(rows) + "\n")
    return folder


def ml_platform(model: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a script does."""
    return subprocess.run(
        [sys.executable, "-m", "ml_platform", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=model.parent,
        env=environment(model),
        timeout=300,
    )


def environment(model: Path) -> dict[str, str]:
    """What it finds in its environment: the folder of models, and a home beside it."""
    own = {
        "ML_PLATFORM_HOME": str(model.parents[1] / "home"),
        "ML_PLATFORM_MODELS": str(model.parent),
    }
    kept = {key: value for key, value in os.environ.items() if key != "DAGSTER_HOME"}
    return kept | own
