"""Decision trees as flat arrays, laid out for a walk without branches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NODE = np.dtype(
    [("threshold", np.float32), ("feature", np.int32), ("left", np.int32), ("value", np.float32)]
)
"""A node: a number below `threshold` goes to `left`, another to the node after it.

feature: twice the column, plus 1 where a missing number goes left.
A leaf goes left to itself, whatever the number, so that a walk may go on too long.
"""


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree as its library stores it; n nodes, the root first.

    left, right: children, -1 at a leaf.
    feature: column of the matrix; threshold: float32, a number below it goes left.
    missing_left: where a missing number goes.
    values: (n, k) what a leaf answers.
    """

    left: NDArray[np.integer[Any]]
    right: NDArray[np.integer[Any]]
    feature: NDArray[np.integer[Any]]
    threshold: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Forest:
    """All trees in one array of nodes, in their order.

    roots: first node of each tree; depths: steps that reach every leaf of it.
    values: (nodes, k) what each leaf answers.
    """

    nodes: NDArray[np.void]
    roots: NDArray[np.int32]
    depths: NDArray[np.int32]
    values: NDArray[np.float64]


def lay_out(trees: Sequence[Tree]) -> Forest:
    """Put the trees into one array, siblings side by side, level by level."""
    starts = np.cumsum([0, *(len(tree.left) for tree in trees)])
    laid = [_laid(tree, start=int(start)) for tree, start in zip(trees, starts, strict=False)]
    return Forest(
        nodes=np.concatenate([nodes for nodes, _, _ in laid]),
        roots=starts[:-1].astype(np.int32),
        depths=np.array([depth for _, _, depth in laid], np.int32),
        values=np.ascontiguousarray(np.concatenate([values for _, values, _ in laid])),
    )


def _laid(tree: Tree, *, start: int) -> tuple[NDArray[np.void], NDArray[np.float64], int]:
    levels = _levels(tree)
    order = np.concatenate(levels)
    place = np.zeros(len(tree.left), np.int64)
    place[order] = np.arange(len(order))
    inner = tree.left[order] >= 0
    nodes = np.zeros(len(order), NODE)
    nodes["threshold"] = np.where(inner, tree.threshold[order], np.inf)
    nodes["feature"] = np.where(inner, tree.feature[order] * 2 + tree.missing_left[order], 1)
    nodes["left"] = start + np.where(inner, place[tree.left[order]], place[order])
    values = np.zeros((len(tree.left), tree.values.shape[1]))
    values[: len(order)] = tree.values[order]
    padding = np.zeros(len(tree.left) - len(order), NODE)  # nodes cut off by pruning
    return np.concatenate([nodes, padding]), values, len(levels) - 1


def _levels(tree: Tree) -> list[NDArray[np.integer[Any]]]:
    levels: list[NDArray[np.integer[Any]]] = [np.zeros(1, np.int64)]
    while True:
        inner = levels[-1][tree.left[levels[-1]] >= 0]
        if len(inner) == 0:
            return levels
        levels.append(np.stack([tree.left[inner], tree.right[inner]], axis=1).reshape(-1))
