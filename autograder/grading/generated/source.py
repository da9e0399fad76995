"""A file with TODO regions as operators see it: the syntax tree of one region, with the place of every node in the text.

Edits are spans of bytes with a new text, so that everything else of the file stays as it was written, and two edits of one region can be
made together. Everything here is pure.
"""

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from autograder.markers import find_region, regions

Block = list[ast.stmt]


@dataclass(frozen=True)
class Edit:
    """`text` in place of the bytes from `start` to `end`. `expression`: it may need parentheses there, see Source.fitted."""

    operator: str
    start: int
    end: int
    text: str
    expression: bool = False

    def overlaps(self, other: "Edit") -> bool:
        return (self.start < other.end and other.start < self.end) or self.start == other.start


@dataclass(frozen=True)
class Source:
    """One region in the whole text of its file, markers included."""

    text: str
    region: str  # as in the manifest

    @cached_property
    def data(self) -> bytes:
        return self.text.encode()

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.data.split(b"\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts

    @cached_property
    def tree(self) -> ast.Module:
        return parsed(self.text)

    @cached_property
    def blocks(self) -> list[Block]:
        """Lists of consecutive statements of the region, the outermost first, without docstrings."""
        found = find_region(regions(self.text), self.region)
        if found is None:
            return []
        first, last = found.begin_line, found.end_line
        blocks = []
        for node in ast.walk(self.tree):
            for name in ("body", "orelse", "finalbody"):
                block = getattr(node, name, None)
                if isinstance(block, list):
                    inside = [s for s in block if isinstance(s, ast.stmt) and first < s.lineno and (s.end_lineno or 0) < last]
                    blocks.append([s for s in inside if not _is_text(s)])
        return [block for block in blocks if block]

    @cached_property
    def _scope(self) -> tuple[int, int]:
        """The bytes of the function around the region, or of the region itself where it stands in none."""
        if not self.blocks:
            return 0, len(self.data)
        node: ast.AST | None = self.blocks[0][0]
        lines = self.blocks[0][0].lineno, self.blocks[0][-1].end_lineno or 0
        while (node := self.parents.get(node) if node else None) is not None:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = node.lineno, node.end_lineno or 0
        return self._starts[lines[0] - 1], self._starts[lines[1]]

    def program(self, edits: Sequence[Edit]) -> str | None:
        """The syntax tree of the function around the region with these edits; equal for equal programs. None where it does not compile."""
        start, end = self._scope
        text = _applied(self.data[start:end], edits, start)
        return dumped(f"if True:\n{text}" if text[:1].isspace() else text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the region, in the order of the text."""
        inside = {id(node): node for block in self.blocks for statement in block for node in ast.walk(statement)}
        return sorted((n for n in inside.values() if hasattr(n, "lineno")), key=lambda n: self.span(n))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def names(self) -> list[str]:
        """What is bound in the region, or given to the function around it, without `self`, in the order of the alphabet."""
        bound = {node.id for node in self.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        node: ast.AST | None = self.blocks[0][0] if self.blocks else None
        while node is not None:
            if isinstance(node, (ast.FunctionDef, ast.Lambda)):
                bound |= {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
            node = self.parents.get(node)
        bound |= {node.arg for node in self.nodes if isinstance(node, ast.arg)}
        return sorted(bound - {"self", "cls", "_"})

    @cached_property
    def has_gradients(self) -> bool:
        """Whether no function around the region is decorated by `torch.no_grad()` or its like."""
        node: ast.AST | None = self.blocks[0][0] if self.blocks else None
        while node is not None:
            if isinstance(node, ast.FunctionDef) and any("_grad" in ast.unparse(d) or "inference" in ast.unparse(d) for d in node.decorator_list):
                return False
            node = self.parents.get(node)
        return True

    def span(self, node: ast.AST) -> tuple[int, int]:
        """The bytes of a node."""
        line, column, last_line, last_column = (getattr(node, f"{end}{name}") for end in ("", "end_") for name in ("lineno", "col_offset"))
        return self._starts[line - 1] + column, self._starts[last_line - 1] + last_column

    def in_place(self, operator: str, node: ast.AST, text: str) -> Edit:
        """An expression in place of another."""
        return Edit(operator, *self.span(node), text, expression=True)

    def of(self, node: ast.AST) -> str:
        """The text of a node, without parentheses around it."""
        start, end = self.span(node)
        return self.data[start:end].decode()

    def between(self, start: int, end: int) -> str:
        return self.data[start:end].decode()

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Of a byte; both count from 1."""
        line = max(i for i, start in enumerate(self._starts) if start <= offset)
        return line + 1, offset - self._starts[line] + 1

    def with_edits(self, edits: Sequence[Edit]) -> str:
        """The text with these edits, which do not overlap."""
        return _applied(self.data, edits)

    def fitted(self, edit: Edit) -> Edit:
        """The edit of an expression, in parentheses where it would become a part of what stands around it."""
        if not edit.expression:
            return edit
        bracketed = replace(edit, text=f"({edit.text})", expression=False)
        plain = replace(edit, expression=False)
        return plain if self.program([plain]) == self.program([bracketed]) else bracketed


def _applied(data: bytes, edits: Sequence[Edit], first: int = 0) -> str:
    """`data`, which begins at the byte `first` of the file, with edits."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        data = data[: edit.start - first] + edit.text.encode() + data[edit.end - first :]
    return data.decode()


def parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as `is` with a number, which an operator may well make
        return ast.parse(text)


def dumped(text: str) -> str | None:
    """The syntax tree in one line, the same for all layouts; None for what does not compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "mutant", "exec", dont_inherit=True)
            return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        return None


def expressions(source: Source) -> Iterator[ast.expr]:
    """The expressions of a region that stand for a value."""
    for node in source.nodes:
        if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            yield node


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
