"""What a bundle holds: the modules that grading one assignment needs, found by following imports, and the files that they read."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import UserError
from autograder.manifest import Manifest
from autograder.places import REPOSITORY, courses, inside

OURS = ("autograder", "fid")
STARTED_BY_NAME = ("autograder.sandbox.forkserver",)  # by a command line, so that no import leads there
NOT_FOR_GRADING = ("variants", "calibrate")  # modules of an assignment that prove the grader, and are not part of it
DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "PyYAML"}  # whose module has another name
DATA = (".jinja", ".css")  # beside the code that names them


@dataclass
class Code:
    """Modules of this project, as files, and the packages of others that they import."""

    files: set[Path] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)


def code_of(manifest: Manifest, entry: str) -> Code:
    """What `entry` (a module) and the rubric of `manifest` need. Raises UserError where there is no repository around this package."""
    if not manifest.solution.is_dir() or not (REPOSITORY / "constraints.txt").is_file():
        raise UserError(
            "A bundle is made from a copy of the repository, with solutions/ and constraints.txt; this is an installed package."
        )
    entries = [entry, *STARTED_BY_NAME]
    for folder in (manifest.home, *(manifest.home.parent / name for name in manifest.checks_from)):
        names = sorted(path.stem for path in folder.glob("*.py"))
        entries += [f"autograder.assignments.{folder.name}.{name}" for name in names if name not in NOT_FOR_GRADING]
    return follow([*entries, *manifest.outcome.starts])


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
        for imported in _imports(path, name):
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


def _imports(path: Path, module: str) -> Iterator[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def files_of(manifest: Manifest, code: Code) -> dict[str, bytes]:
    """Path in the bundle → content: the code, the data beside it, the rubric's manifest, the solution, references of the outcome."""
    paths = set(code.files)
    for folder in {path.parent for path in code.files}:
        text = "".join(path.read_text(encoding="utf-8") for path in code.files if path.parent == folder)
        paths |= {path for path in folder.iterdir() if path.suffix in DATA and path.name in text}
    for folder in {path.parent for path in code.files if path.is_relative_to(REPOSITORY / "fid")}:
        paths |= set((folder / "templates").glob("*.jinja"))
    paths.add(manifest.home / "assignment.toml")
    paths |= {manifest.solution / name for name in (*manifest.files.todo, *manifest.files.given)}
    paths |= set(manifest.outcome.files())
    return {inside(path): path.read_bytes() for path in sorted(paths)}


def requirements(manifest: Manifest, code: Code) -> tuple[str, str]:
    """requirements.txt: what is imported, pinned; and constraints.txt: everything that comes with it, pinned."""
    pins = {}
    for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if version:
            pins[_normal(name)] = f"{_normal(name)}=={version.strip()}"
    wanted = {"torch", "numpy", *code.packages, *manifest.files.packages}
    names = sorted({_normal(DISTRIBUTIONS.get(name, name)) for name in wanted})
    if loose := [name for name in names if name not in pins]:
        raise UserError(f"constraints.txt does not pin {', '.join(loose)}; add the version that the tests ran with.")
    return "".join(f"{pins[name]}\n" for name in names), "".join(f"{pins[name]}\n" for name in sorted(pins))


def _normal(name: str) -> str:
    """A distribution's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
