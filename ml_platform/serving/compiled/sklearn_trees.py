"""scikit-learn's trees, forests and gradient boosting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_platform.serving.compiled.layout import Forest, Tree, lay_out
from ml_platform.serving.compiled.links import Link, expit, identity, softmax
from ml_platform.serving.compiled.loading import kernels
from ml_platform.serving.compiled.scorer import Unsupported
from ml_platform.task import Task

ONE_TREE = frozenset(
    {"DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"}
)
FORESTS = frozenset(
    {
        "RandomForestClassifier",
        "RandomForestRegressor",
        "ExtraTreesClassifier",
        "ExtraTreesRegressor",
    }
)
BOOSTED = frozenset({"GradientBoostingClassifier", "GradientBoostingRegressor"})
MOST_NODES = 20_000_000


@dataclass(frozen=True, eq=False)
class SummedTrees:
    """Sums over trees in their order, in float64.

    outputs, base, rate: of boosted trees, see `kernels.summed`; divisor: trees of a forest.
    """

    forest: Forest
    outputs: NDArray[np.int32]
    base: NDArray[np.float64]
    rate: float
    divisor: int
    link: Link
    takes_missing: bool

    def __call__(self, rows: NDArray[np.float64], /) -> NDArray[np.float64]:
        """Score rows of shape (n, width)."""
        forest = self.forest
        sums = kernels().summed(
            rows.astype(np.float32),
            forest.nodes,
            forest.roots,
            forest.depths,
            self.outputs,
            forest.values,
            self.base,
            self.rate,
        )
        if self.divisor > 1:
            sums /= self.divisor
        return self.link(sums if sums.shape[1] > 1 else sums[:, 0])


def finish_of(estimator: Any, task: Task) -> SummedTrees | None:
    """Return the compiled form of fitted trees, None for other estimators."""
    name = type(estimator).__name__
    if name in ONE_TREE:
        return _averaged([estimator], task)
    if name in FORESTS:
        return _averaged(estimator.estimators_, task)
    if name in BOOSTED:
        return _boosted(estimator, task)
    return None


def _averaged(estimators: Sequence[Any], task: Task) -> SummedTrees:
    # A binary score is the second class alone: the sums of the classes do not meet.
    column = slice(1, 2) if task is Task.BINARY else slice(None)
    forest = _forest([_tree(one.tree_, one.tree_.value[:, 0, column]) for one in estimators])
    return SummedTrees(
        forest=forest,
        outputs=np.zeros(0, np.int32),
        base=np.zeros(forest.values.shape[1]),
        rate=1.0,
        divisor=len(estimators),
        link=identity,
        takes_missing=True,
    )


def _boosted(estimator: Any, task: Task) -> SummedTrees:
    if task is not Task.REGRESSION and estimator.loss != "log_loss":
        raise Unsupported(f"gradient boosting by {estimator.loss} has no compiled form")
    if type(estimator.init_).__name__ not in {"DummyClassifier", "DummyRegressor", "str"}:
        raise Unsupported("gradient boosting that begins with a model has no compiled form")
    stages, outputs = estimator.estimators_.shape
    trees = [one.tree_ for one in estimator.estimators_.reshape(-1)]
    nothing = np.zeros((1, estimator.n_features_in_), np.float32)
    base = estimator._raw_predict_init(nothing)  # noqa: SLF001 - nothing public tells it exactly
    return SummedTrees(
        forest=_forest([_tree(tree, tree.value[:, 0, :1]) for tree in trees]),
        outputs=np.tile(np.arange(outputs, dtype=np.int32), stages),
        base=np.array(base[0], np.float64),
        rate=float(estimator.learning_rate),
        divisor=1,
        link={Task.BINARY: expit, Task.MULTICLASS: softmax, Task.REGRESSION: identity}[task],
        takes_missing=False,
    )


def _forest(trees: list[Tree]) -> Forest:
    if sum(len(tree.left) for tree in trees) > MOST_NODES:
        raise Unsupported(f"more than {MOST_NODES:,} nodes would take too much memory twice")
    return lay_out(trees)


def _tree(tree: Any, values: NDArray[np.float64]) -> Tree:
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=_above(tree.threshold),
        missing_left=np.asarray(tree.missing_go_to_left, bool),
        values=values,
    )


def _above(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """The float32 t for which x < t says the same as x <= threshold, of every float32 x."""
    with np.errstate(over="ignore"):
        nearest = threshold.astype(np.float32)
    below = np.where(nearest > threshold, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    return np.nextafter(below, np.float32(np.inf))
