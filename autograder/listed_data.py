"""Data that an assignment lists with its SHA-256: weights, a small set of images. Nothing is ever downloaded.

What the handout carries lies in the solution's folder, and from there comes into handout, kit and bundle. What it does not carry, since
it is large or not ours to give, is looked up in the folder that the environment variable AUTOGRADER_DATA names.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

VARIABLE = "AUTOGRADER_DATA"


class Listed(Protocol):
    """An entry [[data]] of a manifest."""

    @property
    def file(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def carried(self) -> bool: ...


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def problem(file: str, title: str, sha256: str, content: bytes | None, advice: str) -> str:
    """The sentence about a file that is not there or is another one; "" where all is well. `advice`: what to do."""
    called = f"{file} ({title})" if title else file
    if content is None:
        return f"{called} is missing; {advice}."
    found = digest_of(content)
    if found != sha256.lower():
        return f"{called} is not the file that the assignment lists: its SHA-256 begins with {found[:12]} and not {sha256[:12].lower()}; {advice}."
    return ""


def find(listed: Listed, home: Path) -> tuple[bytes | None, str]:
    """(content, problem) of one entry: from `home`, the solution's folder, or else, where it is not carried, from where it is looked up.

    Of a file that is there, wrong in one place and right in another, the right one is taken.
    """
    places = [home / listed.file]
    if not listed.carried and os.environ.get(VARIABLE):
        root = Path(os.environ[VARIABLE])
        places += [root / listed.file, root / Path(listed.file).name]
    advice = f"put it there as {home / listed.file}" if listed.carried else _advice(listed.file)
    said = problem(listed.file, listed.title, listed.sha256, None, advice)
    for place in places:
        content = place.read_bytes() if place.is_file() else None
        if content is not None:
            said = problem(listed.file, listed.title, listed.sha256, content, advice)
            if not said:
                return content, ""
    return None, said


def _advice(file: str) -> str:
    if os.environ.get(VARIABLE):
        return f"put it into {os.environ[VARIABLE]}, which {VARIABLE} names, as {file}"
    return f"put it into a folder as {file}, and name that folder in the environment variable {VARIABLE}"


def problems_in(folder: Path, entries: Sequence[dict[str, object]]) -> list[str]:
    """A sentence for each entry whose file in a student's folder is missing or another one. `entries`: as in the kit's facts."""
    found = []
    for entry in entries:
        file, path = str(entry["file"]), folder / str(entry["file"])
        content = path.read_bytes() if path.is_file() else None
        advice = "copy it from the handout again" if entry["carried"] else "the handout says where to get it"
        found.append(problem(file, str(entry["title"]), str(entry["sha256"]), content, advice))
    return [sentence for sentence in found if sentence]
