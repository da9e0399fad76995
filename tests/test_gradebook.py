"""Who is who: the rule for names, rosters, whose number goes where; and round trips to the importers of the platforms.

The importers' rules are rewritten here from their public sources: instructure/canvas-lms lib/gradebook_importer.rb (columns, whom a row
is about), moodle/moodle mod/assign/feedback/offline/importgradeslib.php and lib/csvlib.class.php.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from autograder.classroom.collect import collect
from autograder.classroom.gradebook import Course, Gradebook, make_gradebook
from autograder.classroom.gradebook_formats import FORMATS, REMARKS, moodle
from autograder.classroom.last_run import LastRun, read_last_run
from autograder.classroom.ledger import Key, Line, open_ledger
from autograder.classroom.overrides import read_overrides
from autograder.classroom.people import Person, match, named_by_roster
from autograder.classroom.roster import read_roster
from autograder.cli import app
from autograder.commands.classroom import _moment
from autograder.errors import UserError
from autograder.kit.names import problem_of, read_stem, same_name, stem_of, tidy
from tests.test_classroom import line, touch, verdict

NAMES = st.text(
    st.characters(categories=("L", "M", "N", "P", "S", "Zs"), include_characters="_-.' =+@;,\\\""),
    min_size=1,
    max_size=30,
)
IDS = st.from_regex(r"[0-9A-Za-z-]{0,8}[0-9][0-9A-Za-z-]{0,8}", fullmatch=True)


KEY = Key("digest", "rubric", "seeds", "default, train")
verdict_of = cache(verdict)
A_FEW = settings(max_examples=20, deadline=None)  # each makes a folder


def graded(folder: Path, *passed: int) -> list[Line]:
    """What lies in a folder, each with a made-up verdict."""
    found = collect(folder).submissions
    return [Line(KEY, one, verdict_of(passed[n] if passed else n + 1)) for n, one in enumerate(found)]


def book_of(lines: Sequence[Line], *rosters: Sequence[Person], **more: object) -> Gradebook:
    return make_gradebook(lines, None, {}, Course(tuple(map(tuple, rosters)), **more))  # type: ignore[arg-type]


def text(*parts: Sequence[str]) -> str:
    return " ".join(sentence for part in parts for sentence in part)


# --- the rule for names and identifiers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("JaneDoe", "2024-12345"), ("JohnRoe", "jroe1234"), ("AdaByron", "123"), ("O'Brien", "D11922001"), ("김철수", "20241237"),
        ("José García", "20241238"), ("Jane_Doe", "1"), ("J.R. Roe", "12345678-9"), ("Zoë van 't Hof", "s-12"), ("Kim", "7b"),
        ("Ada v2", "jv123"), ("J.Doe", "00123456"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("kind", [".zip", "", " (1).zip", "_v2.zip"])
def test_what_pack_calls_a_zip_the_class_reads_back(
    tmp_path: Path, name: str, identifier: str, form: str, kind: str
) -> None:
    assert problem_of(name, identifier) == ""
    place = tmp_path / (unicodedata.normalize(form, stem_of(name, identifier)) + kind)
    if kind:
        place.write_text("x")
    else:
        place.mkdir()
    (one,) = collect(tmp_path).submissions
    assert (one.student, one.student_id, one.numbered_by) == (name, identifier, "school")


@given(NAMES, IDS)
def test_every_name_that_pack_accepts_is_read_back(name: str, identifier: str) -> None:
    from autograder.text import clean_line

    if problem_of(name, identifier) == "":
        read = read_stem(stem_of(name, identifier))
        assert read == (tidy(name), identifier)
        assert clean_line(read[0], 120) == tidy(name)


@pytest.mark.parametrize("identifier", ["v2", "V10", "20-v2", "1-copy", "abc", "1 2", "", "1.zip", "9" * 41])
def test_what_is_no_identifier_is_refused_by_both(identifier: str) -> None:
    assert problem_of("Kim", identifier)
    assert read_stem(f"Kim_{identifier}") in (None, ("Kim", identifier))  # a long one is read, and never made


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José", "Jose\u0301"),
        ("JOSÉ  García ", "josé garcía"),
        ("김철수", unicodedata.normalize("NFD", "김철수")),
        ("STRASSE", "straße"),
    ],
)
def test_names_are_compared_in_one_form(one: str, other: str) -> None:
    assert same_name(one) == same_name(other)


# --- rosters ---------------------------------------------------------------------------------------------------------

ADA, JIHO = ("Ada Lovelace", "20240001", "ada@example.org"), ("김지호", "20240002", "jiho@example.org")


@pytest.mark.parametrize(
    ("csv_text", "expected"),
    [
        ("name,id,email\nAda,17,a@x\n", Person("Ada", school_id="17", email="a@x")),
        ("\ufeffName;SID;Email\nAda;17;a@x\n", Person("Ada", school_id="17", email="a@x")),
        ("sep=;\nE-mail;Full name\na@x;Ada\n", Person("Ada", email="a@x")),
        ("First Name,Last Name,SID,Email,Role,Section\nAda,Byron,17,a@x,Student,A\nT,A,1,t@x,TA,A\n",
         Person("Ada Byron", school_id="17", email="a@x", section="A")),
        ('"identifier","github_username","github_id","name"\n"2024-1","ada-l","1","al"\n', Person("al", school_id="2024-1", github="ada-l")),
        ('"identifier","github_username","github_id","name"\n"Byron, Ada","ada-l","1","al"\n', Person("Byron, Ada", github="ada-l")),
        ('"identifier","github_username","github_id","name"\n"a@x","","",""\n', Person("a@x", email="a@x")),
        ("Student,ID,SIS User ID,SIS Login ID,Section,HW (12)\n,,,,,Manual Posting\n    Points Possible,,,,,50\n"
         '"Byron, Ada",101,2024-1,ada,A,\n"Student, Test",9,,x,A,\n',
         Person("Byron, Ada", school_id="2024-1", canvas_id="101", login="ada", section="A")),
        ("Identifier,Full name,ID number,Email address,Group,Grade,Last modified (grade)\nParticipant 101,Ada,17,a@x,Team A,-,-\n",
         Person("Ada", school_id="17", moodle_id="101", email="a@x", team="Team A")),
        ("ID,Vollständiger Name,Identifier,E-Mail\n17,x,Teilnehmer/in 101,a@x\n", Person("Teilnehmer/in 101", "17", moodle_id="101", email="a@x")),
        ("이름,학번,이메일\n김지호,2024,k@x\n", Person("김지호", school_id="2024", email="k@x")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_columns_of_a_roster_are_found_by_their_headings(
    tmp_path: Path, csv_text: str, expected: Person, encoding: str
) -> None:
    (tmp_path / "r.csv").write_text(csv_text, encoding=encoding, newline="")
    assert read_roster(tmp_path / "r.csv") == (expected,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no heading"), (b"a,b\n1,2\n", "no heading"), (b"name,id\n", "no students"), ("이름\n김".encode("cp949"), "UTF-8"),
        (b"section,group\nA,B\n", "no heading"), (b"\x00\xff\xfe", "UTF-8"), (b'name\n"' + b"x" * 200_000, "CSV"),
    ],
)  # fmt: skip
def test_a_roster_that_is_none_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "r.csv").write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        read_roster(tmp_path / "r.csv")
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="cannot be read"):
        read_roster(tmp_path / "missing.csv")


ROSTER = (
    Person("Ada Lovelace", school_id="1", email="Ada@Example.org", github="ada-l", section="A"),
    Person("Kim, Jiho", school_id="2", email="kim1@example.org", github="Octocat"),
    Person("Jiho Kim", school_id="3", email="kim2@example.org"),
    Person("José García", school_id="D4"),
    Person("Emmy Noether", school_id="5"),
)


@pytest.mark.parametrize(
    ("who", "number"),
    [
        (Person("hw3-ADA-L"), "1"), (Person("hw3-x-octocat"), "2"), (Person("octocat"), "2"), (Person("x", email="ada@example.ORG "), "1"),
        (Person("Jose\u0301  GARCÍA"), "D4"), (Person("JoséGarcía"), "D4"), (Person("garcíajosé"), "D4"), (Person("y", school_id="d4"), "D4"),
        (Person("EmmyNoether"), "5"), (Person("Ada"), ""), (Person("hw3-l"), ""), (Person("jihokim"), ""), (Person("Ada L.", school_id="11"), ""),
    ],
)  # fmt: skip
def test_people_are_found_by_number_address_account_and_name(who: Person, number: str) -> None:
    found = match([who], ROSTER)
    assert found.people[0].number == (number or who.number)
    assert (who.name in text(found.remarks)) == (not number or who.name in ("x", "y") or (same_name(who.name) not in
            [same_name(r.name) for r in ROSTER] and not who.name.casefold().endswith(("ada-l", "octocat"))))  # fmt: skip


def test_who_might_be_two_is_neither_and_nobody_is_called_absent_who_might_have_handed_in() -> None:
    found = match([Person("jihokim"), Person("Ada", school_id="1"), Person("Ada Lovelace", email="x@y")], ROSTER)
    assert [one.name for one in found.absent] == ["José García", "Emmy Noether"]
    assert [one.number for one in found.people] == ["", "1", ""]
    assert "More than one on the roster" in text(found.remarks)
    assert "more than one handed in" in text(found.remarks)


def test_a_number_of_another_person_is_given_to_no_platform() -> None:
    """Emmy typed Ada's number: neither row may be Ada's."""
    found = match([Person("EmmyNoether", school_id="1")], ROSTER)
    assert (found.people[0].school_id, found.people[0].other_id) == ("", "1")
    assert "EmmyNoether (1) would be Ada Lovelace (1) by number but Emmy Noether (5) by name" in text(found.remarks)


def test_a_number_under_quite_another_name_is_remarked() -> None:
    found = match([Person("Countess", school_id="1")], ROSTER)
    assert found.people[0].name == "Ada Lovelace"
    assert "another name" in text(found.remarks)


def test_numbers_that_two_of_the_roster_share_find_nobody() -> None:
    found = match([Person("x", school_id="1")], [Person("a", school_id="1"), Person("b", school_id="1")])
    assert found.people == (Person("x", school_id="1"),)
    assert "share a number" in text(found.remarks)


@given(st.lists(NAMES, min_size=1, max_size=6), st.lists(NAMES, min_size=1, max_size=6))
def test_nobody_vanishes_or_doubles_in_a_match(handed_in: list[str], enrolled: list[str]) -> None:
    """Everybody who handed in stands where they stood; everybody on the roster is found, absent, or named by a remark."""
    roster = [Person(name, school_id=str(n)) for n, name in enumerate(enrolled)]
    found = match([Person(name) for name in handed_in], roster)
    assert len(found.people) == len(handed_in)
    taken = [one.school_id for one in found.people if one.school_id]
    assert len(taken) == len(set(taken))
    assert not set(taken) & {one.school_id for one in found.absent}


# --- who handed in nothing, who is gone ------------------------------------------------------------------------------


def test_who_handed_in_nothing_is_said_and_gets_a_zero_only_when_asked(tmp_path: Path) -> None:
    touch(tmp_path, "hw3-ada-l/ddpm.py")
    lines = graded(tmp_path, 100)
    book = book_of(lines, ROSTER)
    assert [(g.name, str(g.points)) for g in book.grades] == [("Ada Lovelace", "50.00")]
    assert all(one.called in text(book.remarks) for one in ROSTER[1:])
    zeros = book_of(lines, ROSTER, zeros=True)
    assert {g.person.number: str(g.points) for g in zeros.grades} == {
        "1": "50.00",
        "2": "0.00",
        "3": "0.00",
        "D4": "0.00",
        "5": "0.00",
    }
    (tmp_path / "o.toml").write_text('[5]\npoints = 30\nreason = "on paper"')
    book = make_gradebook(lines, None, read_overrides(tmp_path / "o.toml"), Course((ROSTER,)))
    assert {g.person.number: str(g.points) for g in book.grades} == {"1": "50.00", "5": "30.00"}


def test_page_and_gradebook_show_the_same_people(tmp_path: Path) -> None:
    """One renamed, one gone, one new, one not graded yet."""
    old, gone, kept = line("JaneDoe"), line("Bob"), line("Ada", student_id="1", numbered_by="school")
    now = line("JaneDoe", student_id="2", numbered_by="school")
    new = {one.handed_in.identity: one.handed_in.student for one in (kept, now)}
    before = LastRun({one.handed_in.identity: "" for one in (old, gone, kept)})
    last = LastRun({**new, "name eve": "Eve"}).after(before)
    (tmp_path / "class.json").write_text(last.to_json())
    assert read_last_run(tmp_path) == last
    lines = [
        Line(type(one.key)(digest, "r", "s", "o"), one.handed_in, one.verdict)
        for one, digest in ((old, "a"), (gone, "b"), (kept, "b"), (now, "a"))
    ]
    for again in (last, last.after(last)):
        book = book_of(lines, last=again)
        assert [g.person.called for g in book.grades] == ["Ada (1)", "JaneDoe (2)"]
        said = text(book.remarks)
        assert "JaneDoe → JaneDoe (2)" in said
        assert "no longer in the folder" in said
        assert "Bob. " in said
        assert "Bob →" not in said  # Ada's files are the same, and she was there before
        assert "not graded yet" in said
        assert "Eve" in said


def test_the_page_shows_the_names_of_the_roster(tmp_path: Path) -> None:
    touch(tmp_path, "hw3-ada-l/ddpm.py", "hw3-stranger/ddpm.py")
    shown, remarks = named_by_roster(collect(tmp_path).submissions, ROSTER)
    assert [(one.student, one.student_id) for one in shown] == [("Ada Lovelace", "1"), ("hw3-stranger", "")]
    assert "hw3-stranger" in text(remarks)
    assert "Emmy Noether (5)" in text(remarks)


def test_two_rosters_know_together_what_neither_knows_alone(tmp_path: Path) -> None:
    touch(tmp_path, "hw3-ada-l/ddpm.py")
    exported = Person("Lovelace, Ada", school_id="1", canvas_id="101")
    (grade,) = book_of(graded(tmp_path), ROSTER, (exported,)).grades
    assert (grade.person.canvas_id, grade.person.school_id) == ("101", "1")


# --- the importers' rules --------------------------------------------------------------------------------------------


def canvas_import(written: str, users: dict[int, tuple[str, str, str]]) -> list[tuple[object, str]]:
    """`users`: Canvas's number → (name, SIS id, login). [(number of the user, or the name of a new one; grade)]. Raises for a bad head."""
    rows = list(csv.reader(io.StringIO(written)))
    head = rows[0]
    assert "Student" in head[0]
    assert "ID" in head[1]
    assert head[2:5] == ["SIS User ID", "SIS Login ID", "Section"]
    assert len(head) == 6
    found: list[tuple[object, str]] = []
    for row in rows[1:]:
        row = [_decimal_comma(cell) for cell in row]
        if "Points Possible" in row[0]:
            continue
        digits = re.match(r"\s*[+-]?\d+", row[1], re.ASCII)
        who: object = int(digits[0]) if digits and int(digits[0]) in users else None
        who = who or next((n for n, user in users.items() if row[2] and user[1] == row[2]), None)
        who = who or next((n for n, user in users.items() if row[3] and user[2] == row[3]), None)
        who = who or next((n for n, user in users.items() if user[0] == row[0]), None)
        found.append((who or row[0], row[5].strip()))
    return found


