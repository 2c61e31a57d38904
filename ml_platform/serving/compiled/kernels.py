"""The walks through trees, each compiled to machine code when it is first called.

Import this by `loading.kernels()`, which keeps the machine code for the next process. Numbers are
added in the order and in the precision of the library that trained the trees.
"""

import math
from typing import Any

import numba
import numpy as np

IDENTITY, SIGMOID, EXPONENTIAL, SOFTMAX = range(4)
BLOCK = 32
"""Rows that go through a tree together, while its nodes are in the cache."""
SHALLOW = 10
"""Up to this depth a walk takes all steps: one that stops at its leaf is guessed wrong often."""

_f4, _f8, _i4 = numba.float32, numba.float64, numba.int32
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "cache": True}


@numba.njit(**_OPTIONS)
def _step(row: Any, nodes: Any, place: Any) -> Any:
    node = nodes[place]
    number = row[node.feature >> 1]
    right = number >= node.threshold
    if math.isnan(number):
        right = (node.feature & 1) == 0
    return node.left + _i4(right)


@numba.njit(**_OPTIONS)
def _leaf(row: Any, nodes: Any, root: Any, depth: Any) -> Any:
    place = root
    if depth <= SHALLOW:
        for _ in range(depth):
            place = _step(row, nodes, place)
        return place
    following = _step(row, nodes, place)
    while following != place:
        place = following
        following = _step(row, nodes, place)
    return place


@numba.njit(**_OPTIONS)
def _four_leaves(row: Any, nodes: Any, roots: Any, depths: Any, tree: Any) -> Any:
    """The leaves of four trees, walked side by side: while one waits for memory, another steps."""
    one, two, three, four = roots[tree], roots[tree + 1], roots[tree + 2], roots[tree + 3]
    for _ in range(max(depths[tree], depths[tree + 1], depths[tree + 2], depths[tree + 3])):
        one, two = _step(row, nodes, one), _step(row, nodes, two)
        three, four = _step(row, nodes, three), _step(row, nodes, four)
    return one, two, three, four


@numba.njit(**_OPTIONS)
def _linked(margin: Any, link: Any) -> Any:
    # As XGBoost's common/math.h: float32 throughout, the C library's expf.
    if link == SIGMOID:
        return _f4(1) / (math.exp(-min(margin, _f4(88.7))) + _f4(1) + _f4(1e-16))
    if link == EXPONENTIAL:
        return math.exp(margin)
    return margin


@numba.njit(**_OPTIONS)
def boosted_one(row: Any, nodes: Any, roots: Any, depths: Any, base: Any, link: Any) -> Any:
    """Score one row (width,) by boosted trees with one output."""
    margin = base
    trees = len(roots)
    together = trees - trees % 4 if depths.max() <= SHALLOW else 0
    for tree in range(0, together, 4):
        one, two, three, four = _four_leaves(row, nodes, roots, depths, tree)
        margin += nodes[one].value
        margin += nodes[two].value
        margin += nodes[three].value
        margin += nodes[four].value
    for tree in range(together, trees):
        margin += nodes[_leaf(row, nodes, roots[tree], depths[tree])].value
    return _f8(_linked(margin, link))


@numba.njit(nogil=True, **_OPTIONS)
def boosted_many(
    rows: Any, nodes: Any, roots: Any, depths: Any, outputs: Any, base: Any, link: Any
) -> Any:
    """Score rows (n, width) by boosted trees with k outputs; (n, k).

    outputs: which output each tree adds to; base: (k,) where the sums begin.
    """
    margins = np.empty((len(rows), len(base)), np.float32)
    margins[:] = base
    for start in range(0, len(rows), BLOCK):
        end = min(start + BLOCK, len(rows))
        for tree in range(len(roots)):
            for row in range(start, end):
                leaf = _leaf(rows[row], nodes, roots[tree], depths[tree])
                margins[row, outputs[tree]] += nodes[leaf].value
    scores = np.empty(margins.shape, np.float64)
    for row in range(len(rows)):
        if link == SOFTMAX:
            highest = margins[row, 0]
            for output in range(1, len(base)):
                highest = max(highest, margins[row, output])
            total = 0.0
            for output in range(len(base)):
                margins[row, output] = math.exp(margins[row, output] - highest)
                total += margins[row, output]
            for output in range(len(base)):
                scores[row, output] = margins[row, output] / _f4(total)
        else:
            for output in range(len(base)):
                scores[row, output] = _linked(margins[row, output], link)
    return scores


@numba.njit(nogil=True, **_OPTIONS)
def summed(
    rows: Any,
    nodes: Any,
    roots: Any,
    depths: Any,
    outputs: Any,
    values: Any,
    base: Any,
    scale: Any,
) -> Any:
    """Add, in float64, what the leaves of all trees answer for rows (n, width); (n, k).

    outputs: which output each tree adds `scale` times its number to; empty where each leaf
        answers all k.
    values: (nodes, k), or (nodes, 1) where there are outputs; base: (k,) where the sums begin.
    """
    sums = np.empty((len(rows), len(base)), np.float64)
    sums[:] = base
    for start in range(0, len(rows), BLOCK):
        end = min(start + BLOCK, len(rows))
        for tree in range(len(roots)):
            for row in range(start, end):
                leaf = _leaf(rows[row], nodes, roots[tree], depths[tree])
                if len(outputs):
                    sums[row, outputs[tree]] += scale * values[leaf, 0]
                else:
                    for output in range(len(base)):
                        sums[row, output] += values[leaf, output]
    return sums


@numba.njit(**_OPTIONS)
def margin_of(score: Any, link: Any) -> Any:
    """Return the float32 margin that a score stands for, as XGBoost does: the C library's logf."""
    if link == SIGMOID:
        return -math.log(_f4(1) / score - _f4(1))
    if link == EXPONENTIAL:
        return math.log(score)
    return score
