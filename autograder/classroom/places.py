"""Where in a folder the submissions of a class lie: in it, one folder further down, or in several folders, such as sections."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.classroom import canvas_export, gradescope_export, moodle_export
from autograder.classroom.names import name_and_id
from autograder.errors import UserError
from autograder.submission.entries import reason
from autograder.submission.rules import IntakeLimits, Refused, is_left_by_system, listed, shown
from autograder.submission.sources import open_source

NAMED = 8  # folders in one remark; the others are counted
DEPTH = 4  # folders down to a class
ATTEMPTS = 4  # things that one student may have put into a folder; where there are more, it is a class
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".rar", ".7z")  # what may be meant as a submission
_CODE = (".py", ".ipynb")
_BESIDE = re.compile(r".*\.(csv|tsv|xlsx?|txt|md|pdf|html|json|ya?ml|toml|log|png|jpe?g)", re.I | re.DOTALL)
_SECTION = re.compile(
    r"(section|sec|class|lab|tutorial|recitation|discussion|lecture|cohort|분반|班)[-_ .]?\w{0,4}", re.I
)
Export = Literal["Gradescope", "Canvas", "Moodle"]


@dataclass(frozen=True)
class Place:
    """A folder of submissions. `section`: its name where there are several, else "". `entries`: what lies in it, but for what systems left."""

    folder: Path
    section: str
    entries: tuple[Path, ...]


def find_places(top: Path, besides: Path | None, remarks: list[str]) -> list[Place]:
    """The folders of submissions below `top`, or it alone. `besides`: a folder that is no submission, the grader's own.

    Raises UserError where a folder cannot be read.
    """
    found = _descend(top, besides, remarks, DEPTH)
    names = [shown(place.folder.relative_to(top).as_posix()) for place in found]
    if [place.folder for place in found] != [top]:
        remarks.append(f"The submissions are those in {listed([name for name in names if name != '.'], NAMED)}.")
    if len(found) == 1:
        return found
    return [Place(place.folder, "" if name == "." else name, place.entries) for place, name in zip(found, names)]


def visible(folder: Path, besides: Path | None = None) -> list[Path]:
    """What lies in a folder, without what systems leave there and without `besides`. Raises UserError where it cannot be read."""
    try:
        inside = [path for path in sorted(folder.iterdir()) if not is_left_by_system(path.name)]
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({reason(error)}); check its permissions.") from error
    return [path for path in inside if besides is None or not besides.resolve().is_relative_to(path.resolve())]


def is_archive(path: Path) -> bool:
    return path.suffix.lower() in ARCHIVES


def export_of(names: Sequence[str]) -> Export | None:
    """Whose export it is, by the names in a folder: most of what may be a submission is called as the platform calls it."""
    if gradescope_export.METADATA in names:
        return "Gradescope"
    fitting = {"Moodle": sum(map(moodle_export.fits, names)), "Canvas": sum(map(canvas_export.fits, names))}
    others = sum(not _fits(name) and not _BESIDE.fullmatch(name) for name in names)
    platform: Export = "Moodle" if fitting["Moodle"] >= fitting["Canvas"] else "Canvas"
    return platform if fitting[platform] > others else None


def packed_export(path: Path) -> Export | None:
    """Whose export a zip is, as it is downloaded; None for anything else."""
    try:
        with open_source(path, IntakeLimits()) as source:
            paths = [entry.path for entry in source.entries if not any(map(is_left_by_system, entry.path))]
    except Refused:
        return None
    while paths and len({path[0] for path in paths}) == 1 and all(len(path) > 1 for path in paths):
        paths = [path[1:] for path in paths]
    own_code = any(len(path) == 1 and _is_own_code(path[0]) for path in paths)
    names = sorted({path[0] for path in paths})
    export = None if own_code else export_of(names)
    return export if export is not None and _people(export, names) > 1 else None


def _fits(name: str) -> bool:
    return moodle_export.fits(name) or canvas_export.fits(name)


def _is_own_code(name: str) -> bool:
    """Whether this is code under a name of the student's, as no export holds it."""
    return name.lower().endswith(_CODE) and not _fits(name)


