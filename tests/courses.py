"""Assignments in a folder of a test's own, in place of the repository's."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import autograder.assignments
from autograder import places
from autograder.submission import bounded


@contextlib.contextmanager
def courses_in(root: Path) -> Iterator[Path]:
    """What the grader, in this process and in those that it starts, finds as assignments, solutions and folders for students:
    that in `root`, laid out as the repository.
    """
    before = os.environ.get(places.COURSES_VARIABLE), list(autograder.assignments.__path__)
    _forget()
    os.environ[places.COURSES_VARIABLE] = str(root)
    autograder.assignments.__path__ = [str(places.assignments()), *before[1]]
    try:
        yield root
    finally:
        os.environ.pop(places.COURSES_VARIABLE)
        if before[0] is not None:
            os.environ[places.COURSES_VARIABLE] = before[0]
        autograder.assignments.__path__ = before[1]
        _forget()


def write_files(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write texts and bytes below `root`, by their paths; returns `root`."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def _forget() -> None:
    """Whatever is remembered of an assignment, by its identifier or its modules, and the process that reads submissions."""
    bounded._READERS.close()
    for name, module in list(sys.modules.items()):
        if name.startswith("autograder.assignments.") and not Path(module.__file__ or "").is_relative_to(places.REPOSITORY):
            del sys.modules[name]
        elif name.startswith("autograder."):
            for item in list(vars(module).values()):
                if hasattr(item, "cache_clear"):
                    item.cache_clear()
