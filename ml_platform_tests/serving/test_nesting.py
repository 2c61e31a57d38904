import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.serving.nesting import too_deep

JSON = st.recursive(
    st.none() | st.integers() | st.text('[]{}"\\a', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("[{a"), inner, max_size=4),
    max_leaves=30,
)


def depth(content: Any) -> int:
    if not isinstance(content, dict | list):
        return 0
    values = content.values() if isinstance(content, dict) else content
    return 1 + max(map(depth, values), default=0)


@given(content=JSON, limit=st.integers(1, 6))
def test_depth_is_told_exactly_whatever_the_texts_hold(content: Any, limit: int):
    body = json.dumps(content).encode()
    assert too_deep(body, content, limit=limit) == (depth(content) > limit)


@pytest.mark.parametrize("levels", [5, 6, 1000])
def test_deep_body_is_told_without_recursion(levels: int):
    content: Any = []
    for _ in range(levels - 1):
        content = [content]

    assert too_deep(b"[" * levels, content, limit=5) == (levels > 5)
