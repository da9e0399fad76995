"""Operators of whole statements."""

import ast
import textwrap
from collections.abc import Iterator

from autograder.grading.generated.source import Edit, Source

_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return)


def dropped(source: Source) -> Iterator[Edit]:
    """A statement left out."""
    for block in source.blocks:
        for statement in block:
            if not isinstance(statement, ast.Pass):
                yield Edit("statement dropped", *source.span(statement), "pass")


def exchanged(source: Source) -> Iterator[Edit]:
    """A statement and the next one, exchanged."""
    for block in source.blocks:
        for first, second in zip(block, block[1:]):
            (start, middle), (behind, end) = source.span(first), source.span(second)
            yield Edit("statements exchanged", start, end, source.of(second) + source.between(middle, behind) + source.of(first))


def repeated(source: Source) -> Iterator[Edit]:
    """A statement made twice."""
    for block in source.blocks:
        for statement in block:
            if isinstance(statement, _SIMPLE) and not isinstance(statement, ast.Return):
                text = source.of(statement)
                yield Edit("statement repeated", *source.span(statement), f"{text}\n{_margin(source, statement)}{text}")


def returned_early(source: Source) -> Iterator[Edit]:
    """What is assigned is returned at once; a loop ends after its first turn."""
    for block in source.blocks:
        for statement in block:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                yield Edit("returned early", *source.span(statement), f"return {source.of(statement.value)}")
            elif isinstance(statement, (ast.For, ast.While)):
                last = statement.body[-1]
                end = source.span(last)[1]
                yield Edit("loop", end, end, f"\n{_margin(source, last)}break")


def gradients(source: Source) -> Iterator[Edit]:
    """`with torch.no_grad()` taken away, or put around a statement with a call where no decorator has done so."""
    for block in source.blocks:
        for statement in block:
            if isinstance(statement, ast.With):
                items = [item.context_expr for item in statement.items]
                if len(items) == 1 and "grad" in source.of(items[0]):
                    start, end = source.span(items[0])
                    yield Edit("gradient", start, end, "torch.enable_grad()")
            elif source.has_gradients and isinstance(statement, _SIMPLE) and any(isinstance(node, ast.Call) for node in ast.walk(statement)):
                margin = _margin(source, statement)
                inner = textwrap.indent(source.of(statement), "    ").replace("    ", f"{margin}    ", 1)
                yield Edit("gradient", *source.span(statement), f"with torch.no_grad():\n{inner}")


def _margin(source: Source, statement: ast.stmt) -> str:
    return " " * statement.col_offset
