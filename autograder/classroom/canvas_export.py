"""What Canvas hands out when all submissions of an assignment are downloaded, by the rule of its own source (lib/content_zipper.rb):

    NAME[_LATE]_USER_ATTACHMENT_FILE    one file for each that was handed in; a zip stays a zip
    NAME[_LATE]_USER_text.html          typed into Canvas; _link.html for an address
    [LATE_]anon_XXXXX_ATTACHMENT_FILE   where names are hidden

NAME is in small letters without spaces and signs. Canvas takes every "_NUMBER_" out of it, so it may end in a number ("team_7") and holds none
before. Then the name can be read in two ways, and so can a FILE that begins with one ("2024_work.zip"): the rest of the export shows which.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.classroom.one_by_one import OneFile, choose
from autograder.classroom.records import CANVAS, HandedIn
from autograder.submission.rules import listed
from autograder.text import clean_line

NAMED = 8  # students in one remark; the others are counted
_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?anon_(?P<user>[0-9A-Za-z]{5})_(?:(?P<attachment>[0-9]{1,18})_(?P<file>.+)|(?:text|link)\.html)",
    re.DOTALL,
)
_TYPED = ("text.html", "link.html")


@dataclass(frozen=True)
class Reading:
    """What the name of a file says. `attachment`: Canvas numbers files as they come in; 0 for what was typed and is no file."""

    name: str
    user: str
    attachment: int
    file: str
    late: bool = False

    @property
    def person(self) -> tuple[str, str]:
        return self.name, self.user


def fits(name: str) -> bool:
    """Whether a file is called as Canvas calls it."""
    return _ANONYMOUS.fullmatch(name) is not None or bool(readings(name))


def person(name: str) -> str:
    """Whose it is, of a name that fits, by its first reading."""
    if match := _ANONYMOUS.fullmatch(name):
        return match["user"]
    return "_".join(readings(name)[0].person)


def readings(name: str) -> list[Reading]:
    """What the name of a file may say: nothing, one thing, or two. The first has the shorter NAME."""
    parts = name.split("_")
    found: list[Reading] = []
    for at in range(1, len(parts) - 1):
        late = parts[at - 1] == "LATE"
        reading = _reading(parts, at, late)
        if reading is not None:
            found.append(reading)
        if reading is not None and (late or len(found) == 2 or not _is_number(parts[at + 1])):
            break
        if found and reading is None:
            break
    return found


def _reading(parts: Sequence[str], at: int, late: bool) -> Reading | None:
    """With the user's number at this place."""
    name, rest = "_".join(parts[: at - 1 if late else at]), parts[at + 1 :]
    if not _is_number(parts[at]):
        return None
    if len(rest) > 1 and _is_number(rest[0]) and any(rest[1:]):
        return Reading(name, parts[at], int(rest[0]), "_".join(rest[1:]), late)
    return Reading(name, parts[at], 0, rest[0], late) if len(rest) == 1 and rest[0] in _TYPED else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def read(entries: Sequence[Path], remarks: list[str]) -> list[HandedIn]:
    """One submission of each user. `entries` are those that fit; what is not graded is added to `remarks`."""
    anonymous = [(path, match) for path in entries if (match := _ANONYMOUS.fullmatch(path.name))]
    if len(anonymous) == len(entries):
        return _anonymous(anonymous, remarks)
    users: dict[tuple[str, str], list[tuple[Path, Reading]]] = defaultdict(list)
    for path, reading in zip(entries, settle([readings(path.name) for path in entries])):
        users[reading.person].append((path, reading))
    return _submissions(users, _named, remarks)


