"""What lies beside the files that are judged and may be the work itself: copies under another name, and code in notebooks."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.manifest import Manifest
from autograder.submission.entries import Entry, Source
from autograder.submission.locate import fits, place_of
from autograder.submission.notebooks import CodeCell, NotANotebook, Written, as_python, code_cells, read_cells
from autograder.submission.python_text import NotPython, count_tokens, decode, parse
from autograder.submission.rules import IntakeLimits, Refused, shown_path

MOST_FILES = 10  # of each kind that are looked at
NOTEBOOK_BYTES = 4_000_000  # outputs with pictures included
NOTEBOOK_VALUES = 200_000  # in its JSON


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
        with contextlib.suppress(Refused):
            found += _of_notebook(shown_path(entry.path), source.read(entry, NOTEBOOK_BYTES), manifest)
    return tuple(found)


def _is_known(entry: Entry, manifest: Manifest) -> bool:
    return place_of(entry.path, (*manifest.files.todo, *manifest.files.given, "check.py", "pack.py")) is not None


def _of_notebook(place: str, content: bytes, manifest: Manifest) -> Iterator[Beside]:
    """The code of a notebook: files of the assignment that cells write, and the rest as one text; nothing of what cannot be read."""
    if content.count(b",") + content.count(b"[") + content.count(b"{") > NOTEBOOK_VALUES:
        return
    try:
        parts = list(code_cells(read_cells(place, content)))
    except NotANotebook:
        return
    for part in parts:
        meant = place_of(part.path, manifest.files.todo) if isinstance(part, Written) else None
        if isinstance(part, Written) and meant:
            written = as_python(part.cell, part.text)
            if written.tree is not None:
                yield Beside(place, written.text, meant[1], True)
    if code := "\n".join(part.text for part in parts if isinstance(part, CodeCell) and part.tree is not None):
        yield Beside(place, code, "", True)
