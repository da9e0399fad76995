"""What to say of code that did not come to an end in time: what it was doing, and where a loop stands that may be the reason."""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_COMPILERS = re.compile(r"\b(_dynamo|_inductor|cpp_extension|load_inline|numba|njit|triton|jax)\b")
# What the worker itself calls for an operation
_STARTS = {"train": ("compute_loss", "forward"), "train_on": ("compute_loss", "forward"), "fit": ("forward",)}
MOST_LOOPS = 3  # named in one sentence


@dataclass(frozen=True)
class _Found:
    """What a piece of code runs, as far as names tell: loops, and compilers that it names, each as "ddpm.py, line 7"."""

    loops: list[str]
    compilers: list[str]


def late(requests: Iterable[Mapping[str, Any]], files: Mapping[str, bytes], seconds: float) -> str:
    """The sentence about requests that went to a worker together, of which the last was not answered within `seconds`.

    `files`: the submission's, by path. They are parsed and not run.
    """
    imported, called = _asked(requests, files)
    parsed = dict(_parsed(files))
    own = {node.name for tree in parsed.values() for node in ast.walk(tree) if isinstance(node, _Definition)}
    called = [name for name in called if name in own] or called  # not the grader's own steps beside it, such as a copy of an argument
    if imported:
        what = f"Importing {imported}"
        found = _search(parsed, {imported: parsed[imported]} if imported in parsed else {}, ())
    else:
        what = f"Calling {_either(called)}" if called else "Your code"
        found = _search(parsed, {}, called or ["forward", "__call__"])
    advice = _advice(found, " outside of the functions" if imported else "")
    return f"{what} did not finish within {seconds:g} seconds and was stopped; {advice}."


def _files_of(module: str) -> tuple[str, str]:
    path = module.replace(".", "/")
    return f"{path}.py", f"{path}/__init__.py"


def _asked(requests: Iterable[Mapping[str, Any]], files: Mapping[str, bytes]) -> tuple[str, list[str]]:
    """(the file that was imported, or "", and the functions that were called). A module that is not the submission's takes no time."""
    imported, called = "", []
    for request in requests:
        op, fields = request["op"], request["fields"]
        if op == "import":
            imported = next((path for path in _files_of(fields["module"]) if path in files), imported)
        elif op == "call" and fields.get("path"):
            called.append(fields["path"].rpartition(".")[2])
        else:
            called += _STARTS.get(op, ())
    return imported, list(dict.fromkeys(called))


def _parsed(files: Mapping[str, bytes]) -> Iterator[tuple[str, ast.Module]]:
    for name, content in files.items():
        if name.endswith(".py"):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    yield name, ast.parse(content)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue


def _search(parsed: Mapping[str, ast.Module], modules: Mapping[str, ast.Module], names: Iterable[str]) -> _Found:
    """Follow the names that code mentions to definitions of the same names, from `modules`, as they are imported, or from `names`."""
    definitions: dict[str, list[tuple[str, _Definition]]] = {}
    for file, tree in parsed.items():
        for node in ast.walk(tree):
            if isinstance(node, _Definition):
                definitions.setdefault(node.name, []).append((file, node))
    found = _Found([], [])
    waiting: list[tuple[str, list[Any]]] = [(file, tree.body) for file, tree in modules.items()]
    open_names, seen = list(names), set()
    while waiting or open_names:
        if not waiting:
            name = open_names.pop()
            if name not in seen:
                seen.add(name)
                waiting = [(file, _run_by(node)) for file, node in definitions.get(name, ())]
                waiting += [(file, parsed[file].body) for file in _files_of(name) if file in parsed]
            continue
        file, statements = waiting.pop()
        for node in _walk(statements):
            place = f"{file}, line {getattr(node, 'lineno', 0)}"
            match node:
                case ast.While() | ast.For() | ast.AsyncFor():
                    found.loops.append(place)
                case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                    open_names.append(name)
                    if _COMPILERS.search(name):
                        found.compilers.append(place)
                case ast.ImportFrom(module=str(module)):
                    open_names.append(module)
                    if _COMPILERS.search(module):
                        found.compilers.append(place)
    return found


def _run_by(node: _Definition) -> list[Any]:
    """What calling a function or a class runs; a network is made to be called, too."""
    if isinstance(node, ast.ClassDef):
        methods = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
        return [statement for method in methods if method.name in ("__init__", "forward") for statement in method.body]
    return node.body


def _walk(statements: list[Any]) -> Iterator[ast.AST]:
    """All nodes that run with these statements: bodies of functions run when they are called, those of classes at once."""
    waiting: list[ast.AST] = [*statements]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += node.decorator_list
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _advice(found: _Found, where: str) -> str:
    if found.compilers:
        return f"it compiles code ({found.compilers[0]}), which takes long here; take the compiling out"
    if loops := sorted(set(found.loops), key=_order):
        places = " or ".join(loops[:MOST_LOOPS])
        return f"look for a loop{where} that does not end or takes very many steps, such as that in {places}"
    return "there is no loop in it; look for what waits or takes long, such as input, sleep, a download or huge tensors"


def _order(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(" ")
    return file, int(line)


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
