"""One run of the label join, up to the files that its commit will name."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.exceptions import StoreError
from ml_platform.feedback import inference_table, join_sql, labels_received
from ml_platform.feedback.delta_files import NOTHING, DeltaFiles
from ml_platform.feedback.duck import quoted, scan, view_in_codes
from ml_platform.feedback.label_contract import LabelContract
from ml_platform.feedback.labeled import (
    PART,
    QUARANTINED,
    UNKNOWN,
    JoinRecord,
    LabeledTable,
    schema,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

_TYPES = {"string": "VARCHAR", "double": "DOUBLE", "int64": "BIGINT", "bool": "BOOLEAN"}
_LABELS_AT_ONCE = 1_000_000
_MANY_LABELS = 100_000
_FORM = "FORMAT parquet, DICTIONARY_SIZE_LIMIT 1000"  # ids all differ: no dictionary is tried


@dataclass(frozen=True)
class Tables:
    """The three tables as a run found them, and what is new in them.

    inbox, predictions, table: the versions that are read; predictions None before the first.
    before: what the last run said.
    """

    labels: DeltaFiles
    log: DeltaFiles
    labeled: LabeledTable
    inbox: "DeltaTable"
    predictions: "DeltaTable | None"
    table: "DeltaTable"
    before: JoinRecord

    @cached_property
    def parts(self) -> dict[str, dict[str, int]]:
        """Files of `labeled_feedback` with their rows, by partition."""
        return self.labeled.parts(self.table)

    @cached_property
    def new_labels(self) -> list[str] | None:
        """Files of labels that came since; None where that cannot be told."""
        return self.labels.added(self.inbox, since=self.before.labels_version)

    @cached_property
    def log_files(self) -> list[str]:
        """The predictions to look among: all for new labels, else those that are new."""
        if self.predictions is None:
            return []
        everything = self.log.added(self.predictions, since=NOTHING) or []
        if self.new_labels != []:
            return everything
        new = self.log.added(self.predictions, since=self.before.log_version)
        return everything if new is None else new

    @property
    def anything_new(self) -> bool:
        """Whether a run could change anything."""
        return self.new_labels != [] or bool(self.parts.get(UNKNOWN) and self.log_files)


class Staging:
    """Writes the new files of each partition that changes, below `folder`.

    finished: these files with their rows, by partition. replaced: the partitions of the table
    that they stand in the place of; files of `quarantined` are added to those there.
    """

    def __init__(
        self, duck: "DuckDBPyConnection", folder: Path, tables: Tables, contract: LabelContract
    ) -> None:
        self.duck = duck
        self.folder = folder
        self.tables = tables
        self.contract = contract
        self.fresh_rows = 0
        self.waiting_rows = 0
        self.finished: dict[str, dict[Path, int]] = {}
        self.replaced: list[str] = []

    def run(self) -> "Counter[str]":
        """Write the files; return by how many labels each outcome grows or shrinks."""
        self._inputs()
        for answered in (join_sql.ANSWERED, join_sql.ANSWERED_ONCE):
            self.duck.execute(answered)
            self._coded("answered", "answers", join_sql.ANSWER_VALUES)
            self._stage(answered is join_sql.ANSWERED_ONCE)
            change = self._finish()
            if change.total() == self.fresh_rows:
                return change
        raise StoreError(
            f"{self.fresh_rows:,} labels came and the join grew by {change.total():,}; nothing of "
            "it was written"
        )

    def record_after(self, change: "Counter[str]") -> JoinRecord:
        """What the commit says."""
        counts = Counter(self.tables.before.counts)
        counts.update(change)
        predictions = self.tables.predictions
        return JoinRecord(
            labels_version=self.tables.inbox.version(),
            log_version=NOTHING if predictions is None else predictions.version(),
            counts={outcome: number for outcome, number in sorted(counts.items()) if number},
        )

    def _inputs(self) -> None:
        """Make the views that the statements read, and count the labels to take in."""
        tables = self.tables
        files = tables.new_labels
        told = files is not None
        known = tables.labels.added(tables.inbox, since=NOTHING) if files is None else files
        self._view("inbox", tables.labels, known or [], labels_received.COLUMNS)
        waiting = tables.parts.get(UNKNOWN, {})
        self.waiting_rows = sum(waiting.values())
        self._view("waiting", tables.labeled.files, list(waiting), _stored())
        self._view("log", tables.log, tables.log_files, inference_table.COLUMNS)
        self._judge_labels()
        self.duck.execute(join_sql.FRESH)
        fresh = "fresh"
        if not told:
            delivered = [file for files in tables.parts.values() for file in files]
            self._view("delivered", tables.labeled.files, delivered, _stored())
            self.duck.execute(join_sql.ANEW)
            fresh = "anew"
        self.duck.execute(join_sql.CANDIDATES.format(fresh=fresh))
        self.duck.execute(join_sql.OUTCOMES)
        source = "inbox" if told else "anew"
        self.fresh_rows = self._number(f"SELECT count(*) FROM {source}")
        self._coded("wanted", "candidates", join_sql.LABEL_VALUES)

    def _coded(self, name: str, relation: str, values: Mapping[str, str]) -> None:
        """Make the view `name` of a relation, in codes where there are many labels to hold.

        To find the values of the predictions is to read all of them, which few labels are not
        worth.
        """
        many = self.fresh_rows + self.waiting_rows > _MANY_LABELS
        view_in_codes(self.duck, name, relation, values if many else {})

    def _judge_labels(self) -> None:
        self.duck.execute(
            "CREATE OR REPLACE TEMP TABLE verdicts (label VARCHAR, canonical VARCHAR, "
            "reason VARCHAR)"
        )
        self.duck.execute(
            "CREATE OR REPLACE TEMP TABLE different AS "
            "SELECT DISTINCT coalesce(label, 'null') AS label FROM inbox"
        )
        count = self._number("SELECT count(*) FROM different")
        for start in range(0, count, _LABELS_AT_ONCE):
            end = start + _LABELS_AT_ONCE
            texts = self.duck.execute(
                f"SELECT label FROM different WHERE rowid >= {start} AND rowid < {end}"
            ).df()
            self.duck.register("judged", self.contract.judge(texts["label"]))
            self.duck.execute("INSERT INTO verdicts SELECT label, canonical, reason FROM judged")
            self.duck.unregister("judged")

    def _stage(self, again: bool) -> None:
        """Write each label with its prediction to a folder of its partition."""
        by_id = self._any("candidates WHERE key IS NULL")
        by_key = self._any("candidates WHERE prediction_id IS NULL AND key IS NOT NULL")
        text = join_sql.staged(by_id=by_id, by_key=by_key)
        self.staged = self.folder / ("staged_again" if again else "staged")
        self.staged.mkdir()
        self.duck.execute(
            f"COPY ({text}) TO {quoted(str(self.staged))} ({_FORM}, PARTITION_BY ({PART}))"
        )

    def _finish(self) -> "Counter[str]":
        """Settle the outcome of all labels of a day; count what that changes."""
        self.finished, self.replaced = {}, []
        change: Counter[str] = Counter()
        if self.waiting_rows:
            self.replaced.append(UNKNOWN)
            change[UNKNOWN] -= self.waiting_rows
        for folder in sorted(self.staged.iterdir()):
            part = folder.name.partition("=")[2]
            files = {file: _rows(file) for file in sorted(folder.glob("*.parquet"))}
            if part in (UNKNOWN, QUARANTINED):
                change[part] += sum(files.values())
            else:
                files, grown = self._day(part, files)
                change.update(grown)
            self.finished[part] = files
        return change

    def _day(self, part: str, staged: dict[Path, int]) -> tuple[dict[Path, int], "Counter[str]"]:
        """The files of a day of predictions: as staged, or ranked with those there already."""
        there = self.tables.parts.get(part, {})
        rows = sum(staged.values())
        new = self._read(staged)
        if (
            not there
            and self._number(f"SELECT count(DISTINCT hash(prediction_id)) FROM {new}") == rows
        ):
            return staged, Counter(joined=rows)
        growth: Counter[str] = Counter()
        both = f"SELECT * FROM {new}"
        if there:
            scan(self.duck, "there", self.tables.labeled.files, list(there))
            growth.subtract(dict(self._outcomes("there")))
            both += " UNION ALL BY NAME SELECT * FROM there"
            self.replaced.append(part)
        ranked = self.folder / f"{self.staged.name}_{part}.parquet"
        names = ", ".join(name for name in _stored().names)
        text = f"SELECT {names} FROM ({join_sql.RANKED.format(rows=both)})"
        self.duck.execute(f"COPY ({text}) TO {quoted(str(ranked))} ({_FORM})")
        growth.update(dict(self._outcomes(self._read({ranked: 0}))))
        return {ranked: _rows(ranked)}, growth

    def _outcomes(self, relation: str) -> Iterator[tuple[str, int]]:
        yield from self.duck.execute(
            f"SELECT outcome, count(*) FROM {relation} GROUP BY outcome"
        ).fetchall()

    def _read(self, files: dict[Path, int]) -> str:
        listed = ", ".join(quoted(str(file)) for file in files)
        return f"read_parquet([{listed}], hive_partitioning = false)"

    def _view(
        self, name: str, where: DeltaFiles, files: Sequence[str], columns: "pa.Schema"
    ) -> None:
        if files:
            scan(self.duck, name, where, files)
            return
        empty = ", ".join(f"NULL::{_type(field)} AS {field.name}" for field in columns)
        self.duck.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {empty} WHERE false")

    def _any(self, rows: str) -> bool:
        return self._number(f"SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT 1)") > 0

    def _number(self, text: str) -> int:
        [(number,)] = self.duck.execute(text).fetchall()
        return int(number)


def _stored() -> "pa.Schema":
    """The columns that stand in the files of the table."""
    columns = schema()
    return columns.remove(columns.get_field_index(PART))


def _type(field: "pa.Field") -> str:
    text = str(field.type)
    if text.startswith("timestamp"):
        return "TIMESTAMPTZ"
    if text.startswith("list"):
        return "DOUBLE[]"
    return _TYPES[text]


def _rows(file: Path) -> int:
    import pyarrow.parquet as pq

    return pq.read_metadata(file).num_rows
