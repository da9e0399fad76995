"""A roster: a CSV of who is in the course. Its columns are found by their headings.

What platforms export is read as it is: the gradebook of Canvas, the grading worksheet or the participants of Moodle, the roster of
Gradescope, and `classroom_roster.csv` of GitHub Classroom (identifier, github_username, github_id, name).
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograder.classroom.people import Person
from autograder.errors import UserError
from autograder.kit.names import tidy
from autograder.text import clean_line

GITHUB_CLASSROOM = "classroom_roster.csv"  # as GitHub Classroom calls it
MOST_BYTES, MOST_TEXT = 20_000_000, 120

_HEADINGS = {  # heading, its letters and digits only → what it is
    **dict.fromkeys(("name", "fullname", "student", "studentname", "displayname", "이름", "성명"), "name"),
    **dict.fromkeys(("firstname", "givenname", "preferredname"), "first"),
    **dict.fromkeys(("lastname", "surname", "familyname"), "last"),
    **dict.fromkeys(("sisuserid", "sisid", "sid", "studentid", "studentnumber", "idnumber", "학번"), "school_id"),
    **dict.fromkeys(("email", "emailaddress", "mail", "이메일"), "email"),
    **dict.fromkeys(("login", "loginid", "username", "netid"), "login"),
    "sisloginid": "canvas_login",  # only Canvas calls it so
    **dict.fromkeys(("githubusername", "github", "githubaccount", "githublogin"), "github"),
    **dict.fromkeys(("section", "sections"), "section"),
    **dict.fromkeys(("role", "roles"), "role"),
    **dict.fromkeys(("group", "team"), "team"),
    "id": "id",  # Canvas's own in what Canvas exports, else the school's
    "identifier": "identifier",  # "Participant 101" in Moodle; the school's in GitHub Classroom
}
_PARTICIPANT = re.compile(
    r"[^\W\d][^\d]*\s(?P<number>[0-9]{1,18})"
)  # the word before the number is of Moodle's language
_STAFF = {"instructor", "ta", "reader", "teacher", "non-editing teacher", "manager"}
_NOBODY = re.compile(
    r"\s*(Points Possible|Student, Test|Test Student)\s*"
)  # rows of Canvas's export that are about nobody


def read_roster(path: Path) -> tuple[Person, ...]:
    """The people on a roster, each once. Raises UserError where it cannot be read, or no column tells who somebody is."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(
                f"{path} is larger than {MOST_BYTES // 1_000_000} MB; a roster has one line for each student."
            )
        text = decoded(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); name the CSV of your students with --roster."
        ) from error
    rows, headings = _table(text, str(path))
    sections: dict[Person, list[str]] = {}
    for row in rows:
        person = _person(dict(zip(headings, row)), "canvas_login" in headings, "github" in headings)
        if person is not None:
            sections.setdefault(replace(person, section=""), []).append(person.section)
    if not sections:
        raise UserError(f"{path} has headings and no students below them; export it again.")
    return tuple(replace(one, section=", ".join(filter(None, dict.fromkeys(some)))) for one, some in sections.items())


def decoded(data: bytes, what: str) -> str:
    """Text as spreadsheets and editors save it: UTF-8, with or without a byte order mark, or UTF-16 with one. Raises UserError."""
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f'{what} is not in UTF-8; save it again as "CSV UTF-8" or "UTF-8".') from error


def _table(text: str, what: str) -> tuple[list[list[str]], list[str]]:
    """The rows below the headings, and what each column is, "" for one that is not needed; a column of a kind counts once, the first."""
    text = re.sub(r"\Asep=.\r?\n", "", text)  # Excel's
    best: list[list[str]] = []
    for delimiter in ",;\t":
        try:
            rows = [
                row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)
            ]
        except csv.Error as error:
            raise UserError(f"{what} is not a CSV ({error}); export it again.") from error
        if rows and (not best or _known(rows[0]) > _known(best[0])):
            best = rows
    headings = [] if not best else _kinds(best[0])
    if not {"name", "last", "school_id", "id", "identifier", "email", "github"} & set(headings):
        raise UserError(
            f"{what} has no heading that tells who somebody is; call the columns name, id, email, github_username, section."
        )
    return best[1:], headings


def _kinds(row: Sequence[str]) -> list[str]:
    kinds = [_HEADINGS.get(re.sub(r"[\W_]", "", tidy(cell).casefold()), "") for cell in row]
    return [kind if kind not in kinds[:n] else "" for n, kind in enumerate(kinds)]


def _known(row: Sequence[str]) -> int:
    return sum(bool(kind) for kind in _kinds(row))


def _person(cells: dict[str, str], canvas: bool, github: bool) -> Person | None:
    """Somebody; None for a row about nobody. `canvas`: `id` is Canvas's own; `github`: `identifier` is what staff typed in."""
    cell = {kind: clean_line(tidy(text), MOST_TEXT) for kind, text in cells.items() if kind}
    name = cell.get("name") or " ".join(part for kind in ("first", "last") if (part := cell.get(kind)))
    if _NOBODY.fullmatch(name) or cell.get("role", "").casefold() in _STAFF:
        return None
    numbers = {"school_id": cell.get("school_id", "")}
    if own := cell.get("id"):
        numbers["canvas_id" if canvas else "school_id"] = own
    identifier = cell.get("identifier", "")
    participant = None if github else _PARTICIPANT.fullmatch(identifier)
    email = cell.get("email", "")
    if participant:
        numbers["moodle_id"] = participant["number"]
    elif "@" in identifier:
        email = email or identifier
    elif re.search(r"\d", identifier):
        numbers["school_id"] = numbers["school_id"] or identifier
    elif github:
        name = identifier or name  # the name beside it is the one of the account
    name = name or identifier or email or cell.get("github", "") or numbers["school_id"] or numbers.get("canvas_id", "")
    login = cell.get("canvas_login") or cell.get("login", "")
    more = {kind: cell.get(kind, "") for kind in ("github", "section", "team")}
    return Person(name, email=email, login=login, **numbers, **more) if name else None
