"""Which regions hold nothing of the student's yet: those whose normal form is that of the handout's stub, or of a known edition's.

A normal form (`normal_form`) has no layout, comments, annotations, names or statements without effect. Work whose result is lost, since the
`return` is missing or names something else, has the normal form of a stub too, and is none: it has far more operations in it. Whether a
file is the handout's is decided here, and nowhere else.
"""

import ast
import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from autograder.errors import UserError
from autograder.manifest import Manifest
from autograder.markers import derive_handout
from autograder.submission.blocks import Block, Source, as_function, blocks_of, names_bound
from autograder.submission.editions import known_editions
from autograder.submission.normal_form import (
    Function,
    normal_form,
    operations,
    written_operations,
)
from autograder.submission.python_text import NotPython, decode, tree_of

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FEW = 6  # operations: a shorter solution counts as having so many
_IDLE = 3  # operations that may stand in a stub beside its own and make it nobody's work, such as a print
_MOST_GROWTH = 8  # a file of more than so many times the handout's bytes is not looked at: somebody has written in it


class Regions(NamedTuple):
    """Regions by their names in the manifest, "ddpm.py:DiffusionModule.p_sample"."""

    untouched: frozenset[str]  # still the stub of the handout or of a known edition, or less
    missing: frozenset[str]  # the function is gone, or its class, or its file


def regions_in(manifest: Manifest, name: str, content: bytes) -> Regions:
    """The regions of one file that hold nothing of the student's, and those that are not there and cannot come from elsewhere (a base
    class, an import, an assignment).

    Raises NotPython, RecursionError for code that is nested too deeply, and UserError when the handout's own file is not there.
    """
    untouched, missing = set(), set()
    known = _known(manifest, name)
    source, blocks = _source(name, content), blocks_in(manifest, name)
    tree = source.tree
    for path in region_paths(manifest, name):
        theirs = find(tree, path)
        if path in blocks:
            left, written = _block_form(source, blocks[path], known.harmless)
            if any(left <= stub.form and written <= stub.operations + _IDLE for stub in known.stubs[path]):
                untouched.add(f"{name}:{path}")
        elif isinstance(theirs, Function):
            left, written = set(normal_form(theirs, known.harmless, source.attributes_read)), written_operations(theirs)
            alike = any(left <= stub.form and written <= stub.operations + _IDLE for stub in known.stubs[path])
            if alike and not _is_bound_elsewhere(tree, path):
                untouched.add(f"{name}:{path}")
        elif _is_gone(tree, path, known.handout):
            missing.add(f"{name}:{path}")
    return Regions(frozenset(untouched), frozenset(missing))


def missing_definitions(manifest: Manifest, name: str, content: bytes) -> list[str]:
    """The handout's classes and functions that a file lacks and that cannot come from elsewhere: "BaseScheduler", "DiffusionModule.save".

    Of a class that is missing, nothing more is listed; of code that cannot be read, nothing. Raises UserError as `regions_in`.
    """
    given = handout(manifest.solution / name)
    try:
        tree = tree_of(name, content)
        gone = [path for path in _definition_paths(given.body) if _is_gone(tree, path, given)]
    except (NotPython, RecursionError):
        return []
    return [path for path in gone if path.rpartition(".")[0] not in gone]


def holds_work(manifest: Manifest, name: str, content: bytes | None) -> bool:
    """Whether there is anything of the student's in a file: not in the handout, in whatever line endings, nor in a known edition's."""
    if content is None or not region_paths(manifest, name) or not (manifest.solution / name).is_file():
        return True
    if len(content) > _MOST_GROWTH * len(handout_text(manifest.solution / name)):
        return True
    try:
        found = regions_in(manifest, name, content)
    except (NotPython, RecursionError):
        return True
    return len(found.untouched | found.missing) < len(region_paths(manifest, name))


def share_of_operations(manifest: Manifest, name: str, content: bytes, paths: Sequence[str]) -> float:
    """How many operations the regions `paths` of a file have, as a share of the solution's; 0 where they cannot be read."""
    known = _known(manifest, name)
    try:
        source = _source(name, content)
        mine = sum(_operations(source, path, known.blocks, known.harmless) for path in paths)
    except (NotPython, RecursionError):
        return 0.0
    return mine / max(_FEW, sum(known.operations[path] for path in paths))


def _operations(source: Source, path: str, blocks: Mapping[str, Block], harmless: frozenset[str]) -> int:
    if block := blocks.get(path):
        function: Function = as_function(source, block, names_bound(source, block))
    elif isinstance(found := find(source.tree, path), Function):
        function = found
    else:
        return 0
    return operations(function, harmless, source.attributes_read)


@lru_cache(maxsize=16)
def _source(name: str, content: bytes) -> Source:
    """A file of a submission, to be looked at and not to be changed. Raises NotPython and RecursionError."""
    return Source(decode(name, content)[0], tree_of(name, content))


def _block_form(source: Source, block: Block, harmless: frozenset[str]) -> tuple[set[str], int]:
    """What a block gives each of its names, in normal form, and how many operations are written in it."""
    form = set()
    for name in names_bound(source, block):
        left = normal_form(as_function(source, block, [name]), harmless, source.attributes_read)
        form.add(f"{name}: {' | '.join(left)}")
    if any(alias.name == "*" for s in source.tree.body if isinstance(s, ast.ImportFrom) for alias in s.names):
        form.add("*")  # they may come from there
    return form, written_operations(as_function(source, block, []))


# --- the handout ------------------------------------------------------------------------------------------------------


class _Stub(NamedTuple):
    form: frozenset[str]  # its normal form
    operations: int  # that stand in it


