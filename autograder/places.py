"""Where the parts of this repository lie.

`REPOSITORY` holds the grader's code. What belongs to courses lies in it too or, laid out in the same way, in the folder that the
environment variable AUTOGRADER_COURSES names, so that assignments can be kept, or made for a test, outside of it. All processes inherit it.
"""

import os
from pathlib import Path

COURSES_VARIABLE = "AUTOGRADER_COURSES"
REPOSITORY = Path(__file__).resolve().parent.parent


def courses() -> Path:
    """The folder that holds `autograder/assignments/`, `solutions/` and the folders for students."""
    return Path(os.environ.get(COURSES_VARIABLE) or REPOSITORY)


def assignments() -> Path:
    return courses() / "autograder" / "assignments"


def solutions() -> Path:
    return courses() / "solutions"


def inside(path: Path) -> str:
    """The path of a file below `courses()`, or else below `REPOSITORY`, with slashes. Raises ValueError for one below neither."""
    root = courses() if path.is_relative_to(courses()) else REPOSITORY
    return path.relative_to(root).as_posix()
