"""Which lines of a submission can run while it is graded, as far as names tell.

The grader imports the files of the assignment and calls what the handout defines. So a file that nothing imports does not run, nor what
stands below `if __name__ == "__main__":`, nor a function that only such code mentions.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from autograder.manifest import Manifest
from autograder.regions import module_of
from autograder.submission.python_text import NotPython, tree_of

_MOST_STEPS = 100  # from one function to the next; no real code goes as deep, and hostile code must end
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class _Unit:
    """Code that runs together: the top of a file, a function, a method, a variable that is set to a plain text.

    It runs when its file is imported, and, where it has names, when one of them is mentioned by code that runs; a method also when the
    grader, torch or Python calls it.
    """

    file: str
    nodes: list[Any]
    names: frozenset[str] = frozenset()  # empty for the top of a file
    owner: str = ""  # the class of a method
    is_variable: bool = False


@dataclass
class _Mentioned:
    """What code that runs mentions."""

    variables: set[str] = field(default_factory=set)  # that are read
    names: set[str] = field(default_factory=set)  # of functions and classes, as `f`, `from utils import f`, or `utils.f`
    attributes: set[str] = field(default_factory=set)  # as `x.f`
    modules: set[str] = field(default_factory=set)


def lines_that_run(files: Mapping[str, bytes], manifest: Manifest) -> dict[str, frozenset[int]]:
    """File → the lines that may run in grading; a file that nothing imports, or that is not Python, has none."""
    units = [unit for name, content in files.items() if name.endswith(".py") for unit in _units(name, content)]
    of_handout, of_given = _handout(manifest)
    seen = _Mentioned(names=set(of_handout), attributes=set(of_handout | of_given))
    for name in (*manifest.files.todo, *manifest.files.given):
        _add_module(module_of(name), seen)
    running: list[_Unit] = []
    waiting = units
    for _ in range(_MOST_STEPS):
        reached, waiting = [u for u in waiting if _runs(u, seen)], [u for u in waiting if not _runs(u, seen)]
        running += reached
        for unit in reached:
            _note(unit, seen)
        if not reached:
            break
    return {name: frozenset(line for unit in running if unit.file == name for line in _lines(unit)) for name in files}


def _runs(unit: _Unit, seen: _Mentioned) -> bool:
    if module_of(unit.file) not in seen.modules:
        return False
    if unit.owner:
        return unit.owner in seen.names and any(_is_called_unasked(n) or n in seen.attributes for n in unit.names)
    return not unit.names or bool(unit.names & (seen.variables if unit.is_variable else seen.names))


def _is_called_unasked(method: str) -> bool:
    return method == "forward" or (method.startswith("__") and method.endswith("__"))


@cache
def _names_in(path: Path, pattern: str) -> frozenset[str]:
    return frozenset(re.findall(pattern, path.read_text(encoding="utf-8"))) if path.is_file() else frozenset()


def _handout(manifest: Manifest) -> tuple[frozenset[str], frozenset[str]]:
    """(what the files of the assignment define, which the grader may call; what the given files ask of an object)."""
    todo = [_names_in(manifest.solution / name, r"(?:def|class) (\w+)") for name in manifest.files.todo]
    given = [_names_in(manifest.solution / name, r"\.(\w+)\(") for name in manifest.files.given]
    return frozenset().union(*todo), frozenset().union(*given)


def _units(file: str, content: bytes) -> Iterator[_Unit]:
    try:
        tree = tree_of(file, content)
    except NotPython:
        return
    top = _Unit(file, [])
    yield top
    waiting: list[tuple[Any, str]] = [(node, "") for node in tree.body]
    while waiting:
        node, owner = waiting.pop()
        if isinstance(node, _Function):
            top.nodes += [part for part in _at_definition(node) if _does_something(part)]
            yield _Unit(file, [*node.body, *node.decorator_list, node.args], frozenset({node.name}), owner)
        elif isinstance(node, ast.ClassDef):
            top.nodes += [*node.bases, *node.keywords, *node.decorator_list]
            waiting += [(inner, node.name) for inner in node.body]
        elif isinstance(node, ast.If) and (guard := _guard(node.test)) is not None:
            waiting += [(inner, owner) for inner in (node.orelse if guard else node.body)]
        elif isinstance(node, ast.If | ast.Try | ast.With):
            heads = [part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.stmt | ast.ExceptHandler)]
            top.nodes += heads
            handlers = getattr(node, "handlers", [])
            blocks = [node.body, getattr(node, "orelse", []), getattr(node, "finalbody", [])]
            waiting += [(inner, owner) for block in [*blocks, *(h.body for h in handlers)] for inner in block]
        elif not owner and (names := _plain_variables(node)):
            yield _Unit(file, [node], names, is_variable=True)
        else:
            top.nodes.append(node)


def _at_definition(node: Any) -> list[Any]:
    """What defining a function evaluates."""
    defaults = [default for default in node.args.kw_defaults if default is not None]
    return [*node.decorator_list, *node.args.defaults, *defaults]


def _does_something(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node)) or isinstance(node, ast.Name | ast.Attribute)


def _guard(test: ast.AST) -> bool | None:
    """True for `__name__ == "__main__"`, False for its opposite, None for any other condition."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _guard(operand)
            return None if inner is None else not inner
        case ast.BoolOp(op=ast.And(), values=values) if any(_guard(value) for value in values):
            return True
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as comparison], comparators=[right]):
            sides = {getattr(side, "id", getattr(side, "value", None)) for side in (left, right)}
            return isinstance(comparison, ast.Eq) if sides == {"__name__", "__main__"} else None
    return None


