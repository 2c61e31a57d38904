"""`ml-platform import-expectations`: a Great Expectations suite becomes a contract."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ml_platform.cli.declared import declaration_of
from ml_platform.exceptions import DeclarationError
from ml_platform.settings import Settings

if TYPE_CHECKING:
    from ml_platform.data.expectations import ImportedSuite
    from ml_platform.spec.load import Declaration

INDENT = 4
"""Where `contract:` stands in a declaration: below `attributes:` and `data:`."""

CONTRACT_FILE = "contract.yaml"


@click.command()
@click.argument("suite", type=click.Path(path_type=Path))
@click.option("--into", metavar="NAME|FILE", help="A model, or a .yaml file that is not there yet.")
@click.option("--json", "as_json", is_flag=True, help="Contract and remarks as JSON on stdout.")
def import_expectations(suite: Path, into: str | None, as_json: bool) -> None:
    """Turn a Great Expectations suite into a contract.

    SUITE is JSON or YAML, of Great Expectations before 1.0 or since. The contract is printed as
    the section that a declaration has below `data:`, or written to FILE, or to contract.yaml
    beside the declaration of the model NAME, whose own contract then tells the types that the
    suite does not. What could not be carried over, and why, stands in comments above it and on
    stderr.
    """
    from ml_platform.data.expectations import import_suite

    document = _read(suite)
    declaration = None if into is None or _is_file(into) else _model(into)
    known = declaration.spec.data.contract if declaration else None
    imported = import_suite(
        document,
        dtypes={name: column.dtype for name, column in known.columns.items()} if known else {},
        version=known.version + 1 if known else 1,
    )
    if as_json:
        click.echo(json.dumps(_document(imported), indent=2, ensure_ascii=False))
    if into is not None:
        file = declaration.folder / CONTRACT_FILE if declaration else Path(into)
        _write(file, section(imported, suite=suite.name))
        click.echo(f"wrote {file}", err=True)
    elif not as_json:
        click.echo(section(imported, suite=suite.name), nl=False)
    for line in [*_remarks(imported), *(_unfit(declaration, imported) if declaration else ())]:
        click.echo(line, err=True)


def section(imported: "ImportedSuite", *, suite: str) -> str:
    """The contract as the section of a declaration, with what is to be said of it above."""
    from ml_platform.cli.declaration_text import entry

    margin = " " * INDENT
    comments = [f"From the suite {imported.name or suite}.", *_remarks(imported)]
    lines = [f"{margin}# {line}" for line in comments]
    return "\n".join([*lines, *entry("contract", imported.declared, indent=INDENT)]) + "\n"


def _remarks(imported: "ImportedSuite") -> list[str]:
    lines = [f"{imported.carried} of {imported.expectations} expectations are carried over."]
    for title, remarks in (
        ("Not carried over:", imported.left_out),
        ("Carried over with a difference:", imported.differences),
        ("Not told by the suite, so assumed:", imported.assumed),
    ):
        if remarks:
            lines += [title, *(f"  {' '.join(str(remark).split())}" for remark in remarks)]
    return lines


def _document(imported: "ImportedSuite") -> dict[str, Any]:
    return {
        "suite": imported.name,
        "contract": imported.declared,
        "expectations": imported.expectations,
        "carried_over": imported.carried,
        "not_carried_over": [asdict(remark) for remark in imported.left_out],
        "differences": [asdict(remark) for remark in imported.differences],
        "assumed": list(imported.assumed),
    }


def _read(suite: Path) -> Any:
    from ml_platform.spec.source_map import read_yaml

    try:
        text = suite.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{suite}:1: cannot be read: {error}") from error
    if suite.suffix.lower() != ".json":
        return read_yaml(text, name=str(suite)).value
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DeclarationError(f"{suite}:{error.lineno}: not valid JSON: {error.msg}") from error


def _is_file(into: str) -> bool:
    return into.lower().endswith((".yaml", ".yml"))


def _model(name: str) -> "Declaration":
    if "/" in name:
        raise DeclarationError(f"{name} is neither a model nor a file (valid ending: .yaml)")
    return declaration_of(Settings.from_environment(), name)


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise DeclarationError(f"{file} is there already; remove it or name another") from error
    except OSError as error:
        raise DeclarationError(f"{file} cannot be written: {error}") from error


def _unfit(declaration: "Declaration", imported: "ImportedSuite") -> list[str]:
    """What the model's declaration would complain of, were this its contract."""
    from pydantic import ValidationError

    from ml_platform.spec.model import ModelSpec

    attributes = declaration.spec.model_dump(mode="json")
    attributes["data"]["contract"] = imported.declared
    lines = [f"Paste it in place of `contract:` in {declaration.file}."]
    try:
        ModelSpec.model_validate(attributes)
    except ValidationError as error:
        problems = [
            f"  {'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()
        ]
        lines += ["The model then misses something:", *problems]
    return lines
