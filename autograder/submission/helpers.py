"""Which other modules come along: the `.py` files next to the work, and never one that stands in for another."""

import ast
import keyword
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import metadata

from autograder.kit.scripts import is_kit_script
from autograder.manifest import Manifest
from autograder.submission.entries import Entry
from autograder.submission.locate import Folder, is_other_assignment
from autograder.submission.python_text import CodeFiles, statements_in
from autograder.submission.rules import Refused, folded, is_reserved, is_troublesome, listed, shown, shown_path

HOOKS = {"conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py", "pytest.ini", "tox.ini", "setup.cfg"}
# A student's by right, also where a package on this machine has installed a module of that name by accident.
_ORDINARY = {"utils", "util", "helpers", "tests", "examples", "scripts", "tools", "models", "model", "config", "data"}


def add_helpers(
    code: CodeFiles,
    entries: Sequence[Entry],
    read: Callable[[Entry], bytes],
    folders: Sequence[Folder],
    manifest: Manifest,
    others: frozenset[str],
) -> list[str]:
    """Add to `code`, which holds the todo files, the modules in `folders` and the packages one level down.

    A package without `__init__.py` comes along only when something imports it. Returns sentences about what was left
    out, where it matters. Raises Refused when two files would be one on some computers, or when there is too much code.
    """
    notes: list[str] = []
    left_out: dict[str, str] = {}  # module → "json.py has the name of …"
    doubtful: list[tuple[str, list[Entry], Folder]] = []
    taken: dict[str, Entry] = {}

    def take(group: list[Entry], folder: Folder) -> None:
        for entry in group:
            name, place = "/".join(entry.path[len(folder) :]), shown_path(entry.path)
            if is_hook(entry.name) or not is_importable(entry.name.removesuffix(".py")):
                continue
            if name in taken and taken[name].path != entry.path:
                notes.append(f"{place} was left out: {shown_path(taken[name].path)} was used.")
                continue
            if twin := next((other for other in (*code.contents, *taken) if folded(other) == folded(name)), None):
                where = "is in the submission twice" if twin == name else f"and {twin} are one file on some computers"
                raise Refused(f"{place} {where}; keep one of them.")
            taken[name] = entry
            if len(taken) > code.limits.files:
                raise Refused(f"More than {code.limits.files} Python files lie next to the work; hand in what it uses.")
            if reason := is_troublesome(entry.path, code.limits):
                notes.append(f"{place} was left out: it {reason}.")
                continue
            try:
                content = read(entry)
                if is_kit_script(content):
                    continue
                code.check_length(place, content)
            except Refused as refused:
                notes.append(f"{place} was left out: {refused}")
            else:
                code.add(name, content)

    for folder in folders:
        for (module, is_package), group in _modules(entries, folder, manifest).items():
            if is_package and is_other_assignment(manifest, module, others):
                continue
            if is_package and module in own_packages(manifest):
                take(group, folder)
                continue
            if reason := why_left_out(module, manifest):
                left_out.setdefault(module, f"{shown_path(group[0].path[: len(folder) + 1])} {reason}")
            elif is_package and all(entry.name != "__init__.py" for entry in group):
                doubtful.append((module, group, folder))
            else:
                take(group, folder)

    used = imported_modules(code.trees.values())
    for module, group, folder in doubtful:
        if module in used:
            take(group, folder)
    for module, what in left_out.items():
        if module in used:
            notes.append(f"{what} and was left out; if your code needs it, rename it, and its import too.")
    if strangers := sorted(_by_chance(used, code, manifest)):
        ours = listed(list(manifest.files.packages), most=20)
        many = len(strangers) > 1
        notes.append(
            f"The code imports {listed(strangers)}, which {'are' if many else 'is'} installed here and not promised elsewhere: "
            f"the packages of this assignment are {ours}."
        )
    for entry in entries:
        if entry.folder in folders and is_hook(entry.name) and entry.name != "setup.py" and not _is_weights(entry.name):
            notes.append(f"{shown_path(entry.path)} was left out: Python or a test tool would run it unasked.")
    return notes