def _anonymous(entries: Sequence[tuple[Path, re.Match[str]]], remarks: list[str]) -> list[HandedIn]:
    users: dict[tuple[str, str], list[tuple[Path, Reading]]] = defaultdict(list)
    for path, match in entries:
        attachment, file = int(match["attachment"] or 0), match["file"] or ""
        reading = Reading("anonymous", match["user"], attachment, file, bool(match["late"]))
        users[reading.person].append((path, reading))
    remarks.append(
        "Canvas has hidden the names and its numbers of the users, so it cannot take these grades in by itself."
    )
    return _submissions(users, _hidden, remarks)


def _submissions(
    users: Mapping[tuple[str, str], Sequence[tuple[Path, Reading]]],
    make: Callable[[Reading, Path], HandedIn],
    remarks: list[str],
) -> list[HandedIn]:
    found, typed = [], []
    for parts in users.values():
        files = [(path, reading) for path, reading in parts if reading.attachment or reading.file not in ("", *_TYPED)]
        if not files:
            typed.append(make(parts[0][1], parts[0][0]).student)
            continue
        chosen = choose([OneFile(reading.file, path, reading.attachment) for path, reading in files])
        newest = max((reading for _, reading in files), key=lambda reading: reading.attachment)
        one = make(newest, chosen.path)
        if chosen.remark:
            remarks.append(f"Of {one.student}, {chosen.remark}.")
        found.append(replace(one, files=chosen.files))
    if typed:
        remarks.append(
            f"No file was handed in, only a text or an address typed into Canvas, which is not graded: {listed(typed, NAMED)}."
        )
    return found


def _named(reading: Reading, path: Path) -> HandedIn:
    if reading.name in ("anonymous", "anon"):
        return _hidden(reading, path)
    name = clean_line(reading.name, 120) or f"user {reading.user}"
    return HandedIn(path, name, student_id=reading.user, numbered_by=CANVAS, late=reading.late, key=f"id {reading.user}")


def _hidden(reading: Reading, path: Path) -> HandedIn:
    return HandedIn(
        path, f"anonymous {reading.user}", student_id=reading.user, late=reading.late, key=f"anonymous {reading.user}"
    )


# Which of two readings


def settle(candidates: Sequence[Sequence[Reading]]) -> list[Reading]:
    """For each file of an export the reading that agrees best with the rest of it; where both do, the first.

    No two files have one attachment's number; one person's files are all read alike; numbers of users are about as long as each other, and so
    are those of attachments; a number of one or two digits is a group's rather than a user's.
    """
    sure = [one[0] for one in candidates if len(one) == 1]
    doubtful = [one for one in candidates if len(one) > 1]
    people = {reading.person for reading in sure}
    numbers = [Counter(one[n].attachment for one in doubtful if one[n].attachment) for n in (0, 1)]
    names = [{one[n].name for one in doubtful} for n in (0, 1)]
    users = [{one[n].user for one in doubtful} for n in (0, 1)]

    def against(one: Sequence[Reading], n: int) -> tuple[bool, bool, int, bool, bool]:
        reading = one[n]
        return (
            numbers[n][reading.attachment] > 1,
            reading.person not in people,
            _oddness(reading, sure),
            len(reading.user) < 3,
            len(names[n]) == 1 < len(users[n]),  # "team_107", "team_108": not two users of one name
        )

    second: dict[tuple[str, str], bool] = {}  # a person by the first reading → whether it is the second that holds
    for one in doubtful:
        first, other = against(one, 0), against(one, 1)
        if first != other:
            second.setdefault(one[0].person, other < first)
    return [one[1] if len(one) > 1 and second.get(one[0].person) else one[0] for one in candidates]


def _oddness(reading: Reading, sure: Sequence[Reading]) -> int:
    """By how many digits its numbers differ from those of the nearest file whose reading is sure; 0 where there is none."""
    lengths = {(len(one.user), len(str(one.attachment))) for one in sure if one.attachment}
    if not reading.attachment:
        lengths = {(user, 1) for user, _ in lengths}
    own = len(reading.user), len(str(reading.attachment))
    return min((abs(user - own[0]) + abs(attachment - own[1]) for user, attachment in lengths), default=0)
