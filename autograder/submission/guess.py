"""Which assignment a submission belongs to, where nobody has said so."""

import os

from autograder.errors import UserError
from autograder.manifest import Manifest, assignment_ids, load_manifest
from autograder.submission.entries import Source
from autograder.submission.locate import fits
from autograder.submission.rules import IntakeLimits, Refused, is_clutter, listed
from autograder.submission.sources import open_source


def guess_assignment(path: str | os.PathLike[str]) -> str:
    """The identifier of the one assignment whose folder, files and samples the submission shows best.

    Raises UserError where two are equally likely, and Refused where the submission cannot be read.
    """
    limits = IntakeLimits()
    known = assignment_ids()
    if len(known) == 1:
        return known[0]
    with open_source(path, limits) as source:
        likeness = {identifier: _likeness(source, load_manifest(identifier)) for identifier in known}
    best = max(likeness.values())
    likely = [identifier for identifier in known if likeness[identifier] == best]
    if not any(best):  # nothing to judge, whichever it is: the intake says what is wrong
        return min(likely, key=lambda identifier: load_manifest(identifier).tasks[0].id)
    if len(likely) > 1:
        options = listed([f"--assignment {identifier}" for identifier in likely], joint="or")
        raise UserError(f"It does not show which assignment this is; say {options}.")
    return likely[0]


def _likeness(source: Source, manifest: Manifest) -> tuple[bool, int, bool, bool]:
    """(a folder is called as the assignment's, how many of its files define what it asks for, its samples or its notebook are there)."""
    entries = [entry for entry in source.entries if entry.kind == "file" and not is_clutter(entry.path)]
    folders = {part for entry in entries for part in entry.folder} | {source.name.removesuffix(".zip")}
    fitting = set()
    for entry in entries:
        if entry.name in manifest.files.todo and entry.name not in fitting:
            try:
                if fits(manifest, entry.name, source.read(entry)):
                    fitting.add(entry.name)
            except Refused:
                continue
    has_notebook = any(entry.name == manifest.files.notebook for entry in entries)
    return manifest.folder in folders, len(fitting), manifest.files.samples in folders, has_notebook
