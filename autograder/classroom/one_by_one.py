"""Files that a student handed in one by one: which of them are the submission, and under which names.

Platforms put marks of their own on the names of such files, and so do browsers and students when a file is there already: "ddpm-1.py",
"ddpm (1).py", "ddpm_v2.py". Here the newest of such copies takes the name that the assignment asks for.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autograder.classroom.names import without_copy_mark
from autograder.errors import UserError
from autograder.manifest import Files, assignment_ids, load_manifest
from autograder.submission.entries import is_notebook
from autograder.submission.helpers import is_importable
from autograder.submission.rules import IntakeLimits, Refused, listed, shown
from autograder.submission.sources import open_source

NAMED = 8  # files in one remark; the others are counted


@dataclass(frozen=True)
class OneFile:
    """One file that was handed in. `newness`: the platform's own number of it, which grows; 0 where there is none."""

    name: str  # as the student called it, or as the platform renamed it
    path: Path
    newness: int = 0


@dataclass(frozen=True)
class Chosen:
    """What is graded: one `path`, or `files` (name → where it lies) that are to be gathered. `remark`: what is not graded, "" when all is."""

    path: Path
    files: tuple[tuple[str, Path], ...] = ()
    remark: str = ""


@cache
def asked_for() -> frozenset[str]:
    """The names of the files that one of the assignments asks for."""
    names: set[str] = set()
    for files in _files():
        todo = {name.rpartition("/")[2] for name in files.todo}
        names |= {*todo, files.notebook or files.todo[0]} if files.from_notebook else todo
    return frozenset(names)


@cache
def takes_notebooks() -> bool:
    """Whether a notebook, whatever it is called, may be a submission."""
    return any(files.from_notebook for files in _files())


def _files() -> Iterator[Files]:
    for identifier in assignment_ids():
        try:
            yield load_manifest(identifier).files
        except UserError:
            continue  # a broken manifest is told where that assignment is graded


def is_code(name: str) -> bool:
    """Whether a file of this name holds what one of the assignments asks for."""
    return name in asked_for() or (takes_notebooks() and is_notebook(name))


def original_name(name: str) -> tuple[str, int]:
    """The name that a file had before it was copied, and the number of the copy. A module that can be imported as it is called keeps its
    name, unless it is a copy of a file that an assignment asks for.
    """
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        return name, 0
    base, number = without_copy_mark(stem)
    original = f"{base}.{suffix}"
    if original in asked_for() or (suffix == "py" and not is_importable(stem) and is_importable(base)):
        return original, number
    return name, 0


def choose(files: Sequence[OneFile]) -> Chosen:
    """Of all that one student handed in, the work: the files with the code, or the newest zip with the code.

    Both are looked at by their names alone. Loose code counts where it is newer than the zip and there is as much of it.
    """
    zips = sorted((one for one in files if _is_zip(one)), key=_age, reverse=True)
    loose = [one for one in files if not _is_zip(one)]
    code = {name for one in loose if is_code(name := original_name(one.name)[0])}
    packed = next(((one, names) for one in zips if (names := _code_in(one.path))), None)
    if packed is not None:
        newest = max((_age(one) for one in loose if original_name(one.name)[0] in code), default=(0, 0))
        if not (code >= packed[1] and newest > _age(packed[0])):
            return _one(packed[0], files)
    if zips and not code:
        return _one(zips[0], files)
    if len(files) == 1 and not code:
        return Chosen(files[0].path)
    return _gathered(files)


def _one(chosen: OneFile, files: Sequence[OneFile]) -> Chosen:
    left = [shown(one.name, 40) for one in files if one is not chosen and not _is_by_the_way(one.name)]
    return Chosen(
        chosen.path, remark=f"{shown(chosen.name, 40)} is graded, and not {listed(left, NAMED)}" if left else ""
    )


def _gathered(files: Sequence[OneFile]) -> Chosen:
    """Every file under its original name, of copies the newest."""
    copies: dict[str, list[OneFile]] = defaultdict(list)
    for one in files:
        copies[original_name(one.name)[0]].append(one)
    kept, said = [], []
    for name, group in sorted(copies.items()):
        newest, *older = sorted(group, key=_age, reverse=True)
        if name not in (".", ".."):
            kept.append((name, newest.path))
        if older:
            said.append(
                f"{shown(newest.name, 40)} is graded, and not {listed([shown(one.name, 40) for one in older], NAMED)}"
            )
        elif newest.name != name:
            said.append(f"{shown(newest.name, 40)} is graded as {name}")
    return Chosen(files[0].path, tuple(kept), listed(said, NAMED) if said else "")


def _age(one: OneFile) -> tuple[int, int]:
    return one.newness, without_copy_mark(one.name.rpartition(".")[0] or one.name)[1]


def _is_zip(one: OneFile) -> bool:
    return one.name.lower().endswith(".zip")


def _is_by_the_way(name: str) -> bool:
    """Whether nobody expects that a file of this name, beside a zip, is graded: pictures, reports, notes."""
    return not name.lower().endswith((".py", ".ipynb", ".zip"))


def _code_in(path: Path) -> frozenset[str]:
    """The files of an assignment that a zip holds, by their names; none where it cannot be read."""
    try:
        with open_source(path, IntakeLimits()) as source:
            return frozenset(entry.name for entry in source.entries if is_code(entry.name))
    except Refused:
        return frozenset()
