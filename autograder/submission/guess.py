"""Which assignment a submission belongs to, where nobody has said so."""

import os
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any

from autograder.errors import UserError
from autograder.manifest import Manifest, assignment_ids, load_manifest
from autograder.submission.bounded import bounded
from autograder.submission.entries import Source
from autograder.submission.from_notebook import code_of_notebooks
from autograder.submission.locate import fits, place_of
from autograder.submission.rules import IntakeLimits, Refused, is_clutter, listed
from autograder.submission.sources import open_source


def guess_assignment(path: str | os.PathLike[str]) -> str:
    """The identifier of the one assignment whose folder, files and samples the submission shows best.

    One that cannot be read is the first assignment's, whose intake then says why. Raises UserError where two are equally likely.
    """
    known = assignment_ids()
    if len(known) == 1:
        return known[0]
    location = os.path.join(os.getcwd(), os.fsdecode(path))
    try:
        likeness: dict[str, tuple[Any, ...]] = bounded(
            os.path.basename(location), dict[str, tuple[Any, ...]], likenesses, location
        )
    except Refused:
        return _first(known)  # the intake refuses it too, and writes down why
    named = [identifier for identifier in known if likeness[identifier][0]]
    best = max(likeness.values())
    likely = named if len(named) > 1 else [identifier for identifier in known if likeness[identifier] == best]
    if not any(best):  # nothing to judge, whichever it is: the intake says what is wrong
        return _first(likely)
    if len(likely) > 1:
        options = listed([f"--assignment {identifier}" for identifier in likely], joint="or")
        reason = "It holds more than one assignment" if named else "It does not show which assignment this is"
        raise UserError(f"{reason}; say {options}.")
    return likely[0]


def likenesses(path: str) -> dict[str, tuple[bool, int, bool, bool]]:
    """How much a submission looks like each assignment. Raises Refused where it cannot be read."""
    limits = IntakeLimits()
    notebooks = any(load_manifest(identifier).files.from_notebook for identifier in assignment_ids())
    with open_source(path, limits, notebooks) as source:
        return {identifier: _likeness(source, load_manifest(identifier), limits) for identifier in assignment_ids()}


def _first(identifiers: Sequence[str]) -> str:
    """The one whose tasks come first in the course."""
    return min(identifiers, key=lambda identifier: load_manifest(identifier).tasks[0].id)


def _likeness(source: Source, manifest: Manifest, limits: IntakeLimits) -> tuple[bool, int, bool, bool]:
    """(a folder is called as the assignment's, how many of its files define what it asks for, its samples or its notebook are there)."""
    entries = [entry for entry in source.entries if entry.kind == "file" and not is_clutter(entry.path)]
    folders = {part for entry in entries for part in entry.folder} | {source.name.removesuffix(".zip")}
    fitting: set[str] = set()
    placed = [(entry, place) for entry in entries if (place := place_of(entry.path, manifest.files.todo))]
    candidates = [(entry, name) for entry, (folder, name) in placed if len(folder) <= limits.depth]
    for entry, name in candidates[: limits.candidates]:
        if name not in fitting:
            try:
                if fits(manifest, name, source.read(entry)):
                    fitting.add(name)
            except Refused:
                continue
    for code in code_of_notebooks(source, entries, limits) if manifest.files.from_notebook else ():
        fitting |= {name for name in manifest.files.todo if fits(manifest, name, code)}
    names = {entry.name for entry in entries}
    has_samples = (manifest.files.samples or "").casefold() in {folder.casefold() for folder in folders}
    pattern = manifest.files.checkpoint
    has_checkpoint = pattern is not None and any(fnmatch(name, pattern) for name in names)
    return manifest.folder in folders, len(fitting), has_samples or has_checkpoint, manifest.files.notebook in names