def _decimal_comma(cell: str) -> str:
    if not re.fullmatch(r"-?[0-9.,]+%?", cell):
        return cell
    *first, last = re.split("[,.]", cell)
    return f"{''.join(first)}.{last}" if first else last


def moodle_import(written: str, participants: dict[int, str]) -> list[tuple[int, str, str | None]]:
    """[(participant, grade, comment)]; None for the comment where there is no column. Raises where Moodle refuses the file."""
    rows = php_csv(written.removeprefix("\ufeff").replace("\r\n", "\n").strip())
    head = rows[0]
    assert all(len(row) == len(head) for row in rows), "csvweirdcolumns"
    for needed in ("Identifier", "Grade", "Last modified (grade)"):
        assert needed in head, "invalidgradeimport"
    found = []
    for row in rows[1:]:
        number = row[head.index("Identifier")][len("Participant ") :]
        assert re.fullmatch("[0-9]+", number), "a database may stop at this"
        if int(number) in participants:
            comment = row[head.index("Feedback comments")] if "Feedback comments" in head else None
            found.append((int(number), row[head.index("Grade")], comment))
    return found


def php_csv(text: str) -> list[list[str]]:
    """fgetcsv with its escape character: within quotes, a backslash keeps the quote after it from ending the cell."""
    rows, row, cell, quoted, k = [], [], "", False, 0
    while k < len(text):
        c, k = text[k], k + 1
        if quoted and c == "\\" and text[k : k + 1] == '"':
            cell, k = cell + '\\"', k + 1
        elif quoted and c == '"' and text[k : k + 1] == '"':
            cell, k = cell + '"', k + 1
        elif c == '"' and (quoted or not cell):
            quoted = not quoted
        elif not quoted and c in ",\n":
            row, cell = [*row, cell], ""
            if c == "\n":
                rows, row = [*rows, row], []
        else:
            cell += c
    return [*rows, [*row, cell]]


