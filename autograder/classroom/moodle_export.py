"""What Moodle hands out when all submissions of an assignment are downloaded, by the rule of its own source (mod/assign, downloader):

    NAME_NUMBER_assignsubmission_KIND/…     one folder for each participant and kind; before 4.1 with "_" at its end
    NAME_NUMBER_assignsubmission_KIND_FILE  where it is downloaded without folders

An underscore in NAME is made a space, so the first "_NUMBER_assignsubmission_" is Moodle's, and what follows it may be a student's.
NAME is "Participant" where names are hidden. Of team submissions NAME and NUMBER are the group's; students without a group hand in together,
and then there is no NUMBER.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.names import exactly
from autograder.classroom.one_by_one import OneFile, choose
from autograder.classroom.records import MOODLE, HandedIn
from autograder.submission.rules import listed, shown
from autograder.submission.sources import only_zip
from autograder.text import clean_line

NAMED = 8  # students in one remark; the others are counted
_NAME = re.compile(
    r"(?P<name>[^_]*)(?:_(?P<number>[0-9]{1,18}))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL
)
_SLOPPY = re.compile(
    r"(?P<name>.+)_(?P<number>[0-9]{1,18})_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL
)
_TEAM = re.compile(
    r"\W*(group|team|gruppe|groupe|grupo|gruppo|équipe|equipe|equipo|squadra|조|팀|组|小组|グループ|チーム)(?![^\W\d_])",
    re.I,
)


@dataclass(frozen=True)
class _Part:
    """What one participant handed in of one kind: a folder, or one of several files."""

    path: Path
    name: str
    number: str  # "" for those without a group
    kind: str
    file: str  # "" for a folder


def fits(name: str) -> bool:
    """Whether a file or folder is called as Moodle calls it."""
    return "_assignsubmission_" in name and _parse(name) is not None


def person(name: str) -> str:
    """Whose it is, of a name that fits."""
    match = _parse(name)
    return f"{match['name']}_{match['number']}" if match else name


def _parse(name: str) -> re.Match[str] | None:
    """Moodle's own reading; or the only one there is, where somebody has put underscores back into a name."""
    once = name.count("_assignsubmission_") == 1
    return _NAME.fullmatch(name) or (_SLOPPY.fullmatch(name) if once else None)


def read(entries: Sequence[Path], remarks: list[str]) -> list[HandedIn]:
    """One submission of each participant, or group. `entries` are those that fit; what is not graded is added to `remarks`."""
    participants: dict[tuple[str, str], list[_Part]] = defaultdict(list)
    found, doubtful = [], []
    for path in entries:
        match = _parse(path.name)
        assert match is not None
        if path.is_dir() and "_assignsubmission_" in (match["file"] or ""):
            doubtful.append(path)  # no folder of Moodle's has a file's name behind it
        else:
            part = _Part(path, match["name"], match["number"] or "", match["kind"], match["file"] or "")
            participants[part.name, part.number].append(part)
    typed = []
    names = Counter(name for name, _ in participants)
    is_of_teams = _are_teams([name for name, _ in participants], [number for _, number in participants])
    for (name, number), parts in participants.items():
        files = [part for part in parts if part.kind == "file"]
        called = _called(name, number, names)
        if not files:
            typed.append(called)
        else:
            found.append(_handed_in(called, number, files, is_of_teams, remarks))
    if typed:
        remarks.append(
            f"No file was handed in, only a text that was typed into Moodle, which is not graded: {listed(typed, NAMED)}."
        )
    if is_of_teams:
        remarks.append(
            "These are submissions of groups: names and numbers are the groups', and Moodle does not say here who is in a group."
        )
    for path in doubtful:
        remarks.append(
            f"{shown(path.name)} can be read as two participants; it is graded under its whole name, without a number."
        )
        found.append(HandedIn(only_zip(path), clean_line(path.name, 120), key=f"name {exactly(path.name)}"))
    return found


def _are_teams(names: Sequence[str], numbers: Sequence[str]) -> bool:
    return "" in numbers or 2 * sum(_TEAM.match(name) is not None for name in names) > len(names)


def _called(name: str, number: str, names: Counter[str]) -> str:
    """The name to show; with the number where names are hidden, so that all are "Participant"."""
    shared = names[name] > 1 or name.casefold().endswith("participant") or not name.strip()
    return clean_line(f"{name} {number}" if shared else name, 120) or f"participant {number}"


def _handed_in(called: str, number: str, files: Sequence[_Part], is_team: bool, remarks: list[str]) -> HandedIn:
    folders = [part for part in files if not part.file or part.path.is_dir()]
    key, whose = (f"group {number or called}", "") if is_team else (f"id {number}", MOODLE)
    if folders:
        path = max((part.path for part in folders), key=lambda path: path.name)
        if others := [shown(part.path.name) for part in files if part.path != path]:
            remarks.append(f"Of {called}, {shown(path.name)} is graded, and not {listed(others, NAMED)}.")
        return HandedIn(only_zip(path), called, student_id=number, numbered_by=whose, key=key)
    chosen = choose([OneFile(part.file, part.path) for part in files])
    if chosen.remark:
        remarks.append(f"Of {called}, {chosen.remark}.")
    return HandedIn(chosen.path, called, student_id=number, numbered_by=whose, key=key, files=chosen.files)
