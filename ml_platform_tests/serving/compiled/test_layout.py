import numpy as np

from ml_platform.serving.compiled.layout import Tree, lay_out


def tree(left: list[int], right: list[int], values: list[float]) -> Tree:
    size = len(left)
    return Tree(
        left=np.array(left),
        right=np.array(right),
        feature=np.arange(size),
        threshold=np.arange(size, dtype=np.float32),
        missing_left=np.ones(size, bool),
        values=np.array(values).reshape(-1, 1),
    )


def test_siblings_lie_side_by_side_and_leaves_go_to_themselves():
    forest = lay_out([tree([1, -1, 4, -1, -1], [2, -1, 3, -1, -1], [0, 1, 0, 3, 4])])

    assert forest.nodes["left"].tolist() == [1, 1, 3, 3, 4]
    assert forest.values[:, 0].tolist() == [0, 1, 0, 4, 3]
    assert forest.nodes["threshold"].tolist() == [0, np.inf, 2, np.inf, np.inf]
    assert forest.depths.tolist() == [2]


def test_trees_follow_each_other():
    forest = lay_out([tree([-1], [-1], [7]), tree([1, -1, -1], [2, -1, -1], [0, 8, 9])])

    assert forest.roots.tolist() == [0, 1]
    assert forest.depths.tolist() == [0, 1]
    assert forest.nodes["left"].tolist() == [0, 2, 2, 3]
    assert forest.values[:, 0].tolist() == [7, 0, 8, 9]


def test_nodes_that_pruning_cut_off_are_padding():
    forest = lay_out([tree([1, -1, -1, -1, -1], [2, -1, -1, -1, -1], [0, 1, 2, 3, 4])] * 2)

    assert forest.roots.tolist() == [0, 5]
    assert forest.nodes["left"][5] == 6
