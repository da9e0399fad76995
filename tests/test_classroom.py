"""The parts of a class that run nothing: who handed what in, the ledger, the gradebook, the comparison."""

import csv
import dataclasses
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.classroom import jobs
from autograder.classroom.collect import collect, slug_of
from autograder.classroom.compare import compare
from autograder.classroom.gradebook import LateRule, make_gradebook, rounded
from autograder.classroom.gradebook_formats import FORMATS, plain_cell
from autograder.classroom.ledger import Key, Ledger, Line, canonical, current, open_ledger, read_ledger
from autograder.classroom.overrides import read_overrides
from autograder.classroom.records import HandedIn
from autograder.errors import UserError
from autograder.grading.publishing import refused_verdict
from autograder.grading.session import Options
from autograder.manifest import load_manifest
from autograder.verdict import Notice, Verdict

MANIFEST = load_manifest("swiss_roll")
DUE = datetime(2026, 3, 1, 12, tzinfo=UTC)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_text("x")


def verdict(passed: int = 3, **changes: object) -> Verdict:
    """The first `passed` checks passed, the rest failed."""
    empty = refused_verdict(MANIFEST, "work.zip", "")
    checks = []
    for number, check in enumerate(empty.checks):
        status, points = ("passed", check.max_points) if number < passed else ("failed", 0.0)
        checks.append(dataclasses.replace(check, status=status, points=points, seconds=number / 7))
    return dataclasses.replace(empty, state="complete", checks=tuple(checks), **changes)  # type: ignore[arg-type]


def line(student: str, result: Verdict | None = None, **whose: object) -> Line:
    one = HandedIn(Path(student), student, slug=slug_of(student), source=student, **whose)  # type: ignore[arg-type]
    return Line(Key("digest", "rubric", "seeds", "default, train"), one, result or verdict())


# The ledger


def test_a_full_disk_is_told_and_other_errors_of_a_run_are_not_taken_for_it(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full, pytest.raises(UserError, match="No space left"):
        Ledger(full, []).add(line("ada"))
    with pytest.raises(ConnectionError), open_ledger(tmp_path / "ledger.jsonl"):
        raise ConnectionError("the scheduler has gone")


def test_a_fault_of_the_grader_while_it_reads_a_submission_costs_that_submission_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(jobs, "read_submission", fails)
    seen = jobs.look(jobs.Job(tmp_path, "ada", "swiss_roll", Options(), b"secret of 16 bytes"))
    assert seen.refused is not None
    assert {check.status for check in seen.refused.checks} == {"grader_error"}
    assert "RuntimeError: a fault" in seen.refused.notices[0].message


# Collecting


def test_loose_zips_and_folders_are_submissions_and_other_files_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "Ada Lovelace_20241234.zip", "bob/ddpm.py", "roster.csv", "eve.rar", ".DS_Store", "__MACOSX/x")
    found = collect(tmp_path)
    assert [(one.student, one.student_id, one.path.name) for one in found.submissions] == [
        ("Ada Lovelace", "20241234", "Ada Lovelace_20241234.zip"),
        ("bob", "", "bob"),
        ("eve", "", "eve.rar"),
    ]
    assert found.remarks == ("roster.csv is neither a zip nor a folder, and was passed over.",)


def test_two_loose_hand_ins_with_one_name_are_kept_apart(tmp_path: Path) -> None:
    touch(tmp_path, "ada.zip", "ada/ddpm.py", "x_20241234.zip", "y_20241234.zip", "z_7654321.zip", "7654321.zip")
    found = collect(tmp_path).submissions
    assert len(found) == len({one.slug for one in found}) == len({one.identity for one in found}) == 6


