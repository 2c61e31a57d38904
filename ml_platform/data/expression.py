"""Row rules as expressions over columns: `arrival >= departure and distance > 0`.

A small language of its own, read by Python's parser and nothing else: columns, numbers, text,
lists, `and or not`, `+ - * / // %`, `== != < <= > >=`, `in`, `isnull(x)`, `notnull(x)`, `abs(x)`.
There are no attributes, no other calls and no imports, so a declaration cannot run code by it.
A column whose name is no identifier, or a keyword of Python, stands in backticks: `` `class` ``.
"""

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left.isin(right),
    ast.NotIn: lambda left, right: ~left.isin(right),
}


def _isnull(value: Any) -> Any:
    import pandas as pd

    return pd.isna(value)


def _notnull(value: Any) -> Any:
    import pandas as pd

    return pd.notna(value)


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "isnull": _isnull,
    "notnull": _notnull,
    "abs": operator.abs,
}
_ASKS_FOR_NULL = {"isnull", "notnull"}
_QUOTED = re.compile(r"`([^`]+)`")
_DEEPEST = 50


@dataclass(frozen=True)
class Expression:
    """A parsed row rule.

    text: as it was written.
    columns: the columns that it names, in the order of their first mention.
    """

    text: str
    columns: tuple[str, ...]
    _body: ast.expr
    _names: dict[str, str]
    _asks_for_null: bool

    def holds(self, frame: "pd.DataFrame") -> "pd.Series":
        """Return for each row of `frame` whether it is fine.

        A row with a null in a named column is fine, as in an SQL check, unless the expression
        asks for nulls itself.

        Raises TypeError when the columns do not have the types that the operators need.
        """
        return self._truth(frame, where_null=True)

    def selects(self, frame: "pd.DataFrame") -> "pd.Series":
        """Return for each row of `frame` whether it is meant, as in the WHERE of SQL.

        A row with a null in a named column is not, unless the expression asks for nulls itself.

        Raises TypeError as `holds` does.
        """
        return self._truth(frame, where_null=False)

    def _truth(self, frame: "pd.DataFrame", *, where_null: bool) -> "pd.Series":
        import pandas as pd

        value = self._value(self._body, frame)
        result = pd.Series(value, index=frame.index).fillna(value=False).astype(bool)
        if not self._asks_for_null:
            null = frame[list(self.columns)].isna().any(axis=1)
            result = result | null if where_null else result & ~null
        return result

    def _value(self, node: ast.expr, frame: "pd.DataFrame") -> Any:  # noqa: PLR0911 - one a node
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return frame[self._names[node.id]]
            case ast.List() | ast.Tuple():
                return [self._value(item, frame) for item in node.elts]
            case ast.BinOp():
                left, right = self._value(node.left, frame), self._value(node.right, frame)
                return _BINARY[type(node.op)](left, right)
            case ast.UnaryOp():
                value = self._value(node.operand, frame)
                return -value if isinstance(node.op, ast.USub) else ~value
            case ast.BoolOp():
                join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
                result = self._value(node.values[0], frame)
                for item in node.values[1:]:
                    result = join(result, self._value(item, frame))
                return result
            case ast.Compare():
                return self._compare(node, frame)
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                return _FUNCTIONS[name](self._value(argument, frame))
            case _:
                raise TypeError(f"{ast.dump(node)} was let through when {self.text!r} was parsed")

    def _compare(self, node: ast.Compare, frame: "pd.DataFrame") -> Any:
        result: Any = None
        left = self._value(node.left, frame)
        for kind, item in zip(node.ops, node.comparators, strict=True):
            right = self._value(item, frame)
            part = _COMPARE[type(kind)](left, right)
            result = part if result is None else result & part
            left = right
        return result


def parse_expression(text: str) -> Expression:
    """Parse a row rule.

    Raises ValueError that says what is not part of the language and what is.
    """
    names: dict[str, str] = {}
    source = _QUOTED.sub(lambda match: _placeholder(match.group(1), names), text)
    try:
        body = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text!r} is not an expression: {error}") from error
    _require_known(body, text, depth=0)
    mentioned = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
    columns: dict[str, None] = {}
    for node in ast.walk(body):
        if isinstance(node, ast.Name) and node.id not in _FUNCTIONS:
            columns[names.setdefault(node.id, node.id)] = None
    if not columns:
        raise ValueError(f"{text!r} names no column")
    return Expression(text, tuple(columns), body, names, bool(mentioned & _ASKS_FOR_NULL))


def _placeholder(column: str, names: dict[str, str]) -> str:
    name = f"_quoted_{len(names)}"
    names[name] = column
    return name


def _is_known_call(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name), args=[_], keywords=[]):
            return name in _FUNCTIONS
        case _:
            return False


def _require_known(node: ast.expr, text: str, *, depth: int) -> None:
    if depth > _DEEPEST or not _is_known(node):
        part = ast.unparse(node) if depth <= _DEEPEST else "an expression nested too deep"
        raise ValueError(
            f"{text!r} uses {part!r}; a rule has columns, numbers, text, lists, and or not, "
            "+ - * / // %, == != < <= > >=, in, isnull(x), notnull(x), abs(x)"
        )
    parts = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    for part in parts:
        if isinstance(part, ast.expr):
            _require_known(part, text, depth=depth + 1)


def _is_known(node: ast.expr) -> bool:  # noqa: PLR0911 - one a kind of node
    match node:
        case ast.Constant():
            return isinstance(node.value, bool | int | float | str)
        case ast.Name():
            return node.id not in _FUNCTIONS
        case ast.List() | ast.Tuple():
            return all(isinstance(item, ast.Constant) for item in node.elts)
        case ast.BinOp():
            return type(node.op) in _BINARY
        case ast.UnaryOp():
            return isinstance(node.op, ast.USub | ast.Not)
        case ast.BoolOp():
            return True
        case ast.Compare():
            return all(_is_known_comparison(*pair) for pair in _comparisons(node))
        case _:
            return _is_known_call(node)


def _comparisons(node: ast.Compare) -> list[tuple[ast.expr, ast.cmpop, ast.expr]]:
    operands = [node.left, *node.comparators]
    return list(zip(operands, node.ops, operands[1:], strict=False))


def _is_known_comparison(left: ast.expr, kind: ast.cmpop, right: ast.expr) -> bool:
    if isinstance(kind, ast.In | ast.NotIn):
        return isinstance(left, ast.Name) and isinstance(right, ast.List | ast.Tuple)
    lists = (ast.List, ast.Tuple)
    return type(kind) in _COMPARE and not isinstance(left, lists) and not isinstance(right, lists)
