"""What of a sound declaration cannot be used: only an import, or the trainer itself, tells."""

from collections.abc import Iterable, Iterator

from ml_platform.exceptions import DeclarationError, TrainingError
from ml_platform.features.transform import load_transform
from ml_platform.functions import load_function
from ml_platform.spec.load import Declaration, dotted
from ml_platform.spec.model import ModelSpec
from ml_platform.spec.source_map import Path, read_yaml


def unusable(declaration: Declaration) -> list[str]:
    """Say what could not be used, as `load_declaration` does: `file:line: field: what`.

    May import the code that the declaration names, and the trainer's library.
    """
    return located(
        declaration,
        (*_functions(declaration), *_transform(declaration), *_trainer(declaration)),
    )


def require_trainable(declaration: Declaration) -> None:
    """Raise DeclarationError, as `unusable` says it, where the trainer cannot train as declared.

    For what would read rows to train on: only `ml-platform check` would have told before.
    """
    problems = located(declaration, _trainer(declaration))
    if problems:
        raise DeclarationError("\n".join(problems))


def located(declaration: Declaration, problems: Iterable[tuple[Path, str]]) -> list[str]:
    """Write problems of places in a declaration as `file:line: field: what`."""
    found = list(problems)
    if not found:
        return []
    file = declaration.file
    source = read_yaml(file.read_text(encoding="utf-8"), name=str(file))
    return [
        f"{file}:{source.line(('attributes', *place))}: {dotted(place)}: {' '.join(what.split())}"
        for place, what in found
    ]


def _functions_named(spec: ModelSpec) -> Iterator[tuple[Path, str]]:
    """Every function that a declaration names, but the transform, with the place where it does."""
    places: dict[Path, str | None] = {}
    places["data", "source", "function"] = getattr(spec.data.source, "function", None)
    for i, rule in enumerate(spec.data.contract.table.rules):
        places["data", "contract", "table", "rules", i, "function"] = rule.function
    for i, gate in enumerate(spec.gates):
        places["gates", i, "function"] = getattr(gate, "function", None)
    for i, kpi in enumerate(spec.feedback.kpis if spec.feedback else ()):
        places["feedback", "kpis", i, "function"] = kpi.function
    yield from ((place, path) for place, path in places.items() if path is not None)


def _functions(declaration: Declaration) -> Iterator[tuple[Path, str]]:
    for place, path in _functions_named(declaration.spec):
        try:
            load_function(path, folder=declaration.folder)
        except DeclarationError as error:
            yield place, str(error)


def _transform(declaration: Declaration) -> Iterator[tuple[Path, str]]:
    try:
        load_transform(declaration.spec.features, folder=declaration.folder)
    except DeclarationError as error:
        yield ("features", "transform"), str(error)


def _trainer(declaration: Declaration) -> Iterator[tuple[Path, str]]:
    spec = declaration.spec
    try:
        spec.training.check(task=spec.task)
    except TrainingError as error:
        yield ("training",), str(error)
    except Exception as error:  # a trainer of others may raise anything
        yield ("training",), f"checking it raised {type(error).__name__}: {error}"
