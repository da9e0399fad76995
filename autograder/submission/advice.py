"""What to tell a student whose files are not where or what they should be. Pure functions on the list of entries."""

import re
from collections.abc import Iterable, Sequence

from autograder.manifest import Manifest
from autograder.submission.entries import Entry
from autograder.submission.locate import place_of
from autograder.submission.rules import IntakeLimits, folded, listed, shown_path

_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".tgz", ".gz")

# What systems and people put around the name of a copy.
_BEFORE = r"(?:(?:copy of|copy|final|my|new|kopie von|copie de|copia de)[-_ .]*)*"
_BEHIND = r"[-_ .]*(?:\(\d+\)|copy|kopie|copie|copia|final|solution|solved|done|new|복사본|사본|副本|コピー|v|[-_ \d])*(?:\.py){0,2}(?:\.txt)?"


def nothing_found(name: str, entries: Sequence[Entry], manifest: Manifest, limits: IntakeLimits) -> str:
    """The sentence for a submission without a single file of the assignment: what was expected, what is there instead.

    `entries` are those that are not clutter.
    """
    todo = list(manifest.files.todo)
    hand_in = f"hand in the folder {manifest.folder} with {listed(todo)}"
    start = f"{name} holds neither {listed(todo, joint='nor')}" if len(todo) > 1 else f"{name} does not hold {todo[0]}"
    if manifest.files.from_notebook and not any(entry.name in todo for entry in entries):
        notebook = manifest.files.notebook or "the notebook with your work"
        return f"{name} holds no notebook that lies at most {limits.depth} folders down, and none of {listed(todo)}; hand in {notebook}."
    if not entries:
        return f"{name} is empty; {hand_in}."
    archives = [entry for entry in entries if entry.name.lower().endswith(_ARCHIVES)]
    if archives and not any(entry.name.endswith(".py") for entry in entries):
        return f"{start} but another archive, {shown_path(archives[0].path)}; unpack it and hand in what is inside."
    if deeper := [entry for entry in entries if place_of(entry.path, todo)]:
        where = f"{shown_path(deeper[0].path)} in {name} lies more than {limits.depth} folders down"
        return f"{where}; hand in the folder that holds it."
    for wanted in todo:
        if hint := near_miss(wanted, entries):
            return f"{start}: {hint}."
    if links := [entry for entry in entries if entry.kind == "link"]:
        return (
            f"{start}, and {shown_path(links[0].path)} is a link, which is not followed; hand in the files themselves."
        )
    if closed := [entry for entry in entries if entry.kind == "closed"]:
        return f"{start}, and {shown_path(closed[0].path)} may not be opened; check its permissions."
    notebooks = [entry for entry in entries if entry.name.endswith(".ipynb")]
    if notebooks and not any(entry.name.endswith(".py") for entry in entries):
        return f"{start}, and the notebook {shown_path(notebooks[0].path)} is not judged; {hand_in}."
    found = listed([shown_path(entry.path, 40) for entry in entries], most=4)
    return f"{start}, only {found}; {hand_in}."


def near_miss(wanted: str, entries: Iterable[Entry]) -> str | None:
    """What may have been meant by the file `wanted`: another case, a notebook, a copy. Half a sentence, or None."""
    inside, _, wanted = wanted.rpartition("/")
    stem = folded(wanted.removesuffix(".py"))
    if inside and (same := [shown_path(entry.path) for entry in entries if entry.name == wanted]):
        return f"{same[0]} may be meant; put it into a folder {inside}"
    copies = re.compile(_BEFORE + re.escape(stem) + _BEHIND)
    by_name = {folded(entry.name): shown_path(entry.path) for entry in entries}
    if place := by_name.get(folded(wanted)):
        return f"{place} is written differently; rename it to {wanted}, exactly so"
    if place := by_name.get(stem + ".ipynb"):
        return f"{place} is a notebook; put its code into a file {wanted}"
    for name, place in by_name.items():
        if len(name) < 100 and copies.fullmatch(name):
            return f"{place} may be meant; rename it to {wanted}"
    return None