def gradescope_reads(written: str) -> list[tuple[str, str, str]]:
    return [(row["SID"], row["Email"], row["Total Score"]) for row in csv.DictReader(io.StringIO(written))]


FILE_NAMES = st.text(st.characters(categories=("L", "N"), include_characters=" -.'=+@;,"), min_size=1, max_size=20).filter(
    lambda text: text.strip(" .") and not text.startswith("."))  # fmt: skip
CLASSES = st.lists(FILE_NAMES, min_size=1, max_size=5)


@A_FEW
@given(CLASSES)
def test_canvas_round_trip(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    """Exported by Canvas, graded, imported: each number is the one of the same user, and no name was needed."""
    folder = tmp_path_factory.mktemp("canvas")
    sortable = ["".join(c for c in name.casefold() if c.isalnum()) or "x" for name in names]
    touch(folder, *(f"{name}_{101 + n}_{9000 + n}_work.zip" for n, name in enumerate(sortable)))
    users = {101 + n: ("other", f"sis{n}", f"login{n}") for n in range(len(names))}
    lines = graded(folder)
    book = book_of(lines)
    points = {int(one.handed_in.student_id): f"{one.verdict.score:.2f}" for one in lines}
    assert dict(canvas_import(FORMATS["canvas"](book), users)) == points
    assert REMARKS["canvas"](book) == []


@A_FEW
@given(CLASSES)
def test_moodle_round_trip(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.mktemp("moodle")
    touch(
        folder, *(f"{name.replace('/', '')}_{101 + n}_assignsubmission_file_/work.zip" for n, name in enumerate(names))
    )
    lines = graded(folder)
    points = {int(one.handed_in.student_id): f"{one.verdict.score:.2f}" for one in lines}
    roster = [Person(name, moodle_id=str(101 + n)) for n, name in enumerate(names)]
    for book in (book_of(lines), book_of(lines, roster)):
        read = moodle_import(FORMATS["moodle"](book), dict.fromkeys(points, ""))
        assert {who: grade for who, grade, _ in read} == points
        assert all(comment is None for *_, comment in read)
        assert all(comment for *_, comment in moodle_import(moodle(book, feedback=True), dict.fromkeys(points, "")))


@A_FEW
@given(CLASSES)
def test_gradescope_round_trip(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    import yaml

    folder = tmp_path_factory.mktemp("gradescope")
    about = {}
    for n, name in enumerate(names):
        touch(folder, f"submission_{n}/ddpm.py")
        who = {":name": name, ":sid": f"2024-{n}", ":email": f"Person{n}@Example.org"}
        about[f"submission_{n}"] = {":submitters": [who], ":created_at": "2026-03-01 12:00:00 +0900"}
    (folder / "submission_metadata.yml").write_text(yaml.safe_dump(about, allow_unicode=True), encoding="utf-8")
    lines = graded(folder)
    points = {(one.handed_in.student_id, one.handed_in.email, f"{one.verdict.score:.2f}") for one in lines}
    book = book_of(lines)
    assert set(gradescope_reads(FORMATS["gradescope"](book))) == points
    assert len(book.grades) == len(names)
    assert REMARKS["gradescope"](book) == []
    users = {900 + n: ("other", f"2024-{n}", "") for n in range(len(names))}  # the same, carried on to Canvas
    assert {who for who, _ in canvas_import(FORMATS["canvas"](book), users)} == set(users)


@A_FEW
@given(st.lists(st.tuples(NAMES, IDS), min_size=1, max_size=5))
def test_loose_zips_round_trip(tmp_path_factory: pytest.TempPathFactory, people: list[tuple[str, str]]) -> None:
    """pack → class → gradebook → Canvas, and the plain table: the same names, the same numbers of the school."""
    people = [(tidy(name), identifier) for name, identifier in people if problem_of(name, identifier) == ""]
    people = list({identifier.casefold(): (name, identifier) for name, identifier in people}.values())
    if not people:
        return
    folder = tmp_path_factory.mktemp("loose")
    touch(folder, *(f"{stem_of(*who)}.zip" for who in people))
    book = book_of(graded(folder))
    assert sorted((g.name, g.person.school_id) for g in book.grades) == sorted(people)
    users = {900 + n: ("other", identifier, "") for n, (_, identifier) in enumerate(people)}
    placed = {who for who, _ in canvas_import(FORMATS["canvas"](book), users)}
    said = text(REMARKS["canvas"](book))
    for n, (name, _) in enumerate(people):
        assert 900 + n in placed or name in said
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](book))))
    assert len(rows) == len(people)


