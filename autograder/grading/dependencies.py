"""What a grade depends on beside the submission and the secret: one definition, for the rubric's version, for bundles, and for what a kit
must not tell.

Code: the modules that grade, those of the assignment, and whatever they import of this project. Data: what this code reads.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from autograder.manifest import Manifest
from autograder.places import REPOSITORY, courses, inside

OURS = ("autograder", "fid")
GRADERS = ("autograder.grading.session", "autograder.sandbox.forkserver")  # the second is started by a command line
# Words in names of modules that prove the grader, that make what is given, or that students run:
NOT_FOR_GRADING = {"accepted", "calibrate", "make", "variants", "visible"}
DATA_FOLDERS = ("templates", "weights")  # beside code that names them, of which all is taken
RENDERINGS = ("autograder/report/",)  # of a verdict: they decide nothing of it
DATA = (".css", ".jinja", ".npz", ".json", ".safetensors")  # beside the code that names them


@dataclass
class Code:
    """Modules of this project, as files, and the packages of others that they import."""

    files: set[Path] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)


def code_of(manifest: Manifest, entries: Iterable[str] = ()) -> Code:
    """The modules that grading by the rubric of `manifest` needs; `entries`: further ones that do not belong to it."""
    return follow([*entries, *GRADERS, *_rubric(manifest), *manifest.outcome.starts])


def data_of(manifest: Manifest, code: Code) -> set[Path]:
    """What the code reads: files and folders beside it that it names, the manifest, the solution, stand-ins for given files, and what the outcome
    needs.

    Raises UserError where something that the outcome needs is not there.
    """
    found = {manifest.home / "assignment.toml"}
    for folder in {path.parent for path in code.files}:
        text = "".join(path.read_text(encoding="utf-8") for path in code.files if path.parent == folder)
        found |= {path for path in folder.iterdir() if path.suffix in DATA and path.name in text}
        named = [name for name in DATA_FOLDERS if f'"{name}"' in text]
        found |= {path for name in named for path in (folder / name).glob("*") if path.suffix in DATA}
    found |= {manifest.solution / name for name in (*manifest.files.todo, *manifest.files.given)}
    found |= {path for path in (manifest.home / "worker").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return found | set(manifest.outcome.files())


def decisive(manifest: Manifest) -> list[Path]:
    """The files that decide grades, sorted: code and data without what only shows a verdict. Raises UserError as data_of."""
    code = code_of(manifest)
    files = code.files | data_of(manifest, code)
    return sorted(path for path in files if path.suffix not in (".css", ".jinja") and not inside(path).startswith(RENDERINGS))


def _rubric(manifest: Manifest) -> Iterator[str]:
    """The modules of the assignment, and of those that it takes checks from. Some are imported by name, so that no import leads there."""
    for folder in (manifest.home, *(manifest.home.parent / name for name in manifest.checks_from)):
        names = sorted(path.stem for path in (*folder.glob("*.py"), *(home.parent for home in folder.glob("*/__init__.py"))))
        yield from (f"autograder.assignments.{folder.name}.{name}" for name in names if NOT_FOR_GRADING.isdisjoint(name.split("_")))


def follow(modules: Iterable[str]) -> Code:
    """The modules, all that they import of this project, directly or not, inside of functions too, and the packages around them."""
    code, waiting, seen = Code(), list(modules), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        package, _, _ = name.rpartition(".")
        if package:
            waiting.append(package)
        path = _file_of(name)
        if path is None:
            continue
        code.files.add(path)
        for imported in _imports(path.read_bytes(), name, path.name == "__init__.py"):
            top = imported.partition(".")[0]
            if top in OURS:
                waiting.append(imported)
            elif top not in sys.stdlib_module_names:
                code.packages.add(top)
    return code


def _file_of(module: str) -> Path | None:
    """The file of a module; None for what is no module, such as a function that is imported by name."""
    for root in dict.fromkeys((courses(), REPOSITORY)):
        path = root.joinpath(*module.split("."))
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _statements(tree: ast.Module) -> Iterator[Any]:
    """Every statement, however deep; expressions hold no imports, and are most of a tree."""
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, name, None)
            waiting += inner if isinstance(inner, list) else []


@cache
def _imports(content: bytes, module: str, is_package: bool) -> tuple[str, ...]:
    package = module if is_package else module.rpartition(".")[0]
    found: list[str] = []
    for node in _statements(ast.parse(content)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(found)
