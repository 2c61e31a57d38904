"""Find declared models by name, for every command alike."""

from collections.abc import Iterable
from pathlib import Path

from ml_platform.exceptions import DeclarationError, did_you_mean
from ml_platform.settings import Settings
from ml_platform.spec.load import Declaration, find_declarations, load_declaration
from ml_platform.spec.roots import model_roots


def declaration_files(settings: Settings, names: Iterable[str] = ()) -> list[Path]:
    """Return the declarations of the models named, of all when none is named.

    A model is named by its folder, or by what it calls itself. Raises DeclarationError for a name
    that no model has.
    """
    files = find_declarations(model_roots(settings))
    wanted = list(names)
    return [_file_of(name, files, settings) for name in wanted] if wanted else files


def declaration_of(settings: Settings, name: str) -> Declaration:
    """Return one declaration by name. Raises DeclarationError when it is unknown or broken."""
    return load_declaration(declaration_files(settings, [name])[0])


def _file_of(name: str, files: list[Path], settings: Settings) -> Path:
    for file in files:
        if file.parent.name == name:
            return file
    for file in files:
        if _own_name(file) == name:
            return file
    known = sorted(file.parent.name for file in files if file.is_file())
    hint = did_you_mean(name, known)
    looked = ", ".join(str(root) for root in model_roots(settings))
    valid = ", ".join(known) or "none is declared"
    raise DeclarationError(f"no model {name!r}{hint} (valid: {valid}; looked in {looked})")


def _own_name(file: Path) -> str | None:
    try:
        return load_declaration(file).spec.name
    except DeclarationError:
        return None
