"""The top-level statements of a notebook, each with its names and its text, ready to stand in a module."""

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.submission.notebook_names import Names, names_of
from autograder.submission.notebooks import CodeCell
from autograder.submission.stubs import is_main

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Loop = ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith
_Branch = ast.If | ast.Try | ast.TryStar
_NEEDLESS = (ast.Assert, ast.Delete, ast.Pass)
ONLY_IN_NOTEBOOKS = {"IPython", "google", "ipykernel", "ipywidgets"}


@dataclass(eq=False)
class Statement:
    """A statement that may come into a module. `lines`: its text; `places`: the line of the cell that each of them is."""

    index: int  # in the order of the notebook
    cell: int
    node: ast.stmt
    names: Names
    lines: list[str]
    places: list[int]

    @property
    def line(self) -> int:
        return _first_line(self.node)

    @property
    def is_conditional(self) -> bool:
        """Whether it may run without binding its names anew."""
        return isinstance(self.node, _Branch | _Loop)

    @property
    def is_definition(self) -> bool:
        return isinstance(self.node, _Definition)


def statements(cell: CodeCell, first: int) -> list[Statement]:
    """The statements of a cell that bind or change a name, numbered from `first` on. Raises RecursionError for code that is nested too
    deeply.
    """
    found: list[Statement] = []
    text = [line.encode("utf-8", "replace") for line in cell.text.split("\n")]
    for node, since in _flat(cell.tree.body if cell.tree else []):
        names = names_of(node)
        if names.binds or names.changes or names.star:
            lines, places = _text(text, node, since)
            found.append(Statement(first + len(found), cell.number, node, names, lines, places))
    return found


def training_functions(found: Sequence[Statement]) -> frozenset[str]:
    """Functions and methods that train, at first or second hand."""
    calls: dict[str, set[str]] = {}
    for statement in found:
        for function in _functions(statement.node):
            names = names_of(function)
            calls.setdefault(function.name, set()).update(names.calls_later)
    training = {"backward"}
    while more := {name for name, called in calls.items() if called & training} - training:
        training |= more
    return frozenset(training - {"__init__", "forward", "__call__"})


def _functions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for inner in [node, *getattr(node, "body", [])] if isinstance(node, _Definition) else []:
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield inner


def _flat(body: Sequence[ast.stmt]) -> Iterator[tuple[ast.stmt, int]]:
    """(statement, the line from which on comments belong to it). Definitions inside loops, and all below `if __name__ == "__main__"`,
    which is true in a notebook, stand for themselves; what has no effect on names is taken out of branches.
    """
    end = 0
    for node in body:
        since, end = end + 1, node.end_lineno or node.lineno
        if isinstance(node, _NEEDLESS):
            continue
        if is_main(node) and isinstance(node, ast.If):
            yield from ((inner, _first_line(inner)) for inner, _ in _flat(node.body))
        elif isinstance(node, _Loop) and names_of(node).heavy(()):  # a training, in which something is defined
            yield from ((inner, _first_line(inner)) for inner, _ in _flat(node.body) if isinstance(inner, _Definition))
            yield _without_definitions(node), since
        elif isinstance(node, _Loop):
            yield from ((inner, _first_line(inner)) for inner, _ in _flat(node.body) if isinstance(inner, _Definition))
            yield _pruned(_without_definitions(node)), since
        elif isinstance(node, _Branch):
            yield _pruned(node), since
        else:
            yield node, since


def _pruned(node: Any) -> Any:
    """A branch or a loop without the statements in it that leave all names as they are, or do what takes long."""
    node = copy.copy(node)
    for block in ("body", "orelse", "finalbody"):
        if inner := getattr(node, block, None):
            setattr(node, block, [_pruned(one) if isinstance(one, _Branch | _Loop) else _or_pass(one) for one in inner])
    if isinstance(node, (ast.Try, ast.TryStar)):
        node.handlers = [_pruned(handler) for handler in node.handlers]
    return node


def _or_pass(node: ast.stmt) -> ast.stmt:
    if isinstance(node, (ast.Break, ast.Continue)):
        return node
    names = names_of(node)
    needless = isinstance(node, (*_NEEDLESS, ast.Raise)) or not (names.binds or names.changes or names.star)
    heavy = not isinstance(node, _Definition) and names.heavy(())
    only_here = isinstance(node, (ast.Import, ast.ImportFrom)) and not names.star and roots(node) <= ONLY_IN_NOTEBOOKS
    return _pass(node) if needless or heavy or only_here else node


def roots(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The first parts of the modules that an import names."""
    named = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return {name.partition(".")[0] for name in named}


def _pass(node: ast.stmt) -> ast.Pass:
    new = ast.copy_location(ast.Pass(), node)
    new.lineno = _first_line(node)
    new.replaces = node  # type: ignore[attr-defined]
    return new


def _without_definitions(node: _Loop) -> ast.stmt:
    node = copy.copy(node)
    node.body = [_pass(one) if isinstance(one, _Definition) else one for one in node.body]
    return node


# --- text -------------------------------------------------------------------------------------------------------------


def _first_line(node: ast.stmt) -> int:
    """The first line of a statement, its decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])


def _text(cell: list[bytes], node: ast.stmt, since: int) -> tuple[list[str], list[int]]:
    """A statement with the comments above it, as lines of a module, and which lines of the cell these are."""
    first, last = _first_line(node), node.end_lineno or node.lineno
    lines = cell[first - 1 : last]
    lines[-1] = lines[-1][: node.end_col_offset]
    replaced = [inner.replaces for inner in ast.walk(node) if hasattr(inner, "replaces")]
    for inner in sorted(replaced, key=lambda one: (one.lineno, one.col_offset), reverse=True):
        _blank(lines, inner, first)
    before = cell[first - 1][: node.col_offset]
    above, places = cell[since - 1 : first - 1], list(range(min(since, first), last + 1))
    if before.strip():  # another statement stands before it
        lines[0] = lines[0][node.col_offset :]
    elif before:  # it stood inside a block
        lines, above, places = [b"if True:", *lines], [], [first, *range(first, last + 1)]
    return [line.decode("utf-8") for line in [*above, *lines]], places


def _blank(lines: list[bytes], node: ast.stmt, first: int) -> None:
    """Put `pass` in place of a statement, and keep the number of lines."""
    start, end = _first_line(node) - first, (node.end_lineno or node.lineno) - first
    column = len(lines[start]) - len(lines[start].lstrip()) if start < node.lineno - first else node.col_offset
    rest = lines[end][node.end_col_offset :]
    lines[start] = lines[start][:column] + b"pass" + rest
    lines[start + 1 : end + 1] = [b""] * (end - start)