class _Known(NamedTuple):
    handout: ast.Module
    stubs: dict[str, list[_Stub]]  # by region
    harmless: frozenset[str]  # calls without effect: of given functions, and of what an object was made with
    blocks: Mapping[str, Block]  # regions that are no functions
    operations: dict[str, int]  # of the solution, by region


def handout(path: Path) -> ast.Module:
    """The handout's file that belongs to a solution's, anew each time. Raises UserError where there is none."""
    return ast.parse(handout_text(path))


@cache
def handout_text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"The solution has no file {path.name}, so submissions cannot be compared with it.") from error
    return derive_handout(text, path.name)


def _known(manifest: Manifest, name: str) -> _Known:
    texts = tuple(edition.stubs[name] for edition in known_editions(manifest) if name in edition.stubs)
    return _known_of(manifest.solution / name, region_paths(manifest, name), texts)


@cache
def _known_of(path: Path, paths: frozenset[str], editions: tuple[str, ...]) -> _Known:
    given, blocks = handout(path), blocks_of(path, paths)
    harmless = frozenset([*_given_functions(given), *_given_attributes(given)])
    sources = [Source(text, ast.parse(text)) for text in (handout_text(path), *editions)]
    stubs: dict[str, list[_Stub]] = {region: [] for region in paths}
    for region, source in itertools.product(paths, sources):
        if region in blocks:
            form, written = _block_form(source, blocks[region], harmless)
            stubs[region].append(_Stub(frozenset(form), written))
        elif isinstance(stub := find(source.tree, region), Function):
            form = set(normal_form(stub, harmless, source.attributes_read))
            stubs[region].append(_Stub(frozenset(form), written_operations(stub)))
    text = path.read_text(encoding="utf-8")
    solution = Source(text, ast.parse(text))
    return _Known(given, stubs, harmless, blocks, {region: _operations(solution, region, blocks, harmless) for region in paths})


def blocks_in(manifest: Manifest, name: str) -> Mapping[str, Block]:
    """The regions of a file that are no functions, by path."""
    return _known(manifest, name).blocks


def _given_functions(tree: ast.Module) -> Iterator[str]:
    yield from (item.name for item in tree.body if isinstance(item, ast.FunctionDef))


def _given_attributes(tree: ast.Module) -> Iterator[str]:
    """ "self.network" for `self.network = network` in a constructor: another object, which a call of it leaves ours as it is."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)], value=ast.Name()):
                yield f"self.{attribute}"


def region_paths(manifest: Manifest, name: str) -> frozenset[str]:
    """The regions of one file without its name: "DiffusionModule.p_sample"."""
    regions = [region for task in manifest.tasks for region in task.regions]
    return frozenset(region.partition(":")[2] for region in regions if region.startswith(name + ":"))


# --- definitions ------------------------------------------------------------------------------------------------------


def find(tree: ast.Module, path: str) -> _Definition | None:
    """The definition that a region's path means; of several the last, which is the one that counts."""
    body: Sequence[ast.stmt] = tree.body
    found: _Definition | None = None
    for part in path.split("."):
        found = None
        for definition in _definitions(body):
            if definition.name == part:
                found = definition
        if found is None:
            return None
        body = found.body
    return found


def _definitions(body: Sequence[ast.stmt]) -> Iterator[_Definition]:
    """Functions and classes of a block, also below `if` and `try`."""
    for statement in body:
        if isinstance(statement, _Definition):
            yield statement
        else:
            yield from _definitions(branches(statement))


def branches(statement: ast.stmt) -> list[ast.stmt]:
    """The statements inside of an `if`, `try`, `with` or loop; not of `if __name__ == "__main__"`, which never run."""
    if is_main(statement):
        return []
    inner: list[ast.stmt] = []
    for block in ("body", "handlers", "orelse", "finalbody"):
        for item in getattr(statement, block, []):
            inner.extend(item.body if isinstance(item, ast.ExceptHandler) else [item])
    return inner


def is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"


def _definition_paths(body: Sequence[ast.stmt], prefix: str = "") -> Iterator[str]:
    for definition in _definitions(body):
        yield prefix + definition.name
        if isinstance(definition, ast.ClassDef):
            yield from _definition_paths(definition.body, f"{definition.name}.")


def _is_gone(tree: ast.Module, path: str, given: ast.Module) -> bool:
    return find(tree, path) is None and _is_surely_missing(tree, path, given)


def _is_bound_elsewhere(tree: ast.Module, path: str) -> bool:
    """Whether a function may get another body later: `DiffusionModule.p_sample = …`, setattr."""
    name = path.rpartition(".")[2]
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=bound, ctx=ast.Store()) if bound == name:
                return True
            case ast.Constant(value=text) if text == name:  # setattr(DiffusionModule, "p_sample", …)
                return True
    return False


def _is_surely_missing(tree: ast.Module, path: str, given: ast.Module) -> bool:
    """Whether a function that is not defined where it should be cannot come from elsewhere either."""
    if _is_bound_elsewhere(tree, path):
        return False
    owner, _, name = path.rpartition(".")
    for node in ast.walk(tree):
        match node:
            case ast.alias(name=imported, asname=known) if (known or imported) in ("*", name, owner.partition(".")[0]):
                return False
            case ast.Name(id=bound, ctx=ast.Store()) if bound in (name, owner):
                return False
    theirs, ours = find(tree, owner) if owner else None, find(given, owner) if owner else None
    if isinstance(theirs, ast.ClassDef) and isinstance(ours, ast.ClassDef):
        bases = {*map(ast.unparse, ours.bases), "object", "nn.Module", "torch.nn.Module", "Module"}
        return set(map(ast.unparse, theirs.bases)) <= bases and not theirs.decorator_list and not theirs.keywords
    return True
