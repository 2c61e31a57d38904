"""Score the rows of a file or a table, in bounded memory, by the predictor of the service."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import numpy as np

from ml_platform.data.contract import ColumnContract
from ml_platform.exceptions import ContractViolation, RecordRefused, SourceError, StoreError
from ml_platform.serving.batch_input import BatchInput, open_input, records_of
from ml_platform.serving.batch_output import require_free, write_whole
from ml_platform.serving.bundle import Bundle
from ml_platform.serving.predictor import Predictor, scalar_scores
from ml_platform.serving.records import Record
from ml_platform.task import Task

if TYPE_CHECKING:
    import pyarrow as pa

OnInvalid = Literal["fail", "quarantine"]
Progress = Callable[[int, int | None], None]
"""Told rows done, and of how many, where that is known."""

REFUSED = ".refused.jsonl"


@dataclass(frozen=True)
class BatchOutcome:
    """How many rows were scored; how many were refused, why, and where they are listed."""

    version: str
    scored: int
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict[str, int])
    refusals: Path | None = None


def score_file(
    bundle: Bundle,
    *,
    source: Path,
    output: Path,
    on_invalid: OnInvalid = "fail",
    overwrite: bool = False,
    progress: Progress = lambda _done, _of: None,
) -> BatchOutcome:
    """Write the rows of `source` to `output`, each with its prediction.

    bundle: the released version; columns that its model does not read pass through.
    on_invalid: `fail` stops at the first row that breaks the contract, and writes nothing;
        `quarantine` leaves such rows out and lists them in `<output>.refused.jsonl`.

    Raises SourceError, StoreError, ContractViolation, PredictionFailed; the output is then as it
    was before.
    """
    if output.resolve() == source.resolve():
        raise StoreError(f"{output} is the input itself; name another output")
    require_free(output, overwrite=overwrite)
    opened = open_input(source)
    predictor = bundle.predictor()
    added = _added_columns(predictor)
    _check_columns(opened, bundle.model.inputs, added)
    refusals = output.with_name(output.name + REFUSED)
    partial = refusals.with_name(f".{refusals.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as listed:
            columns = {name: bundle.contract.columns[name] for name in bundle.model.inputs}
            run = _Run(predictor, columns, on_invalid, listed, progress)
            schema = _schema(opened, added)
            write_whole(output, schema, run.scored_chunks(opened, schema))
        if run.refused.total():
            partial.replace(refusals)
        else:
            refusals.unlink(missing_ok=True)  # of an earlier run
    finally:
        partial.unlink(missing_ok=True)
    return BatchOutcome(
        version=predictor.version,
        scored=run.scored,
        refused=run.refused.total(),
        reasons=dict(run.refused.most_common()),
        refusals=refusals if run.refused.total() else None,
    )


@dataclass(eq=False)
class _Run:
    predictor: Predictor
    columns: Mapping[str, ColumnContract]
    on_invalid: OnInvalid
    listed: TextIO
    progress: Progress
    scored: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])

    def scored_chunks(self, opened: BatchInput, schema: "pa.Schema") -> Iterator["pa.Table"]:
        """Give each chunk without its refused rows and with the predictions."""
        done = 0
        for chunk in opened.chunks():
            records = records_of(chunk, self.columns, text=opened.text)
            checked, kept = self._checked(records, first=done)
            if checked:
                rows = chunk if len(kept) == len(records) else chunk.take(kept)
                yield _with_predictions(rows, self.predictor, checked, schema)
            done += chunk.num_rows
            self.scored += len(checked)
            self.progress(done, opened.rows)

    def _checked(
        self, records: list[dict[str, Any]], *, first: int
    ) -> tuple[list[Record], list[int]]:
        checked: list[Record] = []
        kept: list[int] = []
        for index, record in enumerate(records):
            try:
                checked.append(self.predictor.checker.check(record))
            except RecordRefused as refused:
                self._refuse(refused, row=first + index + 1)
            else:
                kept.append(index)
        return checked, kept

    def _refuse(self, refused: RecordRefused, *, row: int) -> None:
        if self.on_invalid == "fail":
            raise ContractViolation(
                f"row {row:,}: {refused}; nothing was written (to leave such rows out and list "
                "them: --on-invalid quarantine)"
            ) from refused
        self.refused[f"{refused.field or 'record'}: {refused.reason}"] += 1
        about = {
            "row": row,
            "field": refused.field,
            "reason": refused.reason,
            "allowed": refused.allowed,
        }
        self.listed.write(json.dumps(about, ensure_ascii=False) + "\n")


def _added_columns(predictor: Predictor) -> dict[str, "pa.DataType"]:
    """The columns that scoring adds, with their types."""
    import pyarrow as pa

    model = predictor.model
    if model.task is Task.REGRESSION:
        return {"prediction": pa.float64(), "model_version": pa.string()}
    kind = pa.array(list(model.classes)).type
    added = {"prediction": kind, "probability": pa.float64(), "model_version": pa.string()}
    if model.task is Task.MULTICLASS:
        added |= {f"probability_{label}": pa.float64() for label in model.classes}
    return added


def _check_columns(opened: BatchInput, needed: Iterable[str], added: dict[str, Any]) -> None:
    names = set(opened.schema.names)
    lacking = [name for name in needed if name not in names]
    if lacking:
        found = ", ".join(opened.schema.names) or "none"
        raise SourceError(
            f"{opened.path} lacks {', '.join(lacking)}, which the model reads (it has: {found})"
        )
    taken = sorted(names & added.keys())
    if taken:
        raise SourceError(
            f"{opened.path} has the columns {', '.join(taken)} already, which scoring adds; "
            "rename them"
        )


def _schema(opened: BatchInput, added: dict[str, Any]) -> "pa.Schema":
    import pyarrow as pa

    fields = [opened.schema.field(name) for name in opened.schema.names]
    return pa.schema([*fields, *(pa.field(name, kind) for name, kind in added.items())])


def _with_predictions(
    rows: "pa.Table", predictor: Predictor, checked: list[Record], schema: "pa.Schema"
) -> "pa.Table":
    import pyarrow as pa

    model = predictor.model
    scores = predictor.scores(checked)
    new: dict[str, Any] = {"prediction": [predictor.label_of(s) for s in scalar_scores(scores)]}
    if model.task is not Task.REGRESSION:
        new["probability"] = scores if scores.ndim == 1 else scores.max(axis=1)
    if scores.ndim > 1:
        new |= {
            f"probability_{label}": np.ascontiguousarray(scores[:, code])
            for code, label in enumerate(model.classes)
        }
    new["model_version"] = [predictor.version] * len(checked)
    arrays = [
        pa.array(new[field.name], field.type) if field.name in new else rows.column(field.name)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
