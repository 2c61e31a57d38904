"""XGBoost's boosted trees as a compiled walk."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from ml_platform.serving.compiled.layout import Forest, Tree, lay_out
from ml_platform.serving.compiled.loading import kernels
from ml_platform.serving.compiled.scorer import Score, Scores, Unsupported
from ml_platform.training.trainers.xgboost import XGBoostEstimator

IDENTITY, SIGMOID, EXPONENTIAL, SOFTMAX = range(4)

WALKED_ROWS = 32
"""Up to so many rows XGBoost's overhead of a call, 100 microseconds, is what counts."""

LINKS = {
    "binary:logistic": SIGMOID,
    "reg:logistic": SIGMOID,
    "multi:softprob": SOFTMAX,
    "count:poisson": EXPONENTIAL,
    "reg:gamma": EXPONENTIAL,
    "reg:tweedie": EXPONENTIAL,
    "reg:squarederror": IDENTITY,
    "reg:absoluteerror": IDENTITY,
    "reg:pseudohubererror": IDENTITY,
}
"""How the sum over the trees becomes the score, by objective."""


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """Trees of `outputs` outputs, whose sums begin at `base` (k,).

    estimator: scores larger batches, for which XGBoost's own walk is the faster one.
    """

    forest: Forest
    outputs: NDArray[np.int32]
    base: NDArray[np.float32]
    link: int
    estimator: XGBoostEstimator
    dtype = np.float32

    def one(self, row: NDArray[np.float32], /) -> Score:
        """Score a row of shape (width,)."""
        if len(self.base) > 1:
            return tuple(self.many(row.reshape(1, -1))[0].tolist())
        boosted, nodes, roots, depths, base = self._one
        return boosted(row, nodes, roots, depths, base, self.link)

    def many(self, rows: NDArray[np.float32], /) -> Scores:
        """Score rows of shape (n, width)."""
        if len(rows) > WALKED_ROWS:
            return self.estimator.scores(rows)  # pyright: ignore[reportArgumentType] - float32, too
        forest = self.forest
        scores = kernels().boosted_many(
            rows, forest.nodes, forest.roots, forest.depths, self.outputs, self.base, self.link
        )
        return scores if len(self.base) > 1 else scores[:, 0]

    @cached_property
    def _one(self) -> tuple[Any, ...]:
        forest = self.forest
        return kernels().boosted_one, forest.nodes, forest.roots, forest.depths, self.base[0]


def boosted_trees(estimator: XGBoostEstimator) -> BoostedTrees:
    """Compile a booster. Raises Unsupported for what is more than a sum of plain trees."""
    learner = from_json(estimator.booster.save_raw("json"))["learner"]
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise Unsupported(f"XGBoost's booster {booster['name']} is more than a sum of trees")
    if objective not in LINKS:
        raise Unsupported(f"XGBoost's objective {objective} has no compiled form")
    if int(learner["learner_model_param"]["num_target"]) > 1:
        raise Unsupported("XGBoost's trees with several targets have no compiled form")
    trees = booster["model"]["trees"]
    if not trees:
        raise Unsupported("there are no trees")
    if any(any(tree["split_type"]) for tree in trees):
        raise Unsupported("XGBoost's own categorical splits have no compiled form")
    forest = lay_out([_tree(tree) for tree in trees])
    forest.nodes["value"] = forest.values[:, 0]
    classes = max(1, int(learner["learner_model_param"]["num_class"]))
    return BoostedTrees(
        forest=forest,
        outputs=np.array(booster["model"]["tree_info"], np.int32),
        base=_base(learner["learner_model_param"]["base_score"], LINKS[objective], classes),
        link=LINKS[objective],
        estimator=estimator,
    )


def _tree(tree: dict[str, Any]) -> Tree:
    conditions = np.array(tree["split_conditions"], np.float32)
    return Tree(
        left=np.array(tree["left_children"], np.int64),
        right=np.array(tree["right_children"], np.int64),
        feature=np.array(tree["split_indices"], np.int64),
        threshold=conditions,
        missing_left=np.array(tree["default_left"], bool),
        values=conditions.astype(np.float64).reshape(-1, 1),  # at a leaf this is its answer
    )


def _base(text: str, link: int, outputs: int) -> NDArray[np.float32]:
    """Where the sums begin: the declared or estimated score, as a margin."""
    numbers = np.array(json.loads(text), np.float32).reshape(-1)
    margins = [kernels().margin_of(number, link) for number in numbers]
    return np.array(margins * (outputs if len(margins) == 1 else 1), np.float32)
