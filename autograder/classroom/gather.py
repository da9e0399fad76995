"""Puts what was handed in file by file into a folder for each student, so that it is read, graded and replayed like any other submission."""

import contextlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from autograder.classroom.ledger import writable
from autograder.classroom.records import HandedIn


def gather(submissions: Iterable[HandedIn], folder: Path) -> tuple[HandedIn, ...]:
    """The same; those that came as `files` lie in `folder`/SLUG, made anew, and their `path` is that. The files themselves stay as they are.

    Raises UserError where the folder cannot be written. A file that is a link, or cannot be read, is left out: it is missing when it is graded.
    """
    return tuple(_gathered(one, folder / one.slug) if one.files else one for one in submissions)


def _gathered(one: HandedIn, folder: Path) -> HandedIn:
    with writable(folder):
        if folder.is_dir():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        for name, path in one.files:
            if not path.is_symlink():
                _put(path, folder / name)
    return replace(one, path=folder)


def _put(source: Path, target: Path) -> None:
    """A second name for the file where the disk allows that, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        with contextlib.suppress(PermissionError, FileNotFoundError):
            shutil.copyfile(source, target)