def _plain_variables(node: ast.AST) -> frozenset[str]:
    """The names that a statement sets to a text or torch.device(text), which does nothing by itself."""
    match node:
        case ast.Assign(targets=targets, value=value):
            pass
        case ast.AnnAssign(target=target, value=value):
            targets = [target]
        case _:
            return frozenset()
    match value:
        case ast.Call(func=ast.Attribute(attr="device") | ast.Name(id="device"), args=[ast.Constant(), *_]):
            pass
        case ast.Constant(value=str()):
            pass
        case _:
            return frozenset()
    return frozenset(t.id for t in targets if isinstance(t, ast.Name)) if _all_names(targets) else frozenset()


def _all_names(targets: Iterable[ast.AST]) -> bool:
    return all(isinstance(target, ast.Name) for target in targets)


def _note(unit: _Unit, seen: _Mentioned) -> None:
    package = module_of(unit.file).rpartition(".")[0] if not unit.file.endswith("/__init__.py") else module_of(unit.file)
    local = set(_local_names(unit)) if unit.names else set()
    for node in _walk(unit.nodes):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name not in local:
                seen.names.add(name)
                seen.variables.add(name)
                if not unit.names:
                    seen.attributes.add(name)  # in the body of a class, a method
            case ast.Attribute(attr=name, value=value):
                seen.attributes.add(name)
                if isinstance(value, ast.Name) and value.id in seen.modules:
                    seen.names.add(name)
                    seen.variables.add(name)
            case ast.Import(names=aliases):
                for alias in aliases:
                    _add_module(alias.name, seen)
                    if alias.asname:
                        seen.modules.add(alias.asname)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                base = ".".join(part for part in (package if level else "", module or "") if part)
                _add_module(base, seen)
                for alias in aliases:
                    _add_module(f"{base}.{alias.name}".lstrip("."), seen)
                    seen.names.add(alias.name)
                    seen.variables.add(alias.name)
                    seen.modules |= {alias.asname or alias.name}


def _local_names(unit: _Unit) -> Iterator[str]:
    for node in _walk(unit.nodes):
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name


def _add_module(name: str, seen: _Mentioned) -> None:
    parts = name.split(".")
    seen.modules |= {".".join(parts[: count + 1]) for count in range(len(parts))}


def _walk(nodes: list[Any]) -> Iterator[ast.AST]:
    """All nodes but what stands below `if __name__ == "__main__":`."""
    waiting: list[Any] = [*nodes]
    while waiting:
        node = waiting.pop()
        yield node
        guard = _guard(node.test) if isinstance(node, ast.If) else None
        waiting += ast.iter_child_nodes(node) if guard is None else node.orelse if guard else node.body


def _lines(unit: _Unit) -> Iterator[int]:
    for node in _walk(unit.nodes):
        if isinstance(node, ast.expr | ast.stmt) and not isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)