def test_canvas_keeps_the_newest_zip_of_each_user_and_sees_who_is_late(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "lovelaceada_LATE_11_905_work-1.zip",
        "lovelaceada_LATE_11_900_work.zip",
        "lovelaceada_LATE_11_999_plot.png",
        "hopper_12_901_my_work_2.zip",
        "kim_13_902_photo.png",
    )
    found = collect(tmp_path)
    assert found.kind == "a Canvas export"
    assert [(one.student, one.student_id, one.late, one.path.name) for one in found.submissions] == [
        ("hopper", "12", False, "hopper_12_901_my_work_2.zip"),
        ("kim", "13", False, "kim_13_902_photo.png"),  # the intake says to the student what is wrong
        ("lovelaceada", "11", True, "lovelaceada_LATE_11_905_work-1.zip"),
    ]


def test_moodle_takes_the_file_part_and_the_zip_in_it(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "Ada O_Neil_77_assignsubmission_file_/work.zip",
        "Ada O_Neil_77_assignsubmission_onlinetext_/onlinetext.html",
        "Bob Kim_78_assignsubmission_file_/ddpm.py",
        "Bob Kim_78_assignsubmission_file_/network.py",
    )
    found = collect(tmp_path)
    assert found.kind == "a Moodle export"
    assert [(one.student, one.student_id, one.path.name) for one in found.submissions] == [
        ("Ada O_Neil", "77", "work.zip"),
        ("Bob Kim", "78", "Bob Kim_78_assignsubmission_file_"),
    ]


GRADESCOPE = """---
submission_1:
  :submitters:
  - :name: Ada Lovelace
    :sid: '1815'
    :email: ada@example.org
  - :name: "=Bob"
    :sid: ''
    :email: bob@example.org
  :created_at: 2026-03-01 10:00:00.123456789 Z
  :score: 0.0
submission_2:
  :submitters:
  - :name: Ada Lovelace
    :sid: '1815'
    :email: ada@example.org
  :created_at: 2026-03-01 11:30:00 -0800
submission_3:
  :submitters: []
  :created_at: !ruby/object:Time {}
submission_9:
  :submitters:
  - :name: Gone
"""


def test_gradescope_says_who_and_when_and_the_newest_counts(tmp_path: Path) -> None:
    touch(tmp_path, *(f"assignment_7_export/submission_{n}/ddpm.py" for n in (1, 2, 3, 4)))
    (tmp_path / "assignment_7_export/submission_metadata.yml").write_text(GRADESCOPE)
    found = collect(tmp_path)
    ada = next(one for one in found.submissions if one.student_id == "1815")
    assert (ada.path.name, ada.submitted_at) == ("submission_2", "2026-03-01T19:30:00+00:00")
    assert {one.student for one in found.submissions} == {"Ada Lovelace", "=Bob", "submission_3", "submission_4"}
    told = " ".join(found.remarks)
    assert all(
        part in told for part in ("submission_9 stands in", "submission_4 is not in", "who handed in submission_3")
    )


def test_metadata_that_a_student_hands_in_names_nobody(tmp_path: Path) -> None:
    touch(tmp_path, "mallory/ddpm.py", "mallory/submission_1/ddpm.py")
    (tmp_path / "mallory/submission_metadata.yml").write_text(GRADESCOPE)
    assert [one.student for one in collect(tmp_path).submissions] == ["mallory"]
    touch(tmp_path, "bob/ddpm.py", "ada.zip")
    assert [one.student for one in collect(tmp_path).submissions] == ["ada", "bob", "mallory"]


def test_a_file_name_in_a_moodle_export_hands_in_for_nobody_else(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "Mallory_123_assignsubmission_file_x_456_assignsubmission_file_y.zip",
        "Zoe_456_assignsubmission_file_work.zip",
    )
    found = collect(tmp_path).submissions
    assert [(one.student, one.student_id) for one in found] == [("Mallory", "123"), ("Zoe", "456")]


def test_gradescope_groups_name_every_member(tmp_path: Path) -> None:
    touch(tmp_path, "submission_1/ddpm.py")
    (tmp_path / "submission_metadata.yml").write_text(GRADESCOPE)
    (one,) = collect(tmp_path).submissions
    assert (one.partners, one.partner_ids, one.partner_emails) == (("=Bob",), ("",), ("bob@example.org",))
    assert one.submitted_at == "2026-03-01T10:00:00+00:00"


