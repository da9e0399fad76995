"""Zips and folders that somebody has put into one folder, each called as its student, or as NAME_STUDENTID."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from autograder.classroom.names import exactly, name_and_id, without_copy_mark
from autograder.classroom.one_by_one import takes_notebooks
from autograder.classroom.places import is_archive, packed_export
from autograder.classroom.records import SCHOOL, HandedIn
from autograder.classroom.roster import GITHUB_CLASSROOM
from autograder.kit.names import tidy
from autograder.submission.entries import is_notebook
from autograder.submission.rules import listed, shown
from autograder.submission.sources import only_zip
from autograder.text import clean_line

NAME = 120  # characters of a name that are kept
NAMED = 8  # files in one remark; the others are counted


def read(entries: Sequence[Path], remarks: list[str], odd: str = "") -> list[HandedIn]:
    """One submission of each name. Copies of one zip ("Ada_20241234 (1).zip") are one where they carry an identifier; the newest counts.

    `odd`: what is wrong with lying here, "" where it is usual. What is passed over is added to `remarks`.
    """
    chosen: list[Path] = []
    passed_over: list[str] = []
    for path in entries:
        if path.name == GITHUB_CLASSROOM:
            continue
        if not path.is_dir() and not is_archive(path) and not (takes_notebooks() and is_notebook(path.name)):
            passed_over.append(shown(path.name))
        elif export := packed_export(path) if path.suffix.lower() == ".zip" and path.is_file() else None:
            remarks.append(
                f"{shown(path.name)} is an export of {export}, still packed, and was passed over; unzip it and grade its folder."
            )
        else:
            chosen.append(path)
    if passed_over:
        are = (
            "is neither a zip nor a folder, and was"
            if len(passed_over) == 1
            else "are neither zips nor folders, and were"
        )
        remarks.append(f"{listed(passed_over, NAMED)} {are} passed over.")
    if odd:
        remarks += [f"{shown(path.name)} {odd}; it is graded under that name." for path in chosen]
    return [_handed_in(path, name) for path, name in _newest(chosen, remarks)]


def _newest(paths: Sequence[Path], remarks: list[str]) -> list[tuple[Path, str]]:
    """Of each name the newest: (path, name to the letter, without the mark of a copy)."""
    stems = Counter(_stem(path) for path in paths)
    copies: dict[str, list[tuple[int, Path]]] = defaultdict(list)
    for path in paths:
        stem = _stem(path)
        original, number = without_copy_mark(stem, is_file=False)
        if not name_and_id(original)[1]:
            original, number = stem, 0
        copies[original if stems[stem] == 1 else path.name].append((number, path))
    found = []
    for name, group in copies.items():
        *older, (_, newest) = sorted(group)
        if older:
            others = listed([shown(path.name) for _, path in older], NAMED)
            remarks.append(f"{shown(newest.name)} is the newest of that name and is graded, and not {others}.")
        found.append((newest, name))
    return found


def _stem(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _handed_in(path: Path, name: str) -> HandedIn:
    called, identifier = name_and_id(path.stem if name == path.name and not path.is_dir() else name)
    shown_name = clean_line(called if identifier else tidy(name), NAME) or "student"
    return HandedIn(
        only_zip(path),
        shown_name,
        student_id=identifier,
        numbered_by=SCHOOL if identifier else "",
        key=f"name {exactly(name)}",
    )
