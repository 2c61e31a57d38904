"""What of a sound declaration cannot be used: only an import, or the trainer itself, tells."""

from collections.abc import Iterator

from ml_platform.exceptions import TrainingError
from ml_platform.spec.load import Declaration, dotted
from ml_platform.spec.source_map import Path, read_yaml


def unusable(declaration: Declaration) -> list[str]:
    """Say what could not be used, as `load_declaration` does: `file:line: field: what`.

    May import the code that the declaration names, and the trainer's library.
    """
    problems = list(_trainer(declaration))
    if not problems:
        return []
    file = declaration.file
    source = read_yaml(file.read_text(encoding="utf-8"), name=str(file))
    return [
        f"{file}:{source.line(('attributes', *place))}: {dotted(place)}: {' '.join(what.split())}"
        for place, what in problems
    ]


def _trainer(declaration: Declaration) -> Iterator[tuple[Path, str]]:
    spec = declaration.spec
    try:
        spec.training.check(task=spec.task)
    except TrainingError as error:
        yield ("training",), str(error)
    except Exception as error:  # a trainer of others may raise anything
        yield ("training",), f"checking it raised {type(error).__name__}: {error}"
