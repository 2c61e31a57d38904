"""`ml-platform init`: declare a model from a data file."""

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ml_platform.exceptions import DeclarationError, SourceError
from ml_platform.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from ml_platform.cli.proposal import Roles

SOURCE_TYPES = {".csv": "csv", ".csv.gz": "csv", ".tsv": "csv", ".parquet": "parquet"}
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@click.command()
@click.argument("name")
@click.option("--data", required=True, metavar="FILE", help="CSV or Parquet file with the rows.")
@click.option("--target", required=True, metavar="COL", help="The column to predict.")
@click.option("--time", "event_time", metavar="COL", help="When each row happened.")
@click.option("--id", "id_", metavar="COL", help="What identifies a row.")
@click.option("--owner", metavar="EMAIL", help="Who owns the model; default: your git identity.")
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="DIR", help="The folder for the model's own."
)
def init(
    name: str,
    data: str,
    target: str,
    event_time: str | None,
    id_: str | None,
    owner: str | None,
    into: Path | None,
) -> None:
    """Declare a model from a data file.

    Writes a folder NAME with a commented defs.yaml that is valid at once: contract, task,
    features, metrics, split and floors are inferred from the rows. The folder is made in --into,
    else in the first folder of ML_PLATFORM_MODELS, else among the models of a source checkout.
    """
    from ml_platform.cli.proposal import Roles

    settings = Settings.from_environment()
    if not NAME.fullmatch(name):
        raise DeclarationError(
            f"{name!r} is no name for a model; valid: small letters, digits and _, beginning with "
            "a letter, at most 63"
        )
    folder = _place(into, settings) / name
    if folder.exists():
        raise DeclarationError(f"{folder} is there already; remove it or take another name")
    roles = Roles(target, event_time, id_)
    text, rows = _declare(name, data, folder, roles, owner or _git_identity())
    file = _write(folder, text)
    click.echo(f"wrote {file}, inferred from {rows:,} rows")
    _tell_next_steps(name, folder, settings)


def _place(into: Path | None, settings: Settings) -> Path:
    from ml_platform.spec.roots import SHIPPED

    if into is not None:
        return into.expanduser().resolve()
    if settings.models:
        return settings.models[0]
    if (SHIPPED.parent.parent / "pyproject.toml").is_file():
        return SHIPPED
    raise DeclarationError(
        "no folder for models; name one with --into DIR, or let ML_PLATFORM_MODELS name it"
    )


def _declare(name: str, data: str, folder: Path, roles: "Roles", owner: str) -> tuple[str, int]:
    """Return the text of the declaration and the number of rows it was inferred from."""
    from ml_platform.cli.declaration_text import render
    from ml_platform.cli.progress import steps
    from ml_platform.cli.proposal import propose
    from ml_platform.cli.quick_fit import propose_floor

    with steps() as step:
        step(f"reading {data}")
        source = _source(data)
        frame = _read(source)
        step("inferring the contract")
        declared = {**source, "path": _path_from(folder, source["path"])}
        proposal = propose(frame, name=name, owner=owner, source=declared, roles=roles)
        step("fitting once for the floors")
        floor = propose_floor(proposal.attributes, frame, folder=folder)
    return render(proposal.with_gates([floor.gate], floor.remarks)), len(frame)


def _source(data: str) -> dict[str, Any]:
    from ml_platform.cli.csv_options import csv_options

    suffix = next((s for s in SOURCE_TYPES if data.lower().endswith(s)), None)
    if suffix is None:
        valid = ", ".join(SOURCE_TYPES)
        raise SourceError(f"cannot tell the format of {data} by its name (valid endings: {valid})")
    path = data if "://" in data else str(Path(data).expanduser().resolve())
    source: dict[str, Any] = {"type": SOURCE_TYPES[suffix], "path": path}
    options = csv_options(path) if source["type"] == "csv" else {}
    return {**source, "options": options} if options else source


def _path_from(folder: Path, path: str) -> str:
    """Relative to the model's folder where both are below the current directory."""
    here = Path.cwd()
    if Path(path).is_relative_to(here) and folder.is_relative_to(here):
        return os.path.relpath(path, folder)
    return path


def _read(source: dict[str, Any]) -> "pd.DataFrame":
    from ml_platform.data.sources.source import SOURCES

    frame = SOURCES.parse(source).read(folder=Path.cwd())
    if frame.empty:
        raise SourceError(f"{source['path']} has no rows; there is nothing to infer from")
    return frame


def _write(folder: Path, text: str) -> Path:
    """Write the declaration once it is known to be valid; nothing is left behind if it is not."""
    from ml_platform.spec.load import FILE_NAME, load_declaration

    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise DeclarationError(f"cannot make {folder}: {error.strerror or error}") from error
    file = folder / FILE_NAME
    try:
        file.write_text(text, encoding="utf-8")
        load_declaration(file)
    except (OSError, DeclarationError):
        file.unlink(missing_ok=True)
        folder.rmdir()
        raise
    return file


def _git_identity() -> str:
    try:
        done = subprocess.run(
            ["git", "config", "user.email"], capture_output=True, text=True, check=False, timeout=5
        )
    except OSError:
        return "team:unknown"
    email = done.stdout.strip()
    return email if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email) else "team:unknown"


def _tell_next_steps(name: str, folder: Path, settings: Settings) -> None:
    from ml_platform.spec.roots import model_roots

    if folder.parent not in model_roots(settings):
        click.echo(f"to have it found: export ML_PLATFORM_MODELS={folder.parent}")
    click.echo(f"read it, then: ml-platform check {name} && ml-platform train {name}")
