"""Decision trees as flat arrays, laid out for a walk without branches."""

from collections.abc import Iterator, Sequence
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
    """Put the trees into one array, siblings side by side, level by level.

    Nodes that pruning cut off leave room at the end of their tree.
    """
    sizes = np.array([len(tree.left) for tree in trees])
    roots = np.cumsum(sizes) - sizes
    owner = np.repeat(np.arange(len(trees)), sizes)
    left, right = _children(trees, roots)
    levels = _levels(roots, left, right)
    reached = np.concatenate(levels)
    reached = reached[np.argsort(owner[reached], kind="stable")]
    ahead = np.cumsum(np.bincount(owner[reached])) - np.bincount(owner[reached])
    at = np.arange(len(reached)) + (roots - ahead)[owner[reached]]
    place = np.zeros(len(owner), np.int64)
    place[reached] = at
    inner = left[reached] >= 0
    nodes = np.zeros(len(owner), NODE)
    nodes["threshold"][at] = np.where(inner, _all(trees, "threshold")[reached], np.inf)
    split = _all(trees, "feature") * 2 + _all(trees, "missing_left")
    nodes["feature"][at] = np.where(inner, split[reached], 1)
    nodes["left"][at] = np.where(inner, place[left[reached]], at)
    answers = _all(trees, "values")
    values = np.zeros(answers.shape)
    values[at] = answers[reached]
    depths = np.zeros(len(trees), np.int32)
    for depth, level in enumerate(levels):
        depths[owner[level]] = depth
    return Forest(nodes=nodes, roots=roots.astype(np.int32), depths=depths, values=values)


def _all(trees: Sequence[Tree], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(tree, name) for tree in trees])


def _children(trees: Sequence[Tree], roots: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The left and the right children, counted through all trees; -1 at a leaf."""
    for side in ("left", "right"):
        child = _all(trees, side)
        offset = np.repeat(roots, [len(tree.left) for tree in trees])
        yield np.where(child < 0, -1, child + offset)


def _levels(
    roots: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """The nodes of all trees by their depth, in each level tree by tree."""
    levels = [roots]
    while True:
        inner = levels[-1][left[levels[-1]] >= 0]
        if len(inner) == 0:
            return levels
        levels.append(np.stack([left[inner], right[inner]], axis=1).reshape(-1))
