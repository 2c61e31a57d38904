"""Labels held against the contract of the target, each distinct one once."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from ml_platform.data.contract import REASON, TEXTS, ColumnContract, Contract
from ml_platform.data.validation import validate

_TEXT = "_label"


class LabelContract:
    """Judges labels that came as JSON text.

    target, column: name and contract of the target; what a contract says of the column as a whole,
    such as its mean, is no rule for one label, and a null is never a label.
    """

    def __init__(self, target: str, column: ColumnContract) -> None:
        alone = {"dtype", "min", "max", "allowed", "pattern"}
        kept = column.model_dump(include=alone)
        self.target = target
        self.dtype = column.dtype
        self._contract = Contract(
            version=1,
            columns={
                target: ColumnContract.model_validate(kept),
                _TEXT: ColumnContract(dtype="string", nullable=True),
            },
            on_invalid="quarantine",
            max_quarantine_fraction=1,
        )

    def judge(self, texts: pd.Series) -> pd.DataFrame:
        """Return `label` (the text), `canonical` and `reason` for each of distinct JSON texts.

        canonical: the label as JSON in the dtype of the contract, so that `1`, `1.0` and `"1"` are
            one label of an int64 target; None where there is a reason.
        reason: the rules that the label breaks, or that it is no JSON; None where it is fine.
        """
        plain = [_plain(text) for text in texts]
        bad = pd.Series([value is _BROKEN for value in plain], index=texts.index, dtype=bool)
        values = pd.Series(
            [None if value is _BROKEN else value for value in plain],
            index=texts.index,
            dtype=object,
        )
        frame = pd.DataFrame({self.target: values, _TEXT: texts})[~bad].reset_index(drop=True)
        now = datetime.now(UTC)  # no rule of one column looks at the clock
        found = validate(frame, self._contract, event_time=None, folder=Path(), now=now)
        fine = pd.DataFrame(
            {
                "label": found.valid[_TEXT],
                "canonical": [self._canonical(value) for value in found.valid[self.target]],
                "reason": None,
            }
        )
        refused = found.quarantined
        parts = [
            fine,
            pd.DataFrame({"label": refused[_TEXT], "canonical": None, "reason": refused[REASON]}),
            pd.DataFrame({"label": texts[bad], "canonical": None, "reason": "no JSON scalar"}),
        ]
        return pd.concat([p.astype(object) for p in parts if len(p)] or [fine], ignore_index=True)

    def values(self, labels: pd.Series) -> pd.Series:
        """Return canonical labels in the dtype of the contract."""
        from ml_platform.data.coercion import coerce

        distinct = {text: json.loads(text) for text in labels.unique()}
        return coerce(labels.map(distinct), self._contract.columns[self.target]).values

    def _canonical(self, value: object) -> str:
        if self.dtype in TEXTS:
            return json.dumps(value, ensure_ascii=False)
        if self.dtype == "datetime":
            return json.dumps(pd.Timestamp(value).isoformat())  # pyright: ignore
        return json.dumps(value.item() if hasattr(value, "item") else value)  # pyright: ignore


_BROKEN = object()


def _plain(text: str | None) -> object:
    """The scalar that a JSON text holds; a list or an object is no label."""
    try:
        value = None if text is None else json.loads(text, parse_constant=lambda _: None)
    except ValueError:
        return _BROKEN
    return _BROKEN if isinstance(value, (list, dict)) else value
