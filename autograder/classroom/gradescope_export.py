"""Gradescope's export: a folder for each submission, and submission_metadata.yml, which says whose it is."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from autograder.classroom.records import SCHOOL, HandedIn
from autograder.report.clean import clean_line

METADATA = "submission_metadata.yml"
MOST_BYTES = 64 << 20  # of the metadata; 500 submissions with all results of their tests are well below
MOST_MEMBERS = 20  # of a group


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Makes plain data only. Tags of Ruby, which Gradescope is written in, are read as what stands under them."""


def _untagged(loader: Any, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else loader.construct_scalar(node)


_PlainLoader.add_multi_constructor("!", _untagged)


def find(folder: Path) -> Path | None:
    """The metadata in the folder, or in the one folder called `assignment_…_export` that it holds and nothing else: never in what a
    student handed in.
    """
    inside = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith((".", "__MACOSX"))]
    alone = [entry for entry in inside if len(inside) == 1 and re.fullmatch(r"assignment_\d+_export", entry.name)]
    return next((path for path in (folder / METADATA, *(one / METADATA for one in alone)) if path.is_file()), None)


def only_zip(path: Path) -> Path:
    """The zip in a folder that holds nothing else, else the folder."""
    if not path.is_dir():
        return path
    inside = [entry for entry in path.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    alone = len(inside) == 1 and inside[0].suffix.lower() == ".zip" and inside[0].is_file()
    return inside[0] if alone and not inside[0].is_symlink() else path


def collect(metadata: Path, top: Path, remarks: list[str]) -> list[HandedIn]:
    """Every folder `submission_<number>` beside the metadata, of each student the newest. What is wrong is added to `remarks`."""
    about = _read(metadata, remarks)
    folders = {path.name: path for path in sorted(metadata.parent.glob("submission_*")) if path.is_dir()}
    for name in about.keys() - folders.keys():
        remarks.append(f"{clean_line(str(name), 80)} stands in {METADATA}, and its folder is missing.")
    newest: dict[str, tuple[tuple[str, int], HandedIn]] = {}
    for name, folder in folders.items():
        if name not in about and about:
            remarks.append(f"{clean_line(name, 80)} is not in {METADATA}; it is graded under that name.")
        one = _handed_in(only_zip(folder), name, about.get(name), remarks)
        whose = one.student_id or one.email or name  # a name alone may be that of two students
        order = (one.submitted_at, _number(name))
        if whose not in newest or order > newest[whose][0]:
            newest[whose] = (order, one)
    return [one for _, one in newest.values()]


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


def _handed_in(path: Path, name: str, entry: Any, remarks: list[str]) -> HandedIn:
    """One submission. An entry that is not as it should be costs its name or its time, not the submission."""
    if entry is None:
        return HandedIn(path, clean_line(name, 120))
    members = entry.get(":submitters") if isinstance(entry, dict) else None
    members = [one for one in members if isinstance(one, dict)][:MOST_MEMBERS] if isinstance(members, list) else []
    if not members:
        remarks.append(f"{METADATA} does not say who handed in {clean_line(name, 80)}; it is graded under that name.")
        members = [{":name": name}]
    time = _time(entry.get(":created_at")) if isinstance(entry, dict) else ""
    if not time:
        remarks.append(f"{METADATA} does not say when {clean_line(name, 80)} was handed in.")
    names, ids, emails = ([_text(one.get(key)) for one in members] for key in (":name", ":sid", ":email"))
    return HandedIn(
        path,
        names[0] or emails[0] or ids[0] or clean_line(name, 120),
        student_id=ids[0],
        email=emails[0],
        submitted_at=time,
        partners=tuple(n or e or i for n, e, i in zip(names[1:], emails[1:], ids[1:])),
        partner_ids=tuple(ids[1:]),
        partner_emails=tuple(emails[1:]),
        numbered_by=SCHOOL,
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
