"""A small valid declaration, for tests that break it in one place."""

from pathlib import Path

VALID = """\
type: ml_platform.MLModel
attributes:
  name: shop
  owner: shop@example.com
  description: Will the customer come back?
  intended_use: Mailings.
  task: binary
  data:
    source: {type: csv, path: rows.csv}
    target: back
    event_time: at
    id: order_id
    contract:
      version: 1
      columns:
        order_id: {dtype: int64, unique: true}
        at: {dtype: datetime}
        amount: {dtype: float64, min: 0}
        country: {dtype: category, allowed: [DE, NO, FR]}
        back: {dtype: int64, allowed: [0, 1]}
  features: {numeric: [amount], categorical: [country]}
  split: {type: time_ordered, holdout: 0.2}
  training: {type: xgboost, rounds: 10, seed: 7}
  evaluation: {metrics: [roc_auc], slices: [country]}
  gates:
    - {type: minimum_metric, metric: roc_auc, floor: 0.6}
    - {type: no_regression, tolerance: 0.02, metric: roc_auc}
  retraining: {schedule: "0 3 * * *", timezone: Europe/Berlin}
"""


def write(folder: Path, text: str = VALID) -> Path:
    """Write a declaration below `folder` and return its file."""
    file = folder / "defs.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def line_of(text: str, part: str) -> int:
    """The line, from 1, that holds `part`."""
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)