def test_a_number_of_the_school_is_never_taken_for_canvas_s_own(tmp_path: Path) -> None:
    touch(tmp_path, "AdaByron_123.zip", "JaneDoe_2024-12345.zip")
    book = book_of(graded(tmp_path))
    users = {
        2024: ("Someone Else", "", ""),
        123: ("Another", "", ""),
        7: ("Jane Doe", "2024-12345", ""),
        8: ("A. Byron", "123", ""),
    }
    assert [who for who, _ in canvas_import(FORMATS["canvas"](book), users)] == [8, 7]


@pytest.mark.parametrize(
    "files", [("JaneDoe_20241234.zip", "Zoe_20241234.zip"), ("JaneDoe_20241234.zip", "Jane Doe_20241234.zip")]
)
def test_a_number_on_two_files_gives_nobody_another_s_grade(tmp_path: Path, files: tuple[str, ...]) -> None:
    touch(tmp_path, *files)
    book = book_of(graded(tmp_path))
    assert len(book.grades) == 2
    assert 5 not in [who for who, _ in canvas_import(FORMATS["canvas"](book), {5: ("x", "20241234", "")})]
    assert "They carry one number" in text(book.remarks)
    assert text(REMARKS["canvas"](book)).count("20241234") == 2
    roster = [Person("Jane Doe", school_id="20241234"), Person("Zoe", school_id="7")]
    placed = canvas_import(
        FORMATS["canvas"](book_of(graded(tmp_path), roster)), {5: ("", "20241234", ""), 6: ("", "7", "")}
    )
    assert (5, "4.00") not in placed or files[1].startswith("Zoe")


