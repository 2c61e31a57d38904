"""Labels taken in: by command, from the drop folder of a model, and from its table."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ml_platform.component.platform import Platform
from ml_platform.exceptions import DeclarationError, SourceError
from ml_platform.feedback.delta_files import NOTHING, DeltaFiles
from ml_platform.feedback.importing import Imported, import_labels
from ml_platform.feedback.label_files import SUFFIXES, LabelFile, Reading
from ml_platform.plugins import Strict
from ml_platform.serving.journal.sensitive import Sensitive, journal_secret
from ml_platform.spec.feedback import FeedbackSpec
from ml_platform.spec.load import Declaration

IMPORTED, REFUSED = "imported", "refused"
"""Folders in the drop folder that a file is moved to."""

QUIET_SECONDS = 5.0
"""A file that was written to since is left for the next time: it may be half there."""


@dataclass(frozen=True)
class Refused:
    """A dropped file that could not be read."""

    file: str
    reason: str


def feedback_of(declaration: Declaration) -> FeedbackSpec:
    """What is declared of feedback. Raises DeclarationError where nothing is."""
    if declaration.spec.feedback is None:
        raise DeclarationError(
            f"{declaration.file}: {declaration.spec.name} declares no feedback; valid: "
            "`feedback: {label_delay: 1d, window: 7d}`"
        )
    return declaration.spec.feedback


def import_file(
    declaration: Declaration,
    platform: Platform,
    path: str,
    *,
    source: str,
    folder: Path,
    now: datetime,
) -> Imported:
    """Take in one file; relative to `folder`. Raises SourceError, StoreError, DeclarationError."""
    spec, feedback = declaration.spec, feedback_of(declaration)
    how = Reading(
        target=spec.data.target,
        key=feedback.key or spec.data.id,
        source=source,
        received_at=now,
        hide=_hidden(declaration, platform),
    )
    file = LabelFile(path, folder=folder)
    return import_labels(file, how, data_url=platform.settings.data_url, model=spec.name)


class Taken(Strict):
    """How far the table of labels was taken in. id: of the table, which another one lacks."""

    id: str
    version: int


def take_table(
    declaration: Declaration, platform: Platform, *, now: datetime
) -> Iterator[Imported | Refused]:
    """Take in the rows that the declared table got since the last time; each file of it once.

    Rows that its owner rewrites come again, to be duplicates. Raises StoreError.
    """
    url = label_table(declaration)
    files = DeltaFiles(url) if url is not None else None
    table = files.open() if files is not None else None
    if url is None or files is None or table is None:
        return
    handle, identity = f"{declaration.spec.name}/label_table.json", str(table.metadata().id)
    text = platform.handles.read(handle)
    before = Taken.model_validate_json(text) if text is not None else None
    since = before.version if before is not None and before.id == identity else NOTHING
    added = files.added(table, since=since)
    if added is None:  # its log is cut off: what was taken is known by its content
        added = files.added(table, since=NOTHING) or []
    try:
        for path in files.paths(added):
            yield import_file(
                declaration, platform, path, source=Path(url).name, folder=Path(), now=now
            )
    except SourceError as error:
        yield Refused(url, str(error))
    else:
        taken = Taken(id=identity, version=table.version())
        platform.handles.write(handle, taken.model_dump_json())


def take_dropped(
    declaration: Declaration, platform: Platform, *, now: datetime
) -> Iterator[Imported | Refused]:
    """Take in every file of the drop folder, and move it to `imported` or to `refused`.

    Beside a refused file stands why, in `<name>.reason.txt`.
    """
    folder = drop_folder(declaration)
    for file in [] if folder is None else dropped(folder, before=now.timestamp() - QUIET_SECONDS):
        try:
            yield import_file(
                declaration, platform, str(file), source=file.stem, folder=file.parent, now=now
            )
        except SourceError as error:
            target = _moved(file, REFUSED)
            target.with_name(f"{target.name}.reason.txt").write_text(f"{error}\n", "utf-8")
            yield Refused(file.name, str(error))
        else:
            _moved(file, IMPORTED)


def drop_folder(declaration: Declaration) -> Path | None:
    """Where label files of the model are put; None where nothing is declared."""
    feedback = declaration.spec.feedback
    if feedback is None or feedback.drop_folder is None:
        return None
    return declaration.folder / Path(feedback.drop_folder).expanduser()


def label_table(declaration: Declaration) -> str | None:
    """Where the declared table of labels is; None where none is declared."""
    feedback = declaration.spec.feedback
    if feedback is None or feedback.table is None:
        return None
    if "://" in feedback.table:
        return feedback.table
    return str(declaration.folder / Path(feedback.table).expanduser())


def dropped(folder: Path, *, before: float) -> list[Path]:
    """Label files in the folder that nobody has written to since, oldest first."""
    if not folder.is_dir():
        return []
    found = [
        (file.stat().st_mtime, file)
        for file in folder.iterdir()
        if file.name.lower().endswith(SUFFIXES) and not file.name.startswith(".")
    ]
    return [file for written, file in sorted(found) if written <= before]


def _moved(file: Path, where: str) -> Path:
    folder = file.parent / where
    folder.mkdir(exist_ok=True)
    target = folder / file.name
    number = 2
    while target.exists():
        target, number = folder / f"{file.stem}-{number}{file.suffix}", number + 1
    return file.replace(target)


def _hidden(
    declaration: Declaration, platform: Platform
) -> Callable[[str | None], str | None] | None:
    """What the declared id is stored as: hashed, where the services hash it."""
    spec = declaration.spec
    columns = spec.data.contract.columns
    if spec.data.id is None or not columns[spec.data.id].sensitive:
        return None
    return Sensitive(
        [spec.data.id],
        spec.serving.journal.sensitive,
        secret=journal_secret(platform.settings.journal / spec.name),
        id_column=spec.data.id,
    ).key
