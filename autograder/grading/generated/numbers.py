"""Operators of arithmetic: each yields what may stand in place of an expression."""

import ast
import re
from collections.abc import Iterator

from autograder.grading.generated.source import Edit, Source, expressions

_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.MatMult: "@",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is", ast.IsNot: "is not",
    ast.In: "in", ast.NotIn: "not in", ast.And: "and", ast.Or: "or",
}  # fmt: skip
_EXCHANGED = {
    "+": ("-", "*"), "-": ("+", "*"), "*": ("/", "+"), "/": ("*", "-"), "//": ("/", "*"), "%": ("//",), "**": ("*", "+"), "@": ("*",),
    "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="), "==": ("!=", ">="), "!=": ("==",), "is": ("is not",),
    "is not": ("is",), "in": ("not in",), "not in": ("in",), "and": ("or",), "or": ("and",),
}  # fmt: skip
_ORDERED = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)  # their operands cannot be exchanged
_ROOTS = ("sqrt", "rsqrt", "square", "abs")


def operators(source: Source) -> Iterator[Edit]:
    """Operators of arithmetic, comparison and logic, exchanged."""
    for node in source.nodes:
        if isinstance(node, ast.BinOp):
            yield from _symbol(source, "operator", node.left, node.op, node.right)
        elif isinstance(node, ast.AugAssign):
            yield from _symbol(source, "operator", node.target, node.op, node.value, "=")
        elif isinstance(node, ast.Compare):
            for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators):
                yield from _symbol(source, "comparison", left, op, right)
        elif isinstance(node, ast.BoolOp):
            for left, right in zip(node.values, node.values[1:]):
                yield from _symbol(source, "comparison", left, node.op, right)


def _symbol(source: Source, name: str, left: ast.expr, op: ast.AST, right: ast.expr, after: str = "") -> Iterator[Edit]:
    symbol = _SYMBOLS.get(type(op), "")
    start, end = source.span(left)[1], source.span(right)[0]
    words = re.escape(symbol).replace(r"\ ", r"\s+")
    found = re.search(words.encode() + re.escape(after.encode()), source.data[start:end])
    if symbol and found:
        for other in _EXCHANGED.get(symbol, ()):
            yield Edit(name, start + found.start(), start + found.end(), other + after)


def operands(source: Source) -> Iterator[Edit]:
    """One operand alone, or the two exchanged."""
    for node in expressions(source):
        if isinstance(node, ast.BinOp):
            left, right = source.of(node.left), source.of(node.right)
            yield source.in_place("operand dropped", node, left)
            yield source.in_place("operand dropped", node, right)
            if isinstance(node.op, _ORDERED):
                yield source.in_place("operands exchanged", node, f"({right}) {_SYMBOLS[type(node.op)]} ({left})")
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                yield source.in_place("operand dropped", node, source.of(value))


def constants(source: Source) -> Iterator[Edit]:
    """Numbers shifted, scaled and negated; axes changed; truth values turned; one text of the region in place of another."""
    texts = sorted({n.value for n in source.nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)})
    for node in expressions(source):
        if not isinstance(node, ast.Constant) or isinstance(source.parents[node], (ast.JoinedStr, ast.FormattedValue)):
            continue
        if isinstance(node.value, bool):
            yield source.in_place("truth", node, str(not node.value))
        elif isinstance(node.value, (int, float)):
            name = "axis" if _is_axis(source, node) else "constant"
            for other in _other_numbers(node.value, name == "axis"):
                yield source.in_place(name, node, repr(other))
        elif isinstance(node.value, str):
            for text in texts:
                yield source.in_place("text", node, repr(text))


def _other_numbers(value: int | float, axis: bool) -> list[int | float]:
    if axis:
        found: list[int | float] = [0, 1, 2, -1, -2]
    elif isinstance(value, int):
        found = [value + 1, value - 1, -value, 2 * value, value // 2]
    else:
        found = [-value, 2 * value, value / 2, 10 * value, value + 1, 0.95 * value]
    return [other for other in dict.fromkeys(found) if other != value or isinstance(other, float) != isinstance(value, float)]


def _is_axis(source: Source, node: ast.Constant) -> bool:
    parent = source.parents[node]
    if isinstance(parent, ast.UnaryOp):
        parent = source.parents[parent]
    return isinstance(parent, ast.keyword) and parent.arg in ("dim", "axis")


def signs(source: Source) -> Iterator[Edit]:
    """Signs and `not` taken away; operands of arithmetic, and what is returned, negated and scaled."""
    for node in expressions(source):
        parent = source.parents[node]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
            yield source.in_place("sign taken away", node, source.of(node.operand))
        counted = isinstance(parent, ast.BinOp) or (isinstance(parent, ast.Return) and not isinstance(node, ast.Tuple))
        if counted and not isinstance(node, ast.Constant):
            text = source.of(node)
            for other in (f"-({text})", f"2 * ({text})", f"1.05 * ({text})"):
                yield source.in_place("negated" if other[0] == "-" else "scaled", node, _plain(other, node, text))


def roots(source: Source) -> Iterator[Edit]:
    """Square roots and powers taken away, and put where there is none."""
    for node in expressions(source):
        text = source.of(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            yield source.in_place("root taken away", node, source.of(node.left))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ROOTS:
            inner = node.args[0] if node.args else node.func.value
            yield source.in_place("root taken away", node, source.of(inner))
        elif _is_factor(source, node):
            for power in ("0.5", "2"):
                yield source.in_place("power", node, _plain(f"({text}) ** {power}", node, text))


def conditions(source: Source) -> Iterator[Edit]:
    """Conditions negated, and always or never true."""
    for node in source.nodes:
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            for other in (f"not ({source.of(node.test)})", "True", "False"):
                yield source.in_place("condition", node.test, other)


def _is_factor(source: Source, node: ast.expr) -> bool:
    parent = source.parents[node]
    return isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Mult, ast.Div)) and not isinstance(node, ast.Constant)


def _plain(text: str, node: ast.expr, inner: str) -> str:
    """Without parentheses around a name, a call, or what else needs none."""
    simple = isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
    return text.replace(f"({inner})", inner) if simple else text