@pytest.mark.parametrize(
    "text",
    ["", "- 1", "a: [", "submission_1: 3", "\x00", "!!python/object/apply:os.system ['touch owned']", "a: &a [*a]"],
)
def test_broken_metadata_costs_names_and_nothing_else(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "submission_1/ddpm.py", "submission_2/ddpm.py")
    (tmp_path / "submission_metadata.yml").write_text(text)
    found = collect(tmp_path)
    assert [one.path.name for one in found.submissions] == ["submission_1", "submission_2"]
    assert found.remarks
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("kind", ["none", "file", "empty"])
def test_a_folder_without_submissions_is_one_sentence(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "class"
    if kind == "file":
        target.write_text("x")
    elif kind == "empty":
        target.mkdir()
    with pytest.raises(UserError, match="submission"):
        collect(target)


@given(st.text())
def test_a_slug_is_a_plain_file_name(text: str) -> None:
    slug = slug_of(text)
    assert slug.isascii()
    assert slug.replace("_", "").isalnum()
    assert 0 < len(slug) <= 60


# The ledger


def test_a_line_is_read_as_it_was_written() -> None:
    written = line(
        "Ada", verdict(peak_megabytes=12.5, started="2026-03-01", seconds=3.0), partners=("Bob",), partner_ids=("2",)
    )
    read = Line.from_json(written.to_json())
    assert read == written


def test_what_is_canonical_knows_no_times_and_no_memory_but_every_point() -> None:
    one = line("Ada", verdict(3, seconds=1.0, peak_megabytes=10.0, started="a"))
    same = line("Ada", verdict(3, seconds=2.0, peak_megabytes=20.0, started="b"))
    faster = dataclasses.replace(one.verdict.checks[0], seconds=99.0)
    same = dataclasses.replace(same, verdict=same.verdict.with_check(faster))
    assert canonical([one]) == canonical([same])
    assert one.to_json() != same.to_json()
    assert canonical([one]) != canonical([line("Ada", verdict(4))])


@pytest.mark.parametrize("torn", [b"", b"{", b'{"schema": "autograder-ledger-1"', "é".encode()[:1]])
def test_a_torn_last_line_is_ignored_and_taken_away(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "ledger.jsonl"
    whole = line("Ada").to_json().encode() + b"\n"
    path.write_bytes(whole + torn)
    assert len(read_ledger(path)) == 1
    with open_ledger(path) as ledger:
        ledger.add(line("Bob"))
    assert path.read_bytes().startswith(whole)
    assert [one.handed_in.student for one in read_ledger(tmp_path)] == ["Ada", "Bob"]


def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(line("Ada").to_json() + "\n{}\n" + line("Bob").to_json() + "\n")
    with pytest.raises(UserError, match="line 2"):
        read_ledger(path)


def test_two_runs_do_not_write_to_one_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with open_ledger(path), pytest.raises(UserError, match="Another"), open_ledger(path):
        pass


def test_the_last_line_of_a_student_counts() -> None:
    lines = [line("Ada", verdict(1), student_id="1"), line("Bob"), line("Ada", verdict(2), student_id="1")]
    assert [(one.handed_in.student, one.verdict) for one in current(lines)] == [
        ("Ada", verdict(2)),
        ("Bob", verdict(3)),
    ]


# Grades


def grades(lines: list[Line], late: LateRule | None = None, overrides: str = "", path: Path | None = None):  # type: ignore[no-untyped-def]
    chosen = {}
    if overrides:
        assert path is not None
        (path / "overrides.toml").write_text(overrides)
        chosen = read_overrides(path / "overrides.toml")
    return make_gradebook(lines, late, chosen)


@pytest.mark.parametrize(
    ("minutes", "days"), [(-5, 0), (0, 0), (10, 0), (10.5, 1), (24 * 60, 1), (24 * 60 + 0.5, 2), (24 * 60 * 400, 400)]
)
def test_late_days_are_begun_days_after_the_grace(minutes: float, days: int) -> None:
    rule = LateRule(DUE, percent=10, grace=timedelta(minutes=10), cap=50)
    assert rule.days(DUE + timedelta(minutes=minutes)) == days
    assert rule.share(days) == min(0.1 * days, 0.5)


def test_lateness_is_taken_off_what_was_earned_and_capped() -> None:
    full = verdict(100)
    lines = [
        line("in time", full, submitted_at="2026-03-01T13:00:00+01:00"),
        line("one day", full, submitted_at="2026-03-01T12:00:01+00:00"),
        line("weeks", full, submitted_at="2026-03-21T00:00:00+00:00"),
        line("unknown", full, late=True),
    ]
    book = grades(lines, LateRule(DUE, percent=10, cap=30))
    assert {g.name: g.points for g in book.grades} == {
        "in time": Decimal("50.00"), "one day": Decimal("45.00"), "weeks": Decimal("35.00"), "unknown": Decimal("50.00"),
    }  # fmt: skip
    assert [remark for remark in book.remarks if "Late, and" in remark and remark.endswith(": unknown.")]


def test_what_concerns_many_is_one_remark(tmp_path: Path) -> None:
    refused = dataclasses.replace(verdict(), state="refused")
    book = grades([line(f"student {n:02d}", refused) for n in range(30)], LateRule(DUE))
    assert [remark[:60] for remark in book.remarks] == [
        "Nobody says when they handed in, so nothing was taken off: s",
        "Could not be read: student 00, student 01, student 02, stude",
    ]
    assert all(remark.endswith("student 07 and 22 more.") for remark in book.remarks)


def test_overrides_set_or_add_with_a_reason_after_the_penalty(tmp_path: Path) -> None:
    full = verdict(100)
    lines = [
        line("Ada", full, student_id="1", submitted_at="2026-03-02T11:00:00+00:00"),
        line("Bob", full, email="bob@example.org"),
        line("Eve", full),
    ]
    text = '[1]\ndelta = -2.5\nreason = "late plot"\n["bob@example.org"]\npoints = 12\nreason = "by hand"\n'
    book = grades(lines, LateRule(DUE), text, tmp_path)
    assert {g.name: (g.points, g.override, g.reason) for g in book.grades} == {
        "Ada": (Decimal("42.50"), "-2.5", "late plot"),
        "Bob": (Decimal("12.00"), "set to 12", "by hand"),
        "Eve": (Decimal("50.00"), "", ""),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[20241235]\npoints = 1\nreason = "x"', "nearest is '20241234'"),
        ("[20241234]\npoints = 1", "reason is missing"),
        ('[20241234]\npoints = 1\nreason = " "', "reason is missing"),
        ('[20241234]\nreason = "x"', "either points or delta"),
        ('[20241234]\npoints = 1\ndelta = 1\nreason = "x"', "either points or delta"),
        ('[20241234]\npoint = 1\nreason = "x"', "nearest known key is 'points'"),
        ('[20241234]\npoints = 51\nreason = "x"', "there are 50"),
        ('[20241234]\npoints = -1\nreason = "x"', "0 or more"),
        ('[20241234]\npoints = nan\nreason = "x"', "numbers"),
        ('[20241234]\npoints = true\nreason = "x"', "numbers"),
        ("20241234 = 3", "must be a table"),
        ("[", "not valid TOML"),
        ('[20241234]\npoints = 1\nreason = "x"\n[Ada]\npoints = 2\nreason = "x"', "another override"),
    ],
)
def test_a_wrong_override_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        grades([line("Ada", student_id="20241234")], None, text, tmp_path)


def test_every_member_of_a_group_has_a_grade_and_the_newest_hand_in_counts() -> None:
    alone = line("Bob", verdict(1), email="b@x", submitted_at="2026-02-01T00:00:00+00:00")
    group = line(
        "Ada", verdict(100), email="a@x", partners=("Bob",), partner_ids=("",), partner_emails=("b@x",),
        submitted_at="2026-02-02T00:00:00+00:00",
    )  # fmt: skip
    for lines in ([alone, group], [group, alone]):
        assert {g.name: g.points for g in grades(lines).grades} == {"Ada": Decimal("50.00"), "Bob": Decimal("50.00")}


@pytest.mark.parametrize(
    ("points", "expected"),
    [(0.125, "0.13"), (0.13499999, "0.13"), (0.135, "0.14"), (1 / 3 * 3, "1.00"), (2.675, "2.68"), (-1, "0.00")],
)
def test_rounding_is_half_up_to_two_decimals(points: float, expected: str) -> None:
    assert str(rounded(points)) == expected


@pytest.mark.parametrize("name", FORMATS)
def test_no_cell_of_any_format_is_a_formula(name: str) -> None:
    bad = ["=1+1", "+x", "-x", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', '"=1', " =1", "\r=1", "a\n=1"]
    lines = [line(text, student_id=f"={n}", email=f"@{n}") for n, text in enumerate(bad)]
    rows = list(csv.reader(io.StringIO(FORMATS[name](grades(lines))), strict=True))
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == len(bad) + (2 if name == "canvas" else 1)
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.lstrip()[:1] in {"=", "+", "-", "@"} and cell.lstrip()]


def test_the_formats_have_the_columns_that_the_platforms_read() -> None:
    when = "2026-03-01T12:00:00+00:00"
    book = grades([line("Ada", verdict(100), student_id="17", email="a@x", submitted_at=when, numbered_by="school")])
    rows = {name: list(csv.reader(io.StringIO(write(book)))) for name, write in FORMATS.items()}
    assert rows["canvas"][0][:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert rows["canvas"][1][0].strip() == "Points Possible"
    assert rows["canvas"][2] == ["Ada", "", "17", "a@x", "", "50.00"]
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(rows["moodle"][0])
    assert dict(zip(*rows["gradescope"]))["Total Score"] == "50.00"
    assert dict(zip(*rows["csv"]))["points"] == "50.00"


def test_a_plain_cell_stays_as_it_is() -> None:
    assert plain_cell("Ada Lovelace-Byron") == "Ada Lovelace-Byron"


# Comparing


def test_equal_ledgers_move_nobody_whatever_their_times() -> None:
    assert compare([line("Ada", verdict(seconds=1.0))], [line("Ada", verdict(seconds=9.0))]) == []


def test_a_move_says_by_how_much_and_which_check() -> None:
    first, second = verdict(3), verdict(2)
    (move,) = compare([line("Ada", first), line("Bob")], [line("Bob"), line("Ada", second)])
    lost = first.checks[2]
    assert (move.student, move.difference) == ("Ada", -lost.max_points)
    assert move.reasons == (
        f"{lost.id}: passed {lost.max_points:g} / {lost.max_points:g} → failed 0 / {lost.max_points:g}",
    )


def test_deductions_and_students_that_one_ledger_lacks_are_moves() -> None:
    late = verdict(3, notices=(Notice("deliverable", "no plot", deduction=2.0),))
    moves = compare([line("Ada"), line("Bob")], [line("Ada", late), line("Eve")])
    assert {move.student: move.reasons for move in moves} == {
        "Ada": ("deductions: 0 → 2",),
        "Bob": ("only the first ledger has this student",),
        "Eve": ("only the second ledger has this student",),
    }


def test_ledger_lines_are_json_without_the_path_of_this_machine() -> None:
    one = dataclasses.replace(line("Ada").handed_in, path=Path("/secret/place/ada.zip"), source="ada.zip")
    text = dataclasses.replace(line("Ada"), handed_in=one).to_json()
    assert "/secret/place" not in text
    assert "\n" not in text
    assert json.loads(text)["handed_in"]["source"] == "ada.zip"
