"""Regions that are no function: a TODO block of statements at the top of a file, or in the body of a class, such as a schedule.

A block is the student's own as far as it concerns its names, those that the solution or the handout binds in it ("T", "beta_t"): a
statement belongs to it that binds or changes one of them, wherever it stands, and whatever stands between the marks of the block, as
long as it leaves alone what the handout gives.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from autograder.markers import derive_handout, find_region, regions, strip_markers

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINITIONS = _Definition | ast.Import | ast.ImportFrom
_SCOPES = _Definition | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Block:
    """One such region of a file. `owner`: the class in whose body it stands, or ""."""

    heading: str  # the name in its marks
    owner: str
    names: frozenset[str]  # that it binds
    given: frozenset[str]  # that the handout binds beside it, at the same place


@dataclass(frozen=True)
class Source:
    """A file, as text and as a tree."""

    text: str
    tree: ast.Module

    @cached_property
    def attributes_read(self) -> frozenset[str]:
        """The attributes that are read somewhere in it: "layers" for `self.layers`."""
        return frozenset(node.attr for node in ast.walk(self.tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load))


@cache
def blocks_of(path: Path, paths: frozenset[str]) -> Mapping[str, Block]:
    """Those of the regions `paths` of a solution file that are blocks. Raises OSError and MarkerError."""
    text = path.read_text(encoding="utf-8")
    solved, handout = (Source(version, ast.parse(version)) for version in (strip_markers(text), derive_handout(text)))
    found: dict[str, Block] = {}
    for name in sorted(paths):
        region = find_region(regions(text), name)
        if region is None or _definition(solved.tree, name):
            continue
        owner = name.removesuffix(region.name).rstrip(".") or name.rpartition(".")[0]
        ours, theirs = (_split(source, region.name, owner) for source in (solved, handout))
        names = frozenset(bound for inside in (ours[0], theirs[0]) for statement in inside for bound in _bound(statement))
        found[name] = Block(region.name, owner, names, frozenset(bound for s in theirs[1] for bound in _bound(s)) - names)
    return found


def statements(source: Source, block: Block) -> list[ast.stmt]:
    """The statements of a file that belong to a block, in order."""
    marked = _marked(source.text, block.heading)
    return [statement for statement in _body(source.tree, block.owner) if _belongs(statement, block, marked)]


def without_blocks(source: Source, blocks: Mapping[str, Block]) -> ast.Module:
    """The tree, changed, without what belongs to blocks."""
    gone = {id(statement) for block in blocks.values() for statement in statements(source, block)}
    tree: ast.Module = _Without(gone).visit(source.tree)
    return tree


def as_function(source: Source, block: Block, names: Sequence[str]) -> ast.FunctionDef:
    """A function with the statements of a block, which returns `names`."""
    result = ast.Tuple([ast.Name(name, ast.Load()) for name in names], ast.Load()) if len(names) != 1 else ast.Name(names[0], ast.Load())
    arguments = ast.arguments([], [], None, [], [], None, [])
    body = [*(one for statement in statements(source, block) for one in _one_by_one(statement)), ast.Return(result)]
    return ast.fix_missing_locations(ast.FunctionDef("block", arguments, body, [], None))


def _one_by_one(statement: ast.stmt) -> list[ast.stmt]:
    """`a = b = None`, and `a, b = None, None`, as two statements: one way to write a stub is as good as another."""
    match statement:
        case ast.Assign(targets=targets, value=ast.Constant() as value) if all(isinstance(t, ast.Name) for t in targets):
            return [ast.copy_location(ast.Assign([target], value), statement) for target in targets]
        case ast.Assign(targets=[ast.Tuple(names)], value=ast.Tuple(values)) if len(names) == len(values):
            if all(isinstance(n, ast.Name) for n in names) and all(isinstance(v, ast.Constant) for v in values):
                return [ast.copy_location(ast.Assign([n], v), statement) for n, v in zip(names, values)]
    return [statement]


def names_bound(source: Source, block: Block) -> list[str]:
    """The names of a block that a file binds, whatever way."""
    bound = {name for statement in statements(source, block) for name in _bound(statement)}
    imported = {name for s in _body(source.tree, block.owner) if isinstance(s, _DEFINITIONS) for name in _bound(s)}
    return sorted(block.names & (bound | imported))


def lines_of(source: Source, block: Block) -> tuple[int, int] | None:
    """The first and the last line of a block in a file, from 1; None where nothing of it is there."""
    if marked := _marked(source.text, block.heading):
        return marked[0], marked[-1]
    found = statements(source, block)
    return (found[0].lineno, max(s.end_lineno or s.lineno for s in found)) if found else None


class _Without(ast.NodeTransformer):
    def __init__(self, gone: set[int]):
        self.gone = gone

    def visit(self, node: ast.AST) -> Any:
        if id(node) in self.gone:
            return None
        return self.generic_visit(node) if isinstance(node, ast.Module | ast.ClassDef) else node


def _split(source: Source, heading: str, owner: str) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """The statements between the marks of a block, and those beside them."""
    marked = _marked(source.text, heading)
    body = _body(source.tree, owner)
    return [s for s in body if s.lineno in marked], [s for s in body if s.lineno not in marked]


def _marked(text: str, heading: str) -> range:
    """The lines between the marks of a block, the marks included; empty where they are not there, or more than once."""
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    form = re.compile(rf"######## TODO [^\s:]+: {re.escape(heading)} ########")
    begins = [number for number, line in enumerate(lines, start=1) if form.fullmatch(line)]
    if len(begins) != 1 or "######## END TODO ########" not in lines[begins[0] :]:
        return range(0)
    return range(begins[0], lines.index("######## END TODO ########", begins[0]) + 2)


def _belongs(statement: ast.stmt, block: Block, marked: range) -> bool:
    if isinstance(statement, _DEFINITIONS):
        return False  # new ones are nobody's business, and given ones are the handout's
    changed = set(_changed(statement))
    acted_on = {_root(node.value) for node in _here(statement) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)}
    return not changed & block.given and (statement.lineno in marked or bool((changed | acted_on) & block.names))


def _body(tree: ast.Module, owner: str) -> list[ast.stmt]:
    found = _definition(tree, owner) if owner else tree
    return found.body if isinstance(found, ast.Module | ast.ClassDef) else []


def _definition(tree: ast.Module, path: str) -> _Definition | None:
    """The function or class under a path; of several the last."""
    around: ast.Module | _Definition = tree
    for part in path.split("."):
        inside = [node for s in around.body for node in _here(s) if isinstance(node, _Definition) and node.name == part]
        if not inside:
            return None
        around = inside[-1]
    return around if isinstance(around, _Definition) else None


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds where it stands."""
    if isinstance(statement, _Definition):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in statement.names)
    else:
        for node in _here(statement):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                yield node.id
            elif isinstance(node, _DEFINITIONS):
                yield from _bound(node)


def _changed(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds, and those of which it sets a part: `betas` for `betas[0] = 0`."""
    yield from _bound(statement)
    for node in _here(statement):
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                yield _root(node)
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[ast.Name(id=name), *_]):
                yield name


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _here(statement: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a statement that run in its own scope."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)