def test_canvas_says_whom_it_may_not_find() -> None:
    lines = [
        line("Jiho Kim", email="kim1@example.org"), line("Jiho  KIM", email="Kim2@example.org"), line("Octocat"), line("=1+1"),
        line("Points Possible"), line("Sep", student_id="12.345.678", numbered_by="school"), line("Ada", student_id="1", numbered_by="school"),
        line("Old", student_id="77"),
    ]  # fmt: skip
    book = book_of(lines)
    said = text(REMARKS["canvas"](book))
    for name in ("Jiho Kim (kim1@example.org)", "Octocat", "=1+1", "Points Possible.", "Sep (12.345.678)"):
        assert name in said
    assert "Ada (1)" not in said
    assert "does not say whose they are" in text(book.remarks)


def test_moodle_numbers_of_groups_are_no_participants(tmp_path: Path) -> None:
    """Group 102 is no participant, though there is a participant 102; by Moodle's own worksheet the grade is every member's."""
    touch(tmp_path, "Team_A_102_assignsubmission_file_/work.zip", "Team B_7_assignsubmission_file_/work.zip")
    sheet = (
        Person("Ada", moodle_id="101", team="Team A"),
        Person("Bob", moodle_id="102", team="Team X"),
        Person("Eve", moodle_id="103", team="Team A"),
    )
    lines = graded(tmp_path, 1, 100)  # "Team B" is sorted before "Team_A"
    book = book_of(lines, sheet)
    placed = {
        who: grade for who, grade, _ in moodle_import(FORMATS["moodle"](book), {101: "", 102: "", 103: "", 7: ""})
    }
    assert placed == {101: "50.00", 103: "50.00"}
    assert "Team B (7)" in text(REMARKS["moodle"](book), book.remarks)
    assert "Bob (102)" in text(book.remarks)
    assert moodle_import(FORMATS["moodle"](book_of(lines)), {102: "", 7: ""}) == []
    unsure = book_of([line("Red", student_id="102", numbered_by="moodle")])  # a person's name, or a group's
    assert "it is the group's" in text(REMARKS["moodle"](unsure))


