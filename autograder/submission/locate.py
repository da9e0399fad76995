"""Where the work lies: which folder of a submission holds the assignment's files. Pure functions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.manifest import Manifest
from autograder.submission.python_text import same_code
from autograder.submission.rules import Refused, listed, shown_path
from autograder.submission.stubs import blocks_in, holds_work, region_paths

Folder = tuple[str, ...]


@dataclass(frozen=True)
class Candidate:
    """A folder that holds files with the names of the assignment's, by these names. A content is None when it could not be read."""

    folder: Folder
    contents: Mapping[str, bytes | None]


@dataclass(frozen=True)
class Located:
    """The folder of each file that was found, and the sentences that explain an unusual choice."""

    main: Folder
    folder_of: dict[str, Folder]
    remarks: list[str] = field(default_factory=list)

    @property
    def folders(self) -> list[Folder]:
        return list(dict.fromkeys([self.main, *self.folder_of.values()]))


def place_of(path: Folder, names: Iterable[str]) -> tuple[Folder, str] | None:
    """Which of the assignment's files `names` ("ddpm.py", "libs/ddpm.py") a path means, and in which folder of the work; None for another.

    Where two fit, the longer name is meant: below libs/ lies "libs/ddpm.py", and not a second "ddpm.py".
    """
    fitting = [parts for name in names if (parts := tuple(name.split("/"))) == path[-len(parts) :]]
    longest = max(fitting, key=len, default=())
    return (path[: -len(longest)], "/".join(longest)) if longest else None


def locate(manifest: Manifest, root: str, candidates: Sequence[Candidate], others: frozenset[str]) -> Located:
    """Choose among folders that hold files of the assignment; there is at least one.

    The best folder is, in this order: one whose files define what this assignment asks for, one in which somebody has
    worked, not a copy of the handout, one that is named as the assignment's folder or lies in it, one that holds most of the
    files. A file that it lacks is taken from elsewhere
    when there is no doubt which one is meant. `root` is the submission's own name, `others` are the folders of other
    assignments.

    Raises Refused when two folders are equally good and differ, and when there are only other assignments' files.
    """

    def rank(candidate: Candidate) -> tuple[bool, bool, int, int]:
        fitting = any(fits(manifest, name, content) for name, content in candidate.contents.items())
        worked_on = any(holds_work(manifest, name, content) for name, content in candidate.contents.items())
        closeness = _closeness(manifest, (root, *candidate.folder), others)
        return fitting, worked_on, closeness, len(candidate.contents)

    def called(candidate: Candidate) -> str:
        return shown_path(candidate.folder) + "/" if candidate.folder else root

    ordered = sorted(candidates, key=lambda candidate: candidate.folder)
    ranks = {candidate.folder: rank(candidate) for candidate in ordered}
    highest = max(ranks.values())
    best, *equals = [candidate for candidate in ordered if ranks[candidate.folder] == highest]
    if not highest[0] and highest[2] < 0:
        wanted = f"hand in the folder {manifest.folder} with {listed(list(manifest.files.todo))}"
        raise Refused(f"{called(best)} belongs to another assignment, and there is no other work here; {wanted}.")
    for other in equals:
        shared = sorted(best.contents.keys() & other.contents.keys())
        if any(not same_code(name, best.contents[name], other.contents[name]) for name in shared):
            files = listed(shared)
            both = f"in {called(best)} and, with different content, in {called(other)}"
            raise Refused(f"The work ({files}) is {both}; hand in only one of the two folders.")

    folder_of = dict.fromkeys(best.contents, best.folder)
    remarks = []
    for name in manifest.files.todo:
        holders = [c for c in ordered if name in c.contents and fits(manifest, name, c.contents[name])]
        if name in folder_of or not holders:
            continue
        if different := [c for c in holders if not same_code(name, c.contents[name], holders[0].contents[name])]:
            both = f"in {called(holders[0])} and, with different content, in {called(different[0])}"
            raise Refused(
                f"{name} is not in {called(best)} with the rest, but {both}; put one solution into one folder."
            )
        folder_of[name] = holders[0].folder
        remarks.append(
            f"{name} was taken from {called(holders[0])} and the rest from {called(best)}; keep them together."
        )
    judged = {name: c.contents[name] for name, folder in folder_of.items() for c in ordered if c.folder == folder}
    passed_over = [
        called(c)
        for c in ordered
        if ranks[c.folder][0]
        and any(not same_code(name, content, judged[name]) for name, content in c.contents.items())
    ]
    if passed_over:
        names = listed(passed_over, most=3)
        remarks.append(f"The files in {called(best)} were judged; those of the same names in {names} were not.")
    return Located(best.folder, folder_of, remarks)


def is_near(folder: Folder, work: Folder, name: str) -> bool:
    """Whether something in `folder` may be meant as the file `name` of the work: it lies where that should, or on the way there."""
    way = tuple(name.split("/"))[:-1]
    return any(folder == (*work, *way[:depth]) for depth in range(len(way) + 1))


def is_other_assignment(manifest: Manifest, part: str, others: frozenset[str]) -> bool:
    """Whether a folder is another assignment's: by its manifest, or by the custom that such folders end in `_todo`."""
    return part not in _names(manifest) and (part in others or part.endswith("_todo"))


def _closeness(manifest: Manifest, path: Folder, others: frozenset[str]) -> int:
    """How near a path is to the assignment's folder: 3 that name, 2 nearly so, 1 inside it, 0 any, −1 another's."""
    plain = {_plain(name) for name in _names(manifest)}
    if path[-1] in _names(manifest):
        return 3
    if any(is_other_assignment(manifest, part, others) for part in path):
        return -1
    if _plain(path[-1]) in plain:
        return 2
    return 1 if any(_plain(part) in plain for part in path) else 0


def _names(manifest: Manifest) -> frozenset[str]:
    return frozenset({manifest.folder, manifest.folder.removesuffix("_todo"), manifest.id})


def _plain(name: str) -> str:
    """ "2D-plot diffusion_todo (1).zip" → "2d_plot_diffusion": without case, separators, and what tools append."""
    name = re.sub(r"\.zip$", "", name[:255].casefold())
    name = re.sub(r"([-_ ]*(\(\d+\)|copy|main|master|final|todo|solution|submission))+$", "", name)
    return re.sub(r"[-_ .]+", "_", name).strip("_")


def fits(manifest: Manifest, name: str, content: bytes | None) -> bool:
    """Whether a file defines at least one of the classes, functions and tables that the assignment's file of that name has."""
    if content is None or not (paths := region_paths(manifest, name)):
        return False
    blocks = blocks_in(manifest, name) if (manifest.solution / name).is_file() else {}
    owners = {path.partition(".")[0] for path in paths if path not in blocks or blocks[path].owner}
    tables = {bound for block in blocks.values() if not block.owner for bound in block.names}
    patterns = [rf"^[ \t]*(class|def|async[ \t]+def)[ \t]+({_any_of(owners)})\b"] if owners else []
    patterns += [rf"^({_any_of(tables)})[ \t]*(=(?!=)|:|,)"] if tables else []
    return any(re.search(pattern.encode(), content, re.M) for pattern in patterns)


def _any_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(names)))
