"""What became of every label that was delivered: the table `<model>/labeled_feedback`.

| column | type | meaning |
| --- | --- | --- |
| prediction_id | string | the prediction; of an unknown or quarantined label as it was sent |
| key | string | the declared id, of a label that came by it |
| label | string | JSON in the dtype of the target; as it was sent where quarantined |
| observed_at, received_at | timestamp, UTC | when the outcome was seen, when the label came |
| source | string | who says so |
| outcome | string | joined, duplicate, contradicting, unknown or quarantined |
| reason | string | why it is quarantined |
| time, prediction, score, version, role, random | | of the prediction, as in the inference table |
| part | string | the partition: the day of the prediction, `unknown` or `quarantined` |

One row a label, so the rows are as many as the labels delivered. The labels to learn from and to
judge by are those of outcome `joined`, one a prediction.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ml_platform.feedback.delta_files import CHECKPOINT, NOTHING, DeltaFiles, clear_errors
from ml_platform.plugins import Strict

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

NAME = "labeled_feedback"
PART = "part"
UNKNOWN, QUARANTINED = "unknown", "quarantined"

Outcome = Literal["joined", "duplicate", "contradicting", "unknown", "quarantined"]
OUTCOMES: tuple[Outcome, ...] = ("joined", "duplicate", "contradicting", "unknown", "quarantined")

_KEY = "ml_platform"
_VACUUM_EVERY = 50


class JoinRecord(Strict):
    """What a commit of the table says of itself.

    labels_version, log_version: the versions of both inputs up to which labels are joined.
    counts: labels by outcome, all that the table holds.
    """

    labels_version: int = NOTHING
    log_version: int = NOTHING
    counts: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it

    @property
    def delivered(self) -> int:
        """How many labels there are in all."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Part:
    """A partition as it shall be: its files, by name below the table, with their rows."""

    name: str
    files: Mapping[str, int]


class LabeledTable:
    """The table and its commits."""

    def __init__(self, data_url: str, model: str) -> None:
        self.files = DeltaFiles(f"{data_url.rstrip('/')}/{model}/{NAME}")

    def create(self) -> "DeltaTable":
        """The table, made where there is none."""
        from deltalake import DeltaTable, Schema

        table = self.files.open()
        if table is not None:
            return table
        with clear_errors(f"cannot write {self.files.url}"):
            return DeltaTable.create(
                self.files.url,
                Schema.from_arrow(schema()),
                mode="ignore",
                partition_by=[PART],
                configuration=CHECKPOINT,
                storage_options=self.files.storage_options,
            )

    def record(self, table: "DeltaTable | None" = None) -> JoinRecord:
        """What the newest commit of ours says."""
        table = table or self.files.open()
        if table is None:
            return JoinRecord()
        with clear_errors(f"cannot read {self.files.url}"):
            for limit in (3, None):  # a clean-up may stand before it
                for commit in table.history(limit):
                    if _KEY in commit:
                        return JoinRecord.model_validate_json(commit[_KEY])
        return JoinRecord()

    def parts(self, table: "DeltaTable") -> dict[str, dict[str, int]]:
        """Path and rows of every file, by partition."""
        import pyarrow as pa

        found: dict[str, dict[str, int]] = {}
        with clear_errors(f"cannot read {self.files.url}"):
            actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        for action in actions:
            files = found.setdefault(action[f"partition.{PART}"], {})
            files[action["path"]] = action["num_records"]
        return found

    def commit(
        self,
        table: "DeltaTable",
        *,
        replaced: Iterable[str],
        added: Iterable["AddAction"],
        record: JoinRecord,
    ) -> bool:
        """Put files in the place of partitions; say False when another writer was first."""
        from deltalake import CommitProperties
        from deltalake.exceptions import CommitFailedError

        said = CommitProperties(
            custom_metadata={_KEY: record.model_dump_json()}, max_commit_retries=0
        )
        names = sorted(replaced)
        with clear_errors(f"cannot write {self.files.url}"):
            try:
                table.create_write_transaction(
                    list(added),
                    mode="overwrite" if names else "append",
                    schema=table.schema(),
                    partition_by=[PART],
                    partition_filters=[(PART, "in", names)] if names else None,
                    commit_properties=said,
                )
            except CommitFailedError:
                return False
            if table.version() % _VACUUM_EVERY == _VACUUM_EVERY - 1:
                table.vacuum(dry_run=False)
        return True


def added_file(path: str, *, part: str, rows: int, size: int, at: float) -> "AddAction":
    """A file as a commit names it. at: seconds since 1970."""
    from deltalake.transaction import AddAction

    return AddAction(
        path=path,
        size=size,
        partition_values={PART: part},
        modification_time=int(at * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": rows}),
    )


def schema() -> "pa.Schema":
    """The columns, in their order."""
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    columns: dict[str, Any] = {
        "prediction_id": pa.string(),
        "key": pa.string(),
        "label": pa.string(),
        "observed_at": moment,
        "received_at": moment,
        "source": pa.string(),
        "outcome": pa.string(),
        "reason": pa.string(),
        "time": moment,
        "prediction": pa.string(),
        "score": pa.float64(),
        "version": pa.int64(),
        "role": pa.string(),
        "random": pa.bool_(),
        PART: pa.string(),
    }
    return pa.schema(list(columns.items()))