def test_rows_that_moodle_cannot_place_stay_and_are_said() -> None:
    book = book_of(
        [line("Ada", student_id="1", numbered_by="school"), line("Bob", student_id="²", numbered_by="moodle")]
    )
    assert moodle_import(FORMATS["moodle"](book), {1: "", 2: ""}) == []
    assert all(name in text(REMARKS["moodle"](book)) for name in ("Ada (1)", "Bob (²)"))


def test_a_backslash_before_a_quote_does_not_break_moodle_s_reading() -> None:
    book = book_of(
        [line('Ada \\"x", y', student_id="5", numbered_by="moodle"), line("Bob", student_id="6", numbered_by="moodle")]
    )
    assert [who for who, *_ in moodle_import(FORMATS["moodle"](book), {5: "", 6: ""})] == [5, 6]


# --- spreadsheets ----------------------------------------------------------------------------------------------------

FORMULAS = "=+-@＝＋－＠"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize(
    "bad",
    [
        "=1+1",
        "Ada;=1+1",
        "Ada; \t@x",
        '"=1',
        '"a";=1',
        "x, y;-1",
        ";;+1",
        "＝1",
        "a;＠b",
        "\r=1",
        "a\n=1;=2",
        "'=1",
        '";=1',
        '",";=1;"=2',
    ],
)
def test_no_cell_begins_a_formula_whichever_sign_parts_cells(name: str, delimiter: str, bad: str) -> None:
    lines = [line(bad, student_id=bad, email=bad, numbered_by="school", submitted_at=""), line("Ada")]
    written = FORMATS[name](book_of(lines))
    for row in csv.reader(io.StringIO(written), delimiter=delimiter):
        assert not [cell for cell in row if cell.lstrip(' \t"')[:1] in tuple(FORMULAS)]
    for row in written.splitlines():  # also where a spreadsheet does not know quotes
        assert (
            not [cell for cell in row.split(delimiter) if cell.lstrip(' \t"')[:1] in tuple(FORMULAS)]
            or delimiter == ","
        )


