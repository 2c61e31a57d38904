"""Pictures of an evaluation, as PNG. Matplotlib is imported when one is drawn, without pyplot."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_platform.evaluation.metrics.decided import HALF, confusion_cells
from ml_platform.evaluation.metrics.metric import Scores, Target
from ml_platform.evaluation.ranking import Ranking
from ml_platform.task import Task

POINTS = 1000
"""Points that a curve or a cloud is thinned to; more cannot be seen."""
NAMED_CLASSES = 20
"""Classes up to which curves are drawn, and a confusion matrix names them and shows its counts."""
BINS = 10
"""Of a calibration curve."""
SHARES = {"left": 0.14, "right": 0.97, "bottom": 0.13, "top": 0.92}
"""Margins of axes whose numbers go from 0 to 1, as parts of the picture."""

Draw = Callable[[Any], None]
OneClass = tuple[NDArray[np.bool_], Scores]
"""Which rows are of a class, and their scores for it."""


def pictures(
    target: Target,
    scores: Scores,
    *,
    task: Task,
    classes: Sequence[Any] = (),
    threshold: float = HALF,
    seed: int = 0,
) -> dict[str, bytes]:
    """Draw what can be drawn of these rows (shapes as in `Task`); PNG by name.

    binary and multiclass: roc_curve, precision_recall_curve, calibration_curve, each class of
    several against the rest, and confusion_matrix; regression: predicted_against_actual,
    residuals. Curves that need rows of a class and others are left out when there are none.
    """
    if len(target) == 0:
        return {}
    if task is Task.REGRESSION:
        return _of_regression(target.astype(np.float64), scores, seed)
    names = _names(classes, 2 if task is Task.BINARY else scores.shape[1])
    classed = _by_class(target, scores, names)
    bins = min(BINS, len(target))
    drawn: dict[str, Draw] = {
        "calibration_curve": lambda axes: _calibration(axes, classed, bins=bins)
    }
    curves = {
        name: Ranking(*one) for name, one in classed.items() if 0 < one[0].sum() < len(target)
    }
    if curves:
        drawn["roc_curve"] = lambda axes: _roc(axes, curves)
        drawn["precision_recall_curve"] = lambda axes: _precision_recall(axes, curves)
    matrix = _png(_confusion(target, scores, names, threshold))
    of_shares = {name: _png(draw, margins=SHARES) for name, draw in drawn.items()}
    return dict(sorted({"confusion_matrix": matrix, **of_shares}.items()))


def _png(draw: Draw, *, margins: Mapping[str, float] | None = None) -> bytes:
    """Draw on axes with these margins; without, they are fitted, which takes twice the time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4.2), dpi=110, layout=None if margins else "constrained")
    if margins:
        figure.subplots_adjust(**margins)
    FigureCanvasAgg(figure)
    draw(figure.add_subplot())
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _names(classes: Sequence[Any], k: int) -> list[str]:
    """Class names as the font can draw them; the number where it cannot."""
    texts = [str(name) for name in (classes or range(k))]
    return [
        text[:24].replace("$", r"\$") if text.isascii() and text.isprintable() else f"class {place}"
        for place, text in enumerate(texts)
    ]


def _by_class(target: Target, scores: Scores, names: list[str]) -> dict[str, OneClass]:
    """The positive class of two; of several, each that has rows, as many as can be told apart."""
    if scores.ndim == 1:
        return {names[-1]: (target == 1, scores)}
    there = np.unique(target.astype(np.int64)).tolist()[:NAMED_CLASSES]
    return {names[k]: (target == k, scores[:, k]) for k in there}


def _thin(length: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, length - 1, min(length, POINTS)).astype(np.int64))


def _roc(axes: Any, curves: dict[str, Ranking]) -> None:
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
    for name, ranking in curves.items():
        points = ranking.cumulate()
        at = _thin(len(points.positive))
        false = np.concatenate([[0.0], points.negative[at] / points.negatives])
        true = np.concatenate([[0.0], points.positive[at] / points.positives])
        axes.plot(false, true, label=name)
    axes.set(xlabel="False positive rate", ylabel="True positive rate", title="ROC curve")
    axes.legend(loc="lower right", fontsize="small")


def _precision_recall(axes: Any, curves: dict[str, Ranking]) -> None:
    shares: list[float] = []
    for name, ranking in curves.items():
        points = ranking.cumulate()
        at = _thin(len(points.positive))
        positive, negative = points.positive[at], points.negative[at]
        axes.plot(positive / points.positives, positive / (positive + negative), label=name)
        shares.append(points.positives / (points.positives + points.negatives))
    axes.hlines(shares, 0, 1, color="0.7", linewidth=1, linestyle="--", label="base rate")
    axes.set(xlabel="Recall", ylabel="Precision", title="Precision-recall curve", ylim=(0, 1.02))
    axes.legend(loc="upper right", fontsize="small")


def _calibration(axes: Any, classed: dict[str, OneClass], *, bins: int) -> None:
    """Frequency against mean probability in bins of as many rows each."""
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
    for name, (is_it, scores) in classed.items():
        order = np.argsort(scores, kind="stable")
        parts = np.array_split(order, bins)
        said = [scores[part].mean() for part in parts]
        axes.plot(said, [is_it[part].mean() for part in parts], marker="o", label=name)
    axes.set(
        xlabel="Mean probability",
        ylabel="Share of positives",
        title=f"Calibration, {bins} bins of equal size",
    )
    axes.legend(loc="upper left", fontsize="small")


def _confusion(target: Target, scores: Scores, names: list[str], threshold: float) -> Draw:
    k = len(names)
    cells = confusion_cells(target, scores, threshold=threshold)
    counts = np.bincount(cells, minlength=k * k).reshape(k, k)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def draw(axes: Any) -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set(xlabel="Predicted", ylabel="Actual", title="Confusion matrix")
        if k > NAMED_CLASSES:
            return
        axes.set_xticks(range(k), names, rotation=45 if k > 3 else 0)
        axes.set_yticks(range(k), names)
        for row, column in np.ndindex(k, k):
            color = "white" if shares[row, column] > HALF else "black"
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}",
                ha="center",
                va="center",
                color=color,
                fontsize="small",
            )

    return draw


def _of_regression(actual: Scores, scores: Scores, seed: int) -> dict[str, bytes]:
    chosen = np.arange(len(actual))
    if len(actual) > POINTS:
        chosen = np.random.default_rng(seed).choice(len(actual), POINTS, replace=False)
    told = "" if len(actual) <= POINTS else f" ({POINTS:,} of {len(actual):,} rows)"

    def predicted(axes: Any) -> None:
        ends = [actual.min(), actual.max()]
        axes.plot(ends, ends, color="0.7", linewidth=1, linestyle="--")
        axes.scatter(actual[chosen], scores[chosen], s=8, alpha=0.6)
        axes.set(xlabel="Actual", ylabel="Predicted", title=f"Predicted against actual{told}")

    def residuals(axes: Any) -> None:
        axes.hist(scores - actual, bins=40)
        axes.axvline(0, color="0.4", linewidth=1)
        axes.set(xlabel="Predicted minus actual", ylabel="Rows", title="Residuals")

    return {"predicted_against_actual": _png(predicted), "residuals": _png(residuals)}
