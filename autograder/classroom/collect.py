"""A folder of submissions → who handed in what: loose zips and folders, or what Gradescope, Canvas or Moodle exports.

Names come from students and platforms: they are shown, cleaned, and never used as paths. Who somebody is is decided by the platform's number, or
else by the name to the letter: names that merely look the same are two people, and staff are told.
"""

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.classroom import canvas_export, gradescope_export, loose, moodle_export
from autograder.classroom.names import exactly, looks_like
from autograder.classroom.places import Place, export_of, find_places
from autograder.classroom.records import HandedIn
from autograder.errors import UserError
from autograder.submission.rules import listed, shown

NAMED = 8  # submissions in one remark; the others are counted
MARKS = (12, 64)  # hexadecimal digits of a hash at the end of a slug; the second is all of it
Reader = Callable[[Sequence[Path], list[str]], list[HandedIn]]
_MARKED = re.compile(r"(?:.*_)?(?:[0-9a-f]{12}|[0-9a-f]{64})")


@dataclass(frozen=True)
class Collected:
    """What lies in a folder. `kind`: "a Canvas export"; `remarks`: one sentence each, about what could not be used as it should."""

    kind: str
    submissions: tuple[HandedIn, ...]
    remarks: tuple[str, ...] = ()


def collect(folder: Path, besides: Path | None = None) -> Collected:
    """The newest submission of every student, by the order of their names. `besides`: a folder that is none, the grader's own.

    Raises UserError when there is no submission.
    """
    if not folder.is_dir():
        advice = "unzip it first, then name the folder" if folder.is_file() else "check the path"
        raise UserError(f"{folder} is not a folder of submissions; {advice}.")
    remarks: list[str] = []
    kinds: list[str] = []
    found: list[HandedIn] = []
    for place in find_places(folder, besides, remarks):
        kind, here = _read(place, remarks)
        found += [_placed(one, place, folder) for one in here]
        kinds += [kind] if here else []
    if not found:
        told = " ".join(["", *remarks])
        raise UserError(
            f"There is no submission in {folder}: neither zips and folders, nor an export of Gradescope, Canvas or Moodle.{told}"
        )
    found = _told_apart(found, folder)
    remarks += _alike(found)
    if len(found) == 1 and found[0].path.suffix.lower() == ".zip" and not found[0].student_id:
        remarks.append(
            f"{found[0].source} is the only submission; if it holds those of a class, unzip it and name its folder."
        )
    found.sort(key=lambda one: (one.student, one.section, one.source))
    return Collected(_kind(kinds), with_slugs(found), tuple(remarks))


def _kind(kinds: Sequence[str]) -> str:
    return kinds[0] if len(kinds) == 1 else f"{len(kinds)} folders ({listed(sorted(set(kinds)))})"


def _read(place: Place, remarks: list[str]) -> tuple[str, list[HandedIn]]:
    """Moodle and Canvas write who it is into the name; where most names are like that, it is their export."""
    export = export_of([path.name for path in place.entries])
    if export == "Gradescope":
        return "a Gradescope export", gradescope_export.collect(place.folder, place.entries, remarks)
    if export is None:
        return "loose zips and folders", loose.read(place.entries, remarks)
    platform = moodle_export if export == "Moodle" else canvas_export
    fitting = [path for path in place.entries if platform.fits(path.name)]
    others = [path for path in place.entries if not platform.fits(path.name)]
    people = platform.read(fitting, remarks) + loose.read(
        others, remarks, "is named otherwise than the rest of the export"
    )
    return f"a {export} export", people


def _placed(one: HandedIn, place: Place, top: Path) -> HandedIn:
    key = f"{one.key} in {place.section}" if place.section else one.key
    return replace(one, section=place.section, key=key, source=shown(_lies_at(one).relative_to(top).as_posix(), 300))


def _lies_at(one: HandedIn) -> Path:
    return one.files[0][1] if one.files else one.path


def _told_apart(found: Sequence[HandedIn], top: Path) -> list[HandedIn]:
    """The same, each with a key of its own: nobody takes the place of somebody with the same number."""
    by_key: dict[str, list[HandedIn]] = defaultdict(list)
    for one in found:
        by_key[one.key].append(one)
    apart = []
    for key, group in by_key.items():
        apart += [
            one if len(group) == 1 else replace(one, key=f"{key}, {exactly(_lies_at(one).relative_to(top).as_posix())}")
            for one in group
        ]
    return apart


def _alike(found: Sequence[HandedIn]) -> list[str]:
    """Sentences about submissions that have one number, or names that look the same without one."""
    numbers: dict[tuple[str, str], list[str]] = defaultdict(list)
    names: dict[str, list[str]] = defaultdict(list)
    for one in found:
        if one.student_id:
            numbers[one.numbered_by, one.student_id.casefold()].append(one.source)
        names[looks_like(f"{one.student} {one.student_id}")].append(one.source)
    said = [
        f"{listed(sources, NAMED)} carry one number, {number}; each is graded by itself, so look whose it is."
        for (_, number), sources in numbers.items()
        if len(sources) > 1
    ]
    told = {tuple(sources) for sources in numbers.values()}
    return said + [
        f"{listed(sources, NAMED)} have names that look the same; each is graded by itself, so look whose it is."
        for sources in names.values()
        if len(sources) > 1 and tuple(sources) not in told
    ]


def with_slugs(submissions: Iterable[HandedIn], taken: Mapping[str, str] | None = None) -> tuple[HandedIn, ...]:
    """The same, each with a slug of its own: lower-case letters, digits and underscores.

    `taken`: slug → identity, of earlier runs. A slug is the name where that says exactly who it is, and nobody else has it; else it ends in a
    hash of the identity. No name passes for one with a hash, so that no two submissions have one slug.
    """
    taken = taken or {}
    submissions = tuple(submissions)
    plain = [slug_of(f"{one.student} {one.student_id}") for one in submissions]
    count = Counter(plain)
    for length in MARKS:
        slugs = [
            slug
            if count[slug] == 1 and taken.get(slug, one.identity) == one.identity and _is_clear(one, slug)
            else _marked(one, slug, length)
            for one, slug in zip(submissions, plain)
        ]
        if len(set(slugs)) == len(slugs):
            break
    return tuple(replace(one, slug=slug) for one, slug in zip(submissions, slugs))


def _is_clear(one: HandedIn, slug: str) -> bool:
    """Whether a slug says who it is, also among people who are not in this class: by a platform's number, or by a name in plain letters."""
    if _MARKED.fullmatch(slug):
        return False
    numbered = re.fullmatch(r"id [0-9a-z]+", one.key) is not None and slug.endswith(one.student_id)
    name = one.key.removeprefix("name ")
    return numbered or (len(name) < 60 and re.fullmatch(r"[0-9A-Za-z]+(?:[ _-][0-9A-Za-z]+)*", name) is not None)


def _marked(one: HandedIn, slug: str, length: int) -> str:
    mark = hashlib.sha256(one.identity.encode("utf-8", "surrogateescape")).hexdigest()[:length]
    return f"{slug[:47]}_{mark}"


def slug_of(text: str) -> str:
    """A file name for any text: "Ada Lovelace 17" → "ada_lovelace_17"; "student" where nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "_".join(re.findall(r"[a-z0-9]+", plain))[:60].strip("_") or "student"