def test_a_file_opens_in_a_spreadsheet_as_utf_8(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.add(line("김철수", student_id="1", numbered_by="school"))
    for name in FORMATS:
        result = CliRunner().invoke(app, ["gradebook", str(tmp_path), "--format", name, "-o", str(tmp_path / "g.csv")])
        assert result.exit_code == 0, result.output
        written = (tmp_path / "g.csv").read_bytes()
        assert written.startswith(b"\xef\xbb\xbf")
        assert "김철수" in written.decode("utf-8-sig")
    canvas_import((tmp_path / "g.csv").read_text() if name == "canvas" else FORMATS["canvas"](book_of([])), {})
    assert not CliRunner().invoke(app, ["gradebook", str(tmp_path)]).stdout.startswith("\ufeff")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_overrides_are_read_as_editors_save_them(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "o.toml").write_text('["김철수"]\npoints = 1\nreason = "x"', encoding=encoding)
    book = make_gradebook([line(unicodedata.normalize("NFD", "김철수"))], None, read_overrides(tmp_path / "o.toml"))
    assert str(book.grades[0].points) == "1.00"


@pytest.mark.parametrize(
    "said", ["2026-03-01", "20260301", "2026-W09-7", "2026-03-01T23:59", "2026-03-01 12:30:15", " 2026-03-01"]
)
def test_advice_on_a_date_works_when_it_is_followed(said: str) -> None:
    with pytest.raises(UserError) as caught:
        _moment(said)
    advised = re.findall(r"\d{4}-\d\d-\d\dT[\d:]+[+-]\d\d:\d\d", str(caught.value))
    assert len(advised) == 2
    for text in advised:
        assert _moment(text).date().isoformat() == "2026-03-01"
    if ":" not in said:
        assert _moment(advised[0]).hour == 23


def test_a_date_with_an_offset_is_not_read_as_a_time() -> None:
    with pytest.raises(UserError, match=r"write 2026-03-01T23:59-08:00\.$"):
        _moment("2026-03-01-08:00")
    assert _moment("2026-03-01T23:59-08:00").hour == 23


@pytest.mark.parametrize("said", ["tomorrow", "2026-13-01", "1 March"])
def test_what_is_no_date_gets_an_example_that_works(said: str) -> None:
    with pytest.raises(UserError) as caught:
        _moment(said)
    (example,) = re.findall(r"such as (\S+),", str(caught.value))
    assert _moment(example).tzinfo is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--zeros"], "--roster"), (["--feedback"], "--format moodle"), (["--roster", "none.csv"], "cannot be read"), (["--due", "x"], "such as")],
)  # fmt: skip
def test_wrong_options_are_one_sentence(tmp_path: Path, options: list[str], said: str) -> None:
    with open_ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.add(line("Ada"))
    result = CliRunner().invoke(app, ["gradebook", str(tmp_path), *options])
    assert result.exit_code != 0
    assert said in str(result.exception) + result.output
