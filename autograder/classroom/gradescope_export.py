"""Gradescope's export: a folder for each submission, and submission_metadata.yml, which says whose it is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from autograder.classroom.records import SCHOOL, HandedIn
from autograder.submission.rules import listed, shown
from autograder.submission.sources import only_zip
from autograder.text import clean_line

METADATA = "submission_metadata.yml"
MOST_BYTES = 64 << 20  # of the metadata; 500 submissions with all results of their tests are well below
MOST_MEMBERS = 20  # of a group
NAMED = 8  # submissions in one remark; the others are counted


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Makes plain data only. Tags of Ruby, which Gradescope is written in, are read as what stands under them."""


def _untagged(loader: Any, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else loader.construct_scalar(node)


_PlainLoader.add_multi_constructor("!", _untagged)


@dataclass(frozen=True)
class _Member:
    """One of those who handed in together. What the platform does not say is ""."""

    name: str
    sid: str
    email: str

    def whose(self, folder: str) -> str:
        """Who it is: on Gradescope an address is one account. A name alone may be that of two students."""
        return self.email.casefold() or self.sid or f"{folder}/{self.name}"


@dataclass(frozen=True)
class _Submission:
    folder: Path
    members: tuple[_Member, ...]
    submitted_at: str

    @property
    def order(self) -> tuple[str, int]:
        return self.submitted_at, _number(self.folder.name)


def collect(folder: Path, entries: Sequence[Path], remarks: list[str]) -> list[HandedIn]:
    """Every folder `submission_<number>` beside the metadata, of each student the newest. What is wrong is added to `remarks`.

    Who has handed in anew, alone or with others, leaves the older submission, which stays that of the others.
    """
    about = _read(folder / METADATA, remarks)
    folders = {path.name: path for path in entries if path.name.startswith("submission_") and path.is_dir()}
    if others := [shown(path.name) for path in entries if path.name not in folders and path.name != METADATA]:
        remarks.append(f"Beside the submissions of a Gradescope export, passed over: {listed(others, NAMED)}.")
    for name in about.keys() - folders.keys():
        remarks.append(f"{clean_line(str(name), 80)} stands in {METADATA}, and its folder is missing.")
    submissions = [_submission(path, name, about, remarks) for name, path in folders.items()]
    sids = {
        member.email.casefold(): member.sid
        for one in submissions
        for member in one.members
        if member.email and member.sid
    }
    newest: dict[str, _Submission] = {}
    for one in sorted(submissions, key=lambda one: one.order):
        newest.update((member.whose(one.folder.name), one) for member in one.members)
    found, passed_over = [], []
    for one in submissions:
        current = [member for member in one.members if newest[member.whose(one.folder.name)] is one]
        if left := [member.name or member.email for member in one.members if member not in current]:
            passed_over.append(f"{one.folder.name} ({listed(left, NAMED)})")
        if current:
            found.append((one, [replace(m, sid=m.sid or sids.get(m.email.casefold(), "")) for m in current]))
    if passed_over:
        remarks.append(f"The newest of each student counts, so these do not any more: {listed(passed_over, NAMED)}.")
    shared = Counter(member.sid for _, members in found for member in members if member.sid)
    return [_handed_in(one, members, shared) for one, members in found]


def _number(name: str) -> int:
    digits = name.removeprefix("submission_")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else -1


def _read(path: Path, remarks: list[str]) -> dict[str, Any]:
    without = "every folder is graded under its own name, without times."
    try:
        if path.stat().st_size > MOST_BYTES:
            remarks.append(f"{METADATA} is larger than {MOST_BYTES >> 20} MB and was not read; {without}")
            return {}
        data = yaml.load(path.read_bytes(), Loader=_PlainLoader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OSError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        remarks.append(f"{METADATA} cannot be read ({type(error).__name__}{where}); {without}")
        return {}
    if not isinstance(data, dict):
        remarks.append(f"{METADATA} is not a list of submissions; {without}")
        return {}
    return {key: value for key, value in data.items() if isinstance(key, str)}


def _submission(folder: Path, name: str, about: dict[str, Any], remarks: list[str]) -> _Submission:
    """An entry that is not as it should be costs its name or its time, not the submission."""
    entry = about.get(name)
    nobody = (_Member(clean_line(name, 120), "", ""),)
    if entry is None:
        if about:
            remarks.append(f"{clean_line(name, 80)} is not in {METADATA}; it is graded under that name.")
        return _Submission(folder, nobody, "")
    given = entry.get(":submitters") if isinstance(entry, dict) else None
    given = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    members = tuple(
        _Member(*(_text(one.get(key)) for key in (":name", ":sid", ":email"))) for one in given[:MOST_MEMBERS]
    )
    members = tuple(member for member in members if member.name or member.sid or member.email)
    if not members:
        remarks.append(f"{METADATA} does not say who handed in {clean_line(name, 80)}; it is graded under that name.")
    if len(given) > MOST_MEMBERS:
        remarks.append(
            f"{clean_line(name, 80)} has {len(given)} members, of whom the first {MOST_MEMBERS} get its grade."
        )
    time = _time(entry.get(":created_at")) if isinstance(entry, dict) else ""
    if not time:
        remarks.append(f"{METADATA} does not say when {clean_line(name, 80)} was handed in.")
    return _Submission(folder, members or nobody, time)


def _handed_in(one: _Submission, members: Sequence[_Member], shared: Counter[str]) -> HandedIn:
    first, *others = members
    known = first.sid and shared[first.sid] == 1
    key = f"id {first.sid}" if known else f"email {first.email}" if first.email else f"name {one.folder.name}"
    return HandedIn(
        only_zip(one.folder),
        first.name or first.email or first.sid,
        student_id=first.sid,
        numbered_by=SCHOOL,
        email=first.email,
        submitted_at=one.submitted_at,
        partners=tuple(member.name or member.email or member.sid for member in others),
        partner_ids=tuple(member.sid for member in others),
        partner_emails=tuple(member.email for member in others),
        key=key,
    )


def _text(value: Any) -> str:
    return clean_line(str(value), 120) if isinstance(value, (str, int, float)) else ""


def _time(value: Any) -> str:
    """ISO 8601 with the offset, or "". YAML gives a datetime; without an offset it is UTC."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace(" UTC", "+00:00"))
    except ValueError:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="seconds")
