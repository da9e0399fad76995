"""Functions that another edition of a course calls otherwise: where a student's code has one by its other name, it gets the name that is asked for.

Lines stay where they are, so that what is said of a line is true of the student's own.
"""

import dataclasses
import re
from collections.abc import Mapping

from autograder.submission.notebooks import Cell

Names = Mapping[str, tuple[str, ...]]  # of Files.also_called


def asked_for(text: str, also_called: Names) -> str:
    """A text in which each function has the name that is asked for; as it is where nothing is called otherwise."""
    return _all(text, _renamed(text, also_called))


def asked_for_in_bytes(content: bytes, also_called: Names) -> bytes:
    """The same for a file in whatever encoding has the letters of ASCII."""
    return asked_for(content.decode("latin-1"), also_called).encode("latin-1")


def asked_for_in_cells(cells: list[Cell], also_called: Names) -> list[Cell]:
    """The same for the code of a notebook, whose cells are one text."""
    code = "\n".join(cell.text for cell in cells if cell.kind == "code")
    renamed = _renamed(code, also_called)
    return [cell if cell.kind != "code" or not renamed else dataclasses.replace(cell, text=_all(cell.text, renamed)) for cell in cells]


def _all(text: str, renamed: list[tuple[str, str]]) -> str:
    for old, new in renamed:
        text = re.sub(rf"\b{re.escape(old)}\b", new, text)
    return text


def _renamed(text: str, also_called: Names) -> list[tuple[str, str]]:
    """(other name, name) of each function that is defined by its other name only."""
    found = []
    for name, others in also_called.items():
        if not _is_defined(text, name):
            found += [(other, name) for other in others if _is_defined(text, other)][:1]
    return found


def _is_defined(text: str, name: str) -> bool:
    return re.search(rf"^[ \t]*(async[ \t]+)?def[ \t]+{re.escape(name)}\b", text, re.M) is not None
