"""Labels of a file taken into the raw table, each row once."""

from dataclasses import dataclass

from ml_platform.addresses import without_secrets
from ml_platform.exceptions import StoreError
from ml_platform.feedback.label_files import LabelFile, Reading
from ml_platform.feedback.labels_received import labels_table

_TRIES = 100


@dataclass(frozen=True)
class Imported:
    """What came of a file.

    rows: labels in it. added: labels that were not there by an earlier import of the same content.
    """

    file: str
    rows: int
    added: int


def import_labels(file: LabelFile, how: Reading, *, data_url: str, model: str) -> Imported:
    """Append the labels of a file to `labels_received`.

    A file is known by its content: importing it again adds nothing (for thirty days, after which
    its labels come to be duplicates). Who is killed half-way goes on where they were.
    Raises SourceError, StoreError.
    """
    table = labels_table(data_url, model)
    stream = f"import:{file.content()}"
    rows = added = 0
    for number, part in enumerate(file.labels(how), start=1):
        rows += part.num_rows
        for _ in range(_TRIES):
            looked = table.look()
            if table.taken([stream])[stream] >= number:
                break
            if table.append(part, {stream: number}, looked=looked):
                added += part.num_rows
                break
        else:
            where = without_secrets(table.url)
            raise StoreError(f"cannot write {where}: another writer is always first")
    return Imported(file.path, rows, added)
