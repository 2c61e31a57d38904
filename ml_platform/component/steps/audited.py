"""What an audit judges, counted once for as long as the rows of its windows stay the same."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Self

import numpy as np

from ml_platform.component.platform import Platform
from ml_platform.data.handles import HandleStore
from ml_platform.feedback.audit import Coverage, Kind, SourceLabels
from ml_platform.feedback.coverage import Variable
from ml_platform.feedback.production import Production
from ml_platform.feedback.production_files import Span
from ml_platform.plugins import Strict

FOLDER = "audited"


class KeptCoverage(Strict):
    """A coverage as JSON."""

    variable: str
    kind: Kind
    groups: tuple[str, ...]
    predicted: tuple[int, ...]
    labeled: tuple[int, ...]

    @classmethod
    def of(cls, coverage: Coverage) -> Self:
        """The same as JSON."""
        return cls(
            variable=coverage.variable,
            kind=coverage.kind,
            groups=coverage.groups,
            predicted=tuple(coverage.predicted.tolist()),
            labeled=tuple(coverage.labeled.tolist()),
        )

    def coverage(self) -> Coverage:
        """The same with counts as arrays."""
        predicted, labeled = (np.array(each, np.int64) for each in (self.predicted, self.labeled))
        return Coverage(self.variable, self.kind, self.groups, predicted, labeled)


class Audited(Strict):
    """The counts of a span of predictions and their labels, as an audit takes them.

    asked: hash of the files with the rows, of the span, and of what divides them.
    model_labels: of the labeled, by the model. explored: among decisions made at random.
    """

    asked: str
    predicted: int
    labeled: int
    model_labels: int
    coverages: tuple[KeptCoverage, ...]
    explored: tuple[KeptCoverage, ...]
    sources: tuple[SourceLabels, ...]


def audited(
    platform: Platform,
    model: str,
    found: Production,
    variables: Sequence[Variable],
    span: Span,
) -> Audited:
    """Return the counts of a span; those of the last one are kept.

    Labels are joined every few minutes, while the latest windows to be audited change when
    another one has matured, or a late label comes.
    """
    store, path = HandleStore(f"{platform.settings.data_url}/{FOLDER}"), f"{model}.json"
    rows = found.files.within(span).digest
    asked = sha256(f"{rows} {span} {variables} {dict(found.columns)}".encode()).hexdigest()
    text = store.read(path)
    kept = None if text is None else Audited.model_validate_json(text)
    if kept is None or kept.asked != asked:
        kept = _counted(found, variables, span, asked)
        store.write(path, kept.model_dump_json())
    return kept


def _counted(found: Production, variables: Sequence[Variable], span: Span, asked: str) -> Audited:
    predicted, labeled, own = found.labeled_in(span)
    coverages, explored = found.coverage(variables, span)
    return Audited(
        asked=asked,
        predicted=predicted,
        labeled=labeled,
        model_labels=own,
        coverages=tuple(map(KeptCoverage.of, coverages)),
        explored=tuple(map(KeptCoverage.of, explored)),
        sources=tuple(found.sources(span)),
    )