def _people(export: Export, names: Sequence[str]) -> int:
    """How many people's submissions an export holds, by the names in it."""
    if export == "Gradescope":
        return sum(name.startswith("submission_") and name != gradescope_export.METADATA for name in names)
    platform = moodle_export if export == "Moodle" else canvas_export
    return len({platform.person(name) for name in names if platform.fits(name)})


# Going down


@dataclass(frozen=True)
class _Shape:
    """What a folder among others looks like: so many submissions. `names`: of those that are zips and folders in it.

    `is_sure`: that it is a class, and not one student's several attempts.
    """

    count: int = 1
    names: frozenset[str] = frozenset()
    is_sure: bool = False


def _descend(folder: Path, besides: Path | None, remarks: list[str], depth: int) -> list[Place]:
    entries = visible(folder, besides)
    here = [Place(folder, "", tuple(entries))]
    if depth == 0 or export_of([path.name for path in entries]):
        return here
    shapes = {path: _shape(path, depth - 1) for path in entries if path.is_dir()}
    single = [path for path in entries if is_archive(path) and path not in shapes]
    single += [path for path, shape in shapes.items() if shape.count == 1 and not shape.is_sure]
    classes = {path: shape for path, shape in shapes.items() if shape.count > 1 or shape.is_sure}
    if single:  # beside a student's folder, one with two zips is a student's too
        classes = {path: shape for path, shape in classes.items() if shape.is_sure}
    if not classes or _are_parts(list(classes.values())):
        return here
    if len(classes) < len(single):
        for path, shape in classes.items():
            remarks.append(
                f"{shown(path.name)} lies among submissions, looks like {shape.count} of them and was passed over; grade it by itself."
            )
        return [Place(folder, "", tuple(path for path in entries if path not in classes))]
    places = [place for path in classes for place in _descend(path, besides, remarks, depth - 1)]
    rest = tuple(path for path in entries if path not in classes and (path not in shapes or shapes[path].count))
    return [*places, Place(folder, "", rest)] if single else places


def _shape(folder: Path, depth: int) -> _Shape:
    """Of a folder that lies beside others. One that cannot be looked into is left to whoever reads the submission."""
    if folder.is_symlink() or depth < 0:
        return _Shape()
    try:
        entries = visible(folder)
    except UserError:
        return _Shape()
    names = [path.name for path in entries]
    if any(path.is_file() and _is_own_code(path.name) for path in entries):
        return _Shape()
    if any(path.is_dir() and path.name.endswith("_todo") for path in entries):
        return _Shape()
    export = export_of(names)
    if export is not None:
        return _Shape(_people(export, names), is_sure=_people(export, names) > 1)
    inner = {path: _shape(path, depth - 1) for path in entries if path.is_dir()}
    things = {path.name for path in entries if is_archive(path)} | {
        path.name for path in inner if inner[path].count == 1
    }
    count = len(things) + sum(shape.count for shape in inner.values() if shape.count > 1)
    called = bool(things) and all(_has_long_number(Path(name).stem) for name in things)
    is_section = _SECTION.fullmatch(folder.name) is not None and count > 0
    is_sure = is_section or called or count > ATTEMPTS or any(shape.is_sure for shape in inner.values())
    return _Shape(count, frozenset(things), is_sure)


def _has_long_number(stem: str) -> bool:
    """Whether it is called as a student, NAME_STUDENTID, rather than as a part of the work ("part_2")."""
    return sum(c.isdigit() for c in name_and_id(stem)[1]) >= 4


def _are_parts(classes: Sequence[_Shape]) -> bool:
    """Whether these are students who each handed in the same several things ("part1", "part2"), rather than sections."""
    same = {shape.names for shape in classes}
    return len(classes) > 1 and len(same) == 1 and not any(shape.is_sure or not shape.names for shape in classes)
