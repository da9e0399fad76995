"""What lies beside the files that are judged and may be the work itself: copies under another name, and code in notebooks."""

import ast
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.manifest import Manifest
from autograder.submission.entries import Entry, Source
from autograder.submission.locate import fits, place_of
from autograder.submission.python_text import NotPython, count_tokens, decode, parse
from autograder.submission.rules import IntakeLimits, Refused, shown_path

MOST_FILES = 10  # of each kind that are looked at
NOTEBOOK_BYTES = 4_000_000  # outputs with pictures included
NOTEBOOK_VALUES = 200_000  # in its JSON
_WRITES = re.compile(r"\s*%%(?:writefile|file)\s+(?:-a\s+)?[\"']?([^\s\"']*[\w.-])[\"']?\s*\n")
_MAGIC = re.compile(r"^\s*[%!].*$", re.M)


@dataclass(frozen=True)
class Beside:
    """Python code that is not judged. `file`: the only file of the assignment that it may be meant for, or ""."""

    place: str  # safe to print: "ddpm (1).py"
    code: str
    file: str = ""
    in_notebook: bool = False


def read_beside(
    source: Source, entries: Sequence[Entry], manifest: Manifest, limits: IntakeLimits
) -> tuple[Beside, ...]:
    """Python files of other names that define what the assignment asks for, and the code of notebooks, as far as it parses."""
    near = [entry for entry in entries if entry.kind == "file" and len(entry.folder) <= limits.depth]
    scripts = [entry for entry in near if entry.name.casefold().endswith(".py") and not _is_known(entry, manifest)]
    notebooks = [entry for entry in near if entry.name.casefold().endswith(".ipynb")]
    found: list[Beside] = []
    for entry in scripts[: 4 * MOST_FILES]:
        try:
            content = source.read(entry)
            fitting = any(fits(manifest, name, content) for name in manifest.files.todo)
            if fitting and len(found) < MOST_FILES and count_tokens(content) <= limits.file_tokens:
                parse(entry.name, content)
                found.append(Beside(shown_path(entry.path), decode(entry.name, content)[0]))
        except (Refused, NotPython):
            continue
    for entry in notebooks[:MOST_FILES]:
        try:
            cells = _cells(source.read(entry, NOTEBOOK_BYTES))
        except Refused:
            continue
        found += _of_notebook(shown_path(entry.path), cells, manifest)
    return tuple(found)


def _is_known(entry: Entry, manifest: Manifest) -> bool:
    return place_of(entry.path, (*manifest.files.todo, *manifest.files.given, "check.py", "pack.py")) is not None


def _cells(content: bytes) -> list[str]:
    """The code cells of a notebook; [] for what is none."""
    if content.count(b",") + content.count(b"[") + content.count(b"{") > NOTEBOOK_VALUES:
        return []
    try:
        cells = json.loads(content)["cells"]
        return [
            source if isinstance(source, str) else "".join(source)
            for source in (cell["source"] for cell in cells if cell["cell_type"] == "code")
        ]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def _of_notebook(place: str, cells: list[str], manifest: Manifest) -> Iterator[Beside]:
    rest = []
    for cell in cells:
        written = _WRITES.match(cell)
        meant = place_of(tuple(written[1].split("/")), manifest.files.todo) if written else None
        if written and meant:
            code = _MAGIC.sub("pass", cell[written.end() :])
            if _parses(code):
                yield Beside(place, code, meant[1], True)
        elif not written:
            rest.append(_MAGIC.sub("pass", cell))
    if code := "\n".join(cell for cell in rest if _parses(cell)):
        yield Beside(place, code, "", True)


def _parses(code: str) -> bool:
    if count_tokens(code.encode("utf-8", "replace")) > IntakeLimits.file_tokens:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
