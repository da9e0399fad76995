"""A folder of submissions → who handed in what: loose zips and folders, or what Gradescope, Canvas or Moodle exports.

Names come from students and platforms: they are shown, cleaned, and never used as paths.
"""

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.classroom import gradescope_export
from autograder.classroom.records import CANVAS, MOODLE, SCHOOL, HandedIn
from autograder.classroom.roster import GITHUB_CLASSROOM
from autograder.errors import UserError
from autograder.kit.names import read_stem, tidy
from autograder.report.clean import clean_line

NAME = 120  # characters of a name that are kept
ARCHIVES = (
    ".zip",
    ".tar",
    ".gz",
    ".tgz",
    ".bz2",
    ".xz",
    ".rar",
    ".7z",
)  # what a student may have meant as a submission
_CANVAS = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE|_late)?_(?P<user>\d+)_(?P<attachment>\d+)_(?P<file>.+)", re.DOTALL)
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+)_(?P<file>.*)", re.DOTALL)
_AGAIN = re.compile(r"-(\d+)(?:\.[^.]*)?$")  # Canvas puts it at the end of the name of a file that is handed in again


@dataclass(frozen=True)
class Collected:
    """What lies in a folder. `kind`: "a Canvas export"; `remarks`: one sentence each, about what could not be used as it should."""

    kind: str
    submissions: tuple[HandedIn, ...]
    remarks: tuple[str, ...] = ()


def collect(folder: Path) -> Collected:
    """The newest submission of every student, by the order of their names. Raises UserError when there is none."""
    if not folder.is_dir():
        advice = "unzip it first, then name the folder" if folder.is_file() else "check the path"
        raise UserError(f"{folder} is not a folder of submissions; {advice}.")
    remarks: list[str] = []
    if metadata := gradescope_export.find(folder):
        kind, found = "a Gradescope export", gradescope_export.collect(metadata, folder, remarks)
    else:
        entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith((".", "__MACOSX"))]
        kind, found = _by_name(entries, remarks)
    if not found:
        raise UserError(
            f"There is no submission in {folder}: neither zips and folders, nor an export of Gradescope, Canvas or Moodle."
        )
    named = [replace(one, source=clean_line(one.path.relative_to(folder).as_posix(), 300)) for one in found]
    return Collected(kind, with_slugs(sorted(named, key=lambda one: (one.student, one.source))), tuple(remarks))


def _by_name(entries: Sequence[Path], remarks: list[str]) -> tuple[str, list[HandedIn]]:
    """Moodle and Canvas write who it is into the name; where most names are like that, it is their export."""
    platforms: tuple[tuple[str, re.Pattern[str], Callable[[Sequence[tuple[Path, re.Match[str]]]], list[HandedIn]]], ...]
    platforms = (("a Moodle export", _MOODLE, _moodle), ("a Canvas export", _CANVAS, _canvas))
    for kind, pattern, read in platforms:
        fitting = [(path, match) for path in entries if (match := pattern.fullmatch(path.name))]
        if 2 * len(fitting) > len(entries):
            others = [path for path in entries if not pattern.fullmatch(path.name)]
            return kind, read(fitting) + _loose(others, remarks, "is named otherwise than the rest of the export")
    return "loose zips and folders", _loose(entries, remarks)


def _loose(entries: Sequence[Path], remarks: list[str], odd: str = "") -> list[HandedIn]:
    entries = [path for path in entries if path.name != GITHUB_CLASSROOM]
    chosen = [path for path in entries if path.is_dir() or path.suffix.lower() in ARCHIVES]
    for path in entries:
        name = clean_line(path.name, NAME)
        if path not in chosen:
            remarks.append(f"{name} is neither a zip nor a folder, and was passed over.")
        elif odd:
            remarks.append(f"{name} {odd}; it is graded under that name.")
    stems = Counter(path.stem for path in chosen)
    packed = {path: read_stem(path.name if path.is_dir() else path.stem) for path in chosen}
    ids = Counter(who[1] for who in packed.values() if who)
    found = []
    for path in chosen:
        name = path.stem if stems[path.stem] == 1 and not path.is_dir() else path.name
        who = packed[path]
        if who and ids[who[1]] == 1:
            found.append(HandedIn(path, clean_line(who[0], NAME), student_id=who[1], numbered_by=SCHOOL))
        else:
            found.append(HandedIn(path, clean_line(tidy(name), NAME)))
    return found


def _canvas(entries: Sequence[tuple[Path, re.Match[str]]]) -> list[HandedIn]:
    """Of each user the newest file: attachments are numbered as they come in. A zip goes before other files."""

    def newness(entry: tuple[Path, re.Match[str]]) -> tuple[bool, int, int]:
        again = _AGAIN.search(entry[1]["file"])
        number = int(again[1][:9]) if again else 0
        return entry[0].suffix.lower() == ".zip", int(entry[1]["attachment"]), number

    users: dict[str, list[tuple[Path, re.Match[str]]]] = defaultdict(list)
    for path, match in entries:
        users[match["user"]].append((path, match))
    found = []
    for user, files in users.items():
        path, match = max(files, key=newness)
        name = clean_line(tidy(match["name"]), NAME)
        found.append(HandedIn(path, name, student_id=user, late=bool(match["late"]), numbered_by=CANVAS))
    return found


def _moodle(entries: Sequence[tuple[Path, re.Match[str]]]) -> list[HandedIn]:
    """Of each participant the folder of files, or the file; what was typed into the browser is no submission."""
    participants: dict[str, list[tuple[Path, re.Match[str]]]] = defaultdict(list)
    for path, match in entries:
        participants[match["id"]].append((path, match))
    found = []
    for identifier, parts in participants.items():
        path, match = max(parts, key=lambda part: (part[1]["kind"] == "file", part[0].suffix.lower() == ".zip"))
        path = gradescope_export.only_zip(path)
        name = clean_line(tidy(match["name"]), NAME)
        found.append(HandedIn(path, name, student_id=identifier, numbered_by=MOODLE))
    return found


def with_slugs(submissions: Iterable[HandedIn]) -> tuple[HandedIn, ...]:
    """The same, each with a slug of its own: letters, digits and underscores. Where two are equal, both get a part of a hash."""
    plain = [(one, slug_of(f"{one.student} {one.student_id}")) for one in submissions]
    count = Counter(slug for _, slug in plain)
    unique = []
    for one, slug in plain:
        mark = hashlib.sha256(one.source.encode("utf-8", "surrogateescape")).hexdigest()[:10]
        unique.append(replace(one, slug=slug if count[slug] == 1 else f"{slug}_{mark}"))
    return tuple(unique)


def slug_of(text: str) -> str:
    """A file name for any text: "Ada Lovelace 17" → "ada_lovelace_17"; "student" where nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "_".join(re.findall(r"[a-z0-9]+", plain))[:60].strip("_") or "student"