def add_written(code: CodeFiles, written: Mapping[str, bytes], manifest: Manifest) -> list[str]:
    """Add to `code` the modules that a notebook writes, where no file of that name is there. Returns sentences about what was left out."""
    notes = []
    for name, content in written.items():
        module = name.removesuffix(".py")
        reason = "cannot be imported under this name" if not is_importable(module) else why_left_out(module, manifest)
        if name in code.contents or name in manifest.files.given:
            continue
        if reason:
            notes.append(f"{shown(name)}, which the notebook writes, was left out: it {reason}.")
            continue
        code.check_length(name, content)
        code.add(name, content)
    return notes


def _by_chance(used: frozenset[str], code: CodeFiles, manifest: Manifest) -> set[str]:
    """Packages that this grader has and that no list of packages names, so that another grader may not have them."""
    own = {name.removesuffix(".py").partition("/")[0] for name in (*code.contents, *manifest.files.todo, *manifest.files.given)}
    strangers = used - own - set(manifest.files.packages) - sys.stdlib_module_names - {"autograder"}
    return {name for name in strangers if name in _installed()} if strangers else set()


def why_left_out(module: str, manifest: Manifest) -> str | None:
    """Why a module or package of this name (without suffix) may not come along. None when it may."""
    own = {name.removesuffix(".py") for name in (*manifest.files.todo, *manifest.files.given)} | own_packages(manifest)
    if folded(module) in map(folded, own):
        return "would stand in for a file of the assignment"
    if is_hook(module + ".py"):
        return "is a file that Python or a test tool would run unasked"
    if module in sys.stdlib_module_names or module == "__main__":
        return "has the name of one of Python's own modules"
    if module in {*manifest.files.packages, "autograder"} or (module not in _ORDINARY and module in _installed()):
        return "has the name of an installed package"
    if is_reserved(module):
        return "has a name that Windows reserves"
    return None


def own_packages(manifest: Manifest) -> set[str]:
    """The folders at the top that hold files of the assignment: "libs" for "libs/ddpm.py"."""
    return {name.partition("/")[0] for name in (*manifest.files.todo, *manifest.files.given) if "/" in name}


def is_hook(name: str) -> bool:
    """Whether Python or a test tool runs or reads a file of this name unasked."""
    return name.casefold() in HOOKS or name.casefold().endswith(".pth")


def _is_weights(name: str) -> bool:
    """A .pth file is read unasked in Python's own folders only; beside code it holds weights, see data.py."""
    return name.casefold().endswith(".pth")


def is_importable(module: str) -> bool:
    """Whether `import module` can be written at all: not for "train (1)", "my-net" or "class"."""
    return module.isidentifier() and module.isascii() and not keyword.iskeyword(module)


def imported_modules(trees: Iterable[ast.Module]) -> frozenset[str]:
    """First parts of what these files import: "torch" for `import torch.nn`, "utils" for `from .utils import f`."""
    found: set[str] = set()
    waiting: list[ast.AST] = [*trees]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        waiting += statements_in(node)
    return frozenset(found)


@cache
def _installed() -> frozenset[str]:
    """Top-level names of every installed package. Takes 0.4 s, once, and only when a submission brings a module."""
    return frozenset(metadata.packages_distributions())


def _modules(entries: Sequence[Entry], folder: Folder, manifest: Manifest) -> dict[tuple[str, bool], list[Entry]]:
    """Importable modules and packages in a folder, other than the assignment's own files: (name, whether it is a package) → its `.py`
    entries. Of a package the top counts, and the folders in which files of the assignment lie.
    """
    exported = (manifest.files.notebook or "").removesuffix(".ipynb") + ".py"  # the notebook as a script
    assignment = {*manifest.files.todo, *manifest.files.given, exported}
    inside = {tuple(name.split("/"))[:-1] for name in assignment}
    found: dict[tuple[str, bool], list[Entry]] = {}
    for entry in entries:
        below = entry.path[len(folder) :]
        if entry.path[: len(folder)] != folder or not entry.name.endswith(".py") or "/".join(below) in assignment:
            continue
        module, is_package = below[0].removesuffix(".py"), len(below) > 1
        if is_importable(module) and (len(below) <= 2 or below[:-1] in inside):
            found.setdefault((module, is_package), []).append(entry)
    return found
