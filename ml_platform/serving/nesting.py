"""How deeply a JSON body is nested."""

from typing import Any


def too_deep(body: bytes, content: object, *, limit: int) -> bool:
    """Return whether lists and objects in `content`, read from `body`, nest deeper than `limit`.

    A body with few opening brackets is settled by counting them; and no level is looked into once
    as many lists and objects were seen as there are brackets, so a batch costs no look at fields.

    >>> too_deep(b"[[[]]]", [[[]]], limit=3), too_deep(b"[[[]]]", [[[]]], limit=2)
    (False, True)
    """
    brackets = body.count(b"{") + body.count(b"[")
    if brackets <= limit:
        return False
    level: list[Any] = [content] if type(content) in (dict, list) else []
    depth = seen = 0
    while level:
        depth += 1
        if depth > limit:
            return True
        seen += len(level)
        if seen >= brackets:
            return False
        level = [
            value
            for each in level
            for value in (each.values() if type(each) is dict else each)
            if type(value) in (dict, list)
        ]
    return False
