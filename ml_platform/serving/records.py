"""The door of the service: what a record must be before a model sees it."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, cast

from ml_platform.exceptions import RecordRefused, ServingError
from ml_platform.serving import ids
from ml_platform.serving.fields import Check, Scalar, field_check, listed
from ml_platform.spec.serving import LimitsSpec

if TYPE_CHECKING:  # importing it would bring pandas
    from ml_platform.data.contract import ColumnContract

Record = dict[str, Scalar]

DEFAULT_LIMITS = LimitsSpec()

_CATEGORIES = ("category", "bool")


class RecordChecker:
    """Checks records against the contract and coerces their values.

    columns: every column of the contract.
    needed: the columns that the model reads; a record must have each of them, null where the
        contract allows null. The other columns are accepted and not read; as they are logged with
        the rest, each is one value, and a text no longer than `limits.text`.

    `categories` are the needed columns whose values make slices of the records: people see them,
    so no sensitive one is among them.
    Raises ServingError when a column is needed that the contract does not have, or when one has
    the reserved name `prediction_id`.
    """

    def __init__(
        self,
        columns: Mapping[str, "ColumnContract"],
        needed: Collection[str],
        *,
        limits: LimitsSpec = DEFAULT_LIMITS,
    ) -> None:
        missing = sorted(set(needed) - columns.keys())
        if missing:
            raise ServingError(
                f"the model reads {', '.join(missing)}, which the contract does not have "
                f"(it has: {', '.join(columns)})"
            )
        if ids.FIELD in columns:
            raise ServingError(f"a column cannot be called {ids.FIELD}; it names the prediction")
        self.limits = limits
        self.categories = tuple(
            name
            for name, column in columns.items()
            if name in needed and column.dtype in _CATEGORIES and not column.sensitive
        )
        self._columns = columns
        self._others = tuple(name for name in columns if name not in needed)
        self._known = {*columns, ids.FIELD}
        self._checks: tuple[tuple[str, Check], ...] = tuple(
            (name, field_check(name, columns[name], max_text=limits.text))
            for name in columns
            if name in set(needed)
        )

    def check(self, record: object) -> Record:
        """Return the fields that the model reads, coerced, in the order of the contract.

        Raises RecordRefused for the first thing that is wrong.
        """
        if type(record) is not dict:
            raise RecordRefused(None, "not_an_object", allowed="an object of fields and values")
        fields = cast("dict[str, object]", record)
        if not fields.keys() <= self._known:
            self._refuse_unknown(fields)
        checked: Record = {}
        for name, check in self._checks:
            if name not in fields:
                self._refuse_missing(name)
            checked[name] = check(fields[name])
        if len(fields) > len(checked):
            self._check_others(fields)
        return checked

    def check_all(self, records: object) -> list[Record]:
        """Check a batch; RecordRefused then has the `index` of the record, counted from 0."""
        if type(records) is not list:
            raise RecordRefused("records", "wrong_type", allowed="a list of records")
        batch = cast("list[object]", records)
        if len(batch) > self.limits.records:
            allowed = f"at most {self.limits.records} records in one request"
            raise RecordRefused("records", "too_many", allowed=allowed)
        return [self._check_at(index, record) for index, record in enumerate(batch)]

    def _check_at(self, index: int, record: object) -> Record:
        try:
            return self.check(record)
        except RecordRefused as refused:
            refused.index = index
            raise

    def _check_others(self, fields: Mapping[str, object]) -> None:
        most = self.limits.text
        for name in self._others:
            value = fields.get(name)
            if type(value) is str:
                if len(value) > most:
                    raise RecordRefused(name, "too_long", allowed=_other(most))
            elif type(value) is list or type(value) is dict:
                raise RecordRefused(name, "wrong_type", allowed=_other(most))

    def _refuse_unknown(self, fields: Mapping[str, object]) -> None:
        unknown = next(name for name in fields if name not in self._known)
        names = [name for name, _ in self._checks]
        raise RecordRefused(
            unknown[: self.limits.text],
            "unknown_field",
            allowed=f"the fields {listed(names)}",
        )

    def _refuse_missing(self, name: str) -> None:
        null = "; send null where there is no value" if self._columns[name].nullable else ""
        raise RecordRefused(name, "missing", allowed=f"every record has this field{null}")


def _other(most: int) -> str:
    return f"one value, and no text of more than {most:,} characters; the model does not read it"
