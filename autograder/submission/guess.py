"""Which assignment a submission, or a class, belongs to, where nobody has said so."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from autograder.errors import UserError
from autograder.manifest import Manifest, assignment_ids, load_manifest
from autograder.submission.bounded import bounded
from autograder.submission.entries import Entry, Source
from autograder.submission.from_notebook import code_of_notebooks
from autograder.submission.locate import place_of
from autograder.submission.rules import IntakeLimits, Refused, is_clutter, listed
from autograder.submission.sources import open_source

_DEFINITION = re.compile(r"^([ \t]*)(?:class|def|async[ \t]+def)[ \t]+(\w+)", re.M)


@dataclass(frozen=True)
class Likeness:
    """What of an assignment a submission shows."""

    named: bool  # a folder is called as the assignment's
    defined: tuple[str, ...]  # regions of the manifest that its files define, sorted
    regions: int  # that the manifest has
    marks: int  # what only this assignment asks for beside code: samples or a checkpoint, a notebook
    placed: int = 0  # how many of its files lie there by their names, whatever is in them
    files: int = 1  # that it asks for

    @property
    def share(self) -> float:
        return len(self.defined) / max(self.regions, 1)

    def shows(self) -> bool:
        return self.named or bool(self.defined) or self.marks > 0


def guess_assignment(path: str | os.PathLike[str]) -> str:
    """The identifier of the one assignment that the submission shows best.

    Of one that cannot be read, or shows nothing, the names of the files decide, or else it is the first assignment's, whose intake then says
    why. Raises UserError where two are equally likely.
    """
    known = assignment_ids()
    likeness = _likeness_of(path) if len(known) > 1 else {}
    likely = most_likely(likeness)
    if not likely:
        nothing = Likeness(False, (), 0, 0)
        shown = {identifier: likeness.get(identifier, nothing) for identifier in known}
        return min(known, key=lambda identifier: (-shown[identifier].placed / shown[identifier].files, -shown[identifier].placed, identifier))
    if len(likely) > 1:
        options = listed([f"--assignment {identifier}" for identifier in likely], joint="or")
        both = all(likeness[identifier].named for identifier in likely)
        reason = "It holds more than one assignment" if both else "It does not show which assignment this is"
        raise UserError(f"{reason}; say {options}.")
    return likely[0]


def guess_for_class(paths: Sequence[str | os.PathLike[str]]) -> str:
    """The assignment that more than half of these submissions show. Raises UserError, with the votes, where there is none."""
    known = assignment_ids()
    if len(known) == 1:
        return known[0]
    votes: dict[str, int] = {}
    for path in paths:
        likely = most_likely(_likeness_of(path))
        if len(likely) == 1:
            votes[likely[0]] = votes.get(likely[0], 0) + 1
    ranked = sorted(votes, key=lambda identifier: -votes[identifier])
    if ranked and 2 * votes[ranked[0]] > len(paths):
        return ranked[0]
    undecided = len(paths) - sum(votes.values())
    told = [f"{votes[identifier]} look like {identifier}" for identifier in ranked]
    told += [f"{undecided} like none in particular"] if undecided or not paths else []
    raise UserError(
        "The submissions do not show clearly which assignment this is; say it with --assignment. "
        f"Of {len(paths)} looked at, {listed(told)}; more than half must agree."
    )


def _likeness_of(path: str | os.PathLike[str]) -> dict[str, Likeness]:
    """By assignment; empty for what cannot be read."""
    location = os.path.join(os.getcwd(), os.fsdecode(path))
    try:
        return bounded(os.path.basename(location), dict[str, Likeness], likenesses, location)
    except Refused:
        return {}  # the intake refuses it too, and writes down why


def most_likely(likeness: dict[str, Likeness]) -> tuple[str, ...]:
    """Those between which nothing decides. In this order: a folder's name, the regions that are defined, what lies beside the code.

    Of two assignments, one may ask for all that is there and the other for part of it only: then it is the first. Else the one of whose
    regions the larger share is there. Where both ask for just the same of what is there, it shows neither, whatever the shares.
    """
    left = [identifier for identifier, one in likeness.items() if one.shows()]
    if named := [identifier for identifier in left if likeness[identifier].named]:
        left = named
        if len(named) > 1:
            return tuple(named)
    found = {identifier: set(likeness[identifier].defined) for identifier in left}
    left = [one for one in left if not any(found[one] < found[other] for other in left)]
    if not left:
        return ()
    best = max(left, key=lambda identifier: likeness[identifier].share)
    left = [one for one in left if found[one] == found[best] or likeness[one].share == likeness[best].share]
    marks = max(likeness[identifier].marks for identifier in left)
    return tuple(identifier for identifier in left if likeness[identifier].marks == marks)


def likenesses(path: str) -> dict[str, Likeness]:
    """How much a submission looks like each assignment. Raises Refused where it cannot be read."""
    limits = IntakeLimits()
    notebooks = any(load_manifest(identifier).files.from_notebook for identifier in assignment_ids())
    with open_source(path, limits, notebooks) as source:
        return {identifier: _likeness(source, load_manifest(identifier), limits) for identifier in assignment_ids()}


def _likeness(source: Source, manifest: Manifest, limits: IntakeLimits) -> Likeness:
    entries = [entry for entry in source.entries if entry.kind == "file" and not is_clutter(entry.path)]
    folders = {part for entry in entries for part in entry.folder} | {source.name.removesuffix(".zip")}
    regions = {region for task in manifest.tasks for region in task.regions}
    names = {entry.name for entry in entries}
    has_samples = (manifest.files.samples or "").casefold() in {folder.casefold() for folder in folders}
    pattern = manifest.files.checkpoint
    has_checkpoint = pattern is not None and any(fnmatch(name, pattern) for name in names)
    marks = (has_samples or has_checkpoint) + (manifest.files.notebook in names)
    defined = regions & _defined(source, entries, manifest, limits)
    there = {name for entry in entries if (place := place_of(entry.path, manifest.files.todo)) for name in place[1:]}
    return Likeness(manifest.folder in folders, tuple(sorted(defined)), len(regions), marks, len(there), max(len(manifest.files.todo), 1))


def _defined(source: Source, entries: Sequence[Entry], manifest: Manifest, limits: IntakeLimits) -> set[str]:
    """ "ddpm.py:DDPM", "ddpm.py:DDPM.forward": all that the submission's files of the assignment's names define, or its notebooks."""
    found: set[str] = set()
    placed = [(entry, place) for entry in entries if (place := place_of(entry.path, manifest.files.todo))]
    for entry, name in [(entry, name) for entry, (folder, name) in placed if len(folder) <= limits.depth][: limits.candidates]:
        try:
            found |= {f"{name}:{path}" for path in definitions(source.read(entry).decode("utf-8", "replace"))}
        except Refused:
            continue
    for code in code_of_notebooks(source, entries, limits) if manifest.files.from_notebook else ():
        found |= {f"{name}:{path}" for path in definitions(code.decode("utf-8", "replace")) for name in manifest.files.todo}
    return found


def definitions(text: str) -> set[str]:
    """ "DDPM", "DDPM.forward": classes and functions by their indentation, so that a file counts that Python cannot read."""
    found, around = set(), list[tuple[int, str]]()
    for match in _DEFINITION.finditer(text):
        depth = len(match[1].expandtabs())
        while around and around[-1][0] >= depth:
            around.pop()
        around.append((depth, match[2]))
        found.add(".".join(name for _, name in around))
    return found
