"""Who handed in what. For each platform, names are made by that platform's own rule, written to disk and collected: the same people come back,
and nobody leaves, vanishes, doubles or takes the place of somebody else without a remark.
"""

import re
import socket
import string
import tempfile
import unicodedata
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from autograder.classroom.collect import Collected, collect, with_slugs
from autograder.classroom.engine import Engine
from autograder.classroom.gather import gather
from autograder.classroom.gradebook import make_gradebook
from autograder.classroom.ledger import Key, Line
from autograder.classroom.records import MOODLE, HandedIn
from autograder.errors import UserError
from autograder.grading.publishing import refused_verdict
from autograder.manifest import load_manifest
from autograder.submission.intake import read_submission
from autograder.submission.rules import is_left_by_system
from autograder.text import clean_line

MANIFEST = load_manifest("swiss_roll")
CODE = {name: (MANIFEST.solution / name).read_bytes() for name in MANIFEST.files.todo}
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def put(folder: Path, *names: str, content: bytes = b"x") -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(content)
    return folder


def zipped(path: Path, *names: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, CODE.get(name.rpartition("/")[2], b"x"))


def people(found: Collected) -> list[tuple[str, str]]:
    return [(one.student, one.student_id) for one in found.submissions]


def told(found: Collected) -> str:
    return "\n".join(found.remarks)


def writable_name(name: str) -> bool:
    """Whether a disk takes this name, and nothing hides it."""
    return 0 < len(name.encode()) <= 200 and not is_left_by_system(name) and "/" not in name and "\0" not in name


# One rule for what systems leave


@pytest.mark.parametrize("name", [".DS_Store", "._work.zip", "__MACOSX", "Thumbs.db", "desktop.ini", "Desktop.ini", "$RECYCLE.BIN"])
def test_what_systems_leave_is_nobodys_and_not_worth_a_word(tmp_path: Path, name: str) -> None:
    put(tmp_path, "Ada_20241234.zip", name)
    put(tmp_path / "Bob_77_assignsubmission_file_", name)
    zipped(tmp_path / "Bob_77_assignsubmission_file_" / "work.zip", "ddpm.py")
    found = collect(tmp_path)
    assert people(found) == [("Ada", "20241234"), ("Bob_77_assignsubmission_file_", "")]
    assert [one.path.name for one in found.submissions] == ["Ada_20241234.zip", "work.zip"]
    assert found.remarks == ()


# Moodle


def moodle_clean(name: str) -> str:
    """Moodle's clean_filename, as far as names of people go."""
    kept = "".join(c for c in name if unicodedata.category(c) != "Cc" and c not in "&<>\"`|':\\/")
    return re.sub(r"\.\.+", "", kept)


def moodle_name(name: str, number: int | None, kind: str, ending: str) -> str:
    prefix = moodle_clean(name.replace("_", " ") + (f"_{number}" if number is not None else ""))
    return moodle_clean(f"{prefix}_assignsubmission_{kind}{ending}")


plain_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
person_name = st.one_of(
    plain_text,
    st.sampled_from(["Ada Lovelace", "O'Brien", "김철수", "José", "Jose\u0301", "a_b", "x_1_y", "Ada\u200b", "assignsubmission_file"]),
    st.text("ab_0123456789 -", min_size=1, max_size=10),
)


@FEW
@given(
    st.dictionaries(st.integers(1, 10**7), person_name, min_size=1, max_size=8),
    st.sampled_from(["", "_"]),
    st.booleans(),
    st.sampled_from(["folders", "files", "zips"]),
)
def test_moodle_gives_back_every_participant(names: dict[int, str], ending: str, has_text: bool, how: str) -> None:
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "class"
        for number, name in names.items():
            stem = moodle_name(name, number, "file", ending if how != "files" else "_")
            assume(writable_name(stem))
            if how == "files":
                put(folder, f"{stem}ddpm.py", f"{stem}network.py")
            elif how == "zips":
                put(folder, f"{stem}/work.zip")
            else:
                put(folder, f"{stem}/ddpm.py", f"{stem}/network.py")
            if has_text:
                put(folder, moodle_name(name, number, "onlinetext", ending) + "/onlinetext.html")
        found = collect(folder)
        assert found.kind == "a Moodle export"
        assert sorted(one.student_id for one in found.submissions) == sorted(map(str, names))
        assert len({one.slug for one in found.submissions}) == len(names)
        for one in found.submissions:
            if one.numbered_by == MOODLE:
                assert one.identity == f"id {one.student_id}"
            assert one.files or one.path.name == "work.zip" or one.path.is_dir()


def test_moodle_since_4_1_has_no_underscore_at_the_end(tmp_path: Path) -> None:
    put(tmp_path, "Ada Lovelace_101_assignsubmission_file/ddpm.py", "Bob Kim_102_assignsubmission_file/work.zip")
    put(tmp_path, "Bob Kim_102_assignsubmission_onlinetext/onlinetext.html", "Eve_103_assignsubmission_onlinetext/onlinetext.html")
    found = collect(tmp_path)
    assert found.kind == "a Moodle export"
    assert [(one.student, one.student_id, one.path.name) for one in found.submissions] == [
        ("Ada Lovelace", "101", "Ada Lovelace_101_assignsubmission_file"),
        ("Bob Kim", "102", "work.zip"),
    ]
    assert [remark for remark in found.remarks if "Eve" in remark and "typed" in remark]
    assert "Bob" not in told(found)


def test_files_of_one_participant_are_one_submission(tmp_path: Path) -> None:
    put(tmp_path, *(f"Ada_101_assignsubmission_file_{name}" for name in ("ddpm.py", "network.py", "plot.png")))
    put(tmp_path, "Bob_102_assignsubmission_file_work.zip")
    found = collect(tmp_path)
    assert people(found) == [("Ada", "101"), ("Bob", "102")]
    assert [name for name, _ in found.submissions[0].files] == ["ddpm.py", "network.py", "plot.png"]


def test_hidden_names_of_moodle_are_told_apart_by_their_numbers(tmp_path: Path) -> None:
    put(tmp_path, "Participant_12_assignsubmission_file/ddpm.py", "Participant_13_assignsubmission_file/ddpm.py")
    assert people(collect(tmp_path)) == [("Participant 12", "12"), ("Participant 13", "13")]


def test_the_number_of_a_team_is_not_a_participants(tmp_path: Path) -> None:
    put(tmp_path, "Group A_7_assignsubmission_file/ddpm.py", "Group B_8_assignsubmission_file/ddpm.py")
    found = collect(tmp_path)
    assert [(one.student, one.student_id, one.numbered_by) for one in found.submissions] == [("Group A", "7", ""), ("Group B", "8", "")]
    assert "groups" in told(found)


def test_who_has_no_group_hands_in_without_a_number(tmp_path: Path) -> None:
    put(tmp_path, "Default group_assignsubmission_file/ddpm.py", "Reds_8_assignsubmission_file/ddpm.py")
    found = collect(tmp_path)
    assert found.kind == "a Moodle export"
    assert [(one.student, one.student_id, one.numbered_by) for one in found.submissions] == [
        ("Default group", "", ""),
        ("Reds", "8", ""),
    ]


def test_a_name_that_reads_as_two_participants_takes_neithers_place(tmp_path: Path) -> None:
    odd = "Mal_1001_assignsubmission_file_x_2002_assignsubmission_file_"
    put(tmp_path, *(f"{name}/ddpm.py" for name in (odd, "Ada_1001_assignsubmission_file_", "Zoe_2002_assignsubmission_file_")))
    found = collect(tmp_path)
    assert [(one.student, one.student_id, one.identity) for one in found.submissions if one.student_id] == [
        ("Ada", "1001", "id 1001"),
        ("Zoe", "2002", "id 2002"),
    ]
    assert odd in people(found)[1][0]
    assert odd in told(found)


def test_two_names_with_one_number_are_two_and_staff_are_told(tmp_path: Path) -> None:
    put(tmp_path, "Ada_1001_assignsubmission_file_/ddpm.py", "Mal_1001_assignsubmission_file_/ddpm.py")
    found = collect(tmp_path)
    assert people(found) == [("Ada", "1001"), ("Mal", "1001")]
    assert len({one.identity for one in found.submissions}) == len({one.slug for one in found.submissions}) == 2
    assert "Ada_1001" in told(found)
    assert "Mal_1001" in told(found)


# Canvas


def canvas_name(name: str, user: int, late: bool, attachment: int, file: str) -> str:
    """As lib/content_zipper.rb makes it: `_7_` loses its underscores, all but letters, marks, digits and connectors goes."""
    name = re.sub(r"_([0-9]+)_", r"\1", name).lower()
    whole = "_".join([name, *(["LATE"] if late else []), str(user)])
    stem = "".join(c for c in whole if unicodedata.category(c)[0] in "LM" or unicodedata.category(c) in ("Nd", "Pc"))
    return f"{stem}_{attachment}_" + re.sub(r'[\x00/\\:*?"<>|]+', "_", file)


canvas_person = st.one_of(
    plain_text,
    st.sampled_from(["Lovelace, Ada", "Kim, Jiho", "Team_7", "Team_8", "group_12", "x_1_y", "_", "12345", "late", "LATE", "anon", "a_LATE"]),
    st.text("abc_, ", min_size=1, max_size=10),
)
file_sets = st.sampled_from(
    [["ddpm.py", "network.py"], ["work.zip"], ["20241234_work.zip"], ["2_ddpm.py", "3_network.py"], ["ddpm.py"], ["a_b_1_2_c.zip"],
     ["photo.png"], ["ddpm-1.py", "network.py", "report.pdf"], ["LATE_1_2_x.py", "text.html"]]
)  # fmt: skip


@FEW
@given(st.dictionaries(st.integers(10_000, 99_999), st.tuples(canvas_person, st.booleans(), file_sets), min_size=1, max_size=8))
def test_canvas_gives_back_every_user_with_all_files(users: dict[int, tuple[str, bool, list[str]]]) -> None:
    with tempfile.TemporaryDirectory() as top:
        folder, attachment, lying = Path(top) / "class", 7_000_000, {}
        for user, (name, late, files) in users.items():
            for file in files:
                attachment += 1
                lying[canvas_name(name, user, late, attachment, file)] = str(user)
        assume(all(map(writable_name, lying)))
        put(folder, *lying)
        found = collect(folder)
        assert found.kind == "a Canvas export"
        assert sorted(one.student_id for one in found.submissions) == sorted(map(str, users))
        assert {one.student_id: one.late for one in found.submissions} == {str(user): late for user, (_, late, _) in users.items()}
        for one in found.submissions:
            parts = [path for _, path in one.files] or [one.path]
            assert {lying[path.name] for path in parts} == {one.student_id}  # nobody else's


def test_files_uploaded_one_by_one_are_one_submission(tmp_path: Path) -> None:
    put(tmp_path, "lovelaceada_101_9001_network.py", "lovelaceada_101_9002_ddpm.py", "hoppergrace_102_9003_work.zip")
    put(tmp_path, "kimjiho_LATE_103_9004_ddpm.py", "kimjiho_LATE_103_9005_network.py")
    found = collect(tmp_path)
    assert [(one.student, one.student_id, one.late, [name for name, _ in one.files]) for one in found.submissions] == [
        ("hoppergrace", "102", False, []),
        ("kimjiho", "103", True, ["ddpm.py", "network.py"]),
        ("lovelaceada", "101", False, ["ddpm.py", "network.py"]),
    ]
    assert found.remarks == ()


def test_of_copies_the_newest_counts_and_the_others_are_named(tmp_path: Path) -> None:
    names = ["9001_ddpm.py", "9002_network.py", "9005_ddpm-1.py", "9004_ddpm (2).py", "9003_network_v2.py", "9006_helper-1.py"]
    for number, name in enumerate(names):
        put(tmp_path, f"ada_101_{name}", content=f"{number}".encode())
    found = collect(tmp_path)
    (one,) = found.submissions
    assert {name: path.read_text() for name, path in one.files} == {"ddpm.py": "2", "network.py": "4", "helper.py": "5"}
    for name in ("ddpm.py", "ddpm (2).py", "network.py", "helper-1.py"):
        assert name in told(found)


def test_a_module_that_can_be_imported_keeps_its_name(tmp_path: Path) -> None:
    put(tmp_path, *(f"ada_101_900{n}_{name}" for n, name in enumerate(["ddpm.py", "blocks.py", "blocks_v2.py", "net_copy.py"])))
    (one,) = collect(tmp_path).submissions
    assert sorted(name for name, _ in one.files) == ["blocks.py", "blocks_v2.py", "ddpm.py", "net_copy.py"]


@pytest.mark.parametrize(
    ("loose", "packed", "chosen"),
    [
        (["9001_ddpm.py", "9002_network.py"], {"9003_samples.zip": ["0.png"]}, "files"),
        (["9001_plot.png"], {"9002_work.zip": ["ddpm.py"]}, "ada_101_9002_work.zip"),
        (["9003_ddpm.py", "9004_network.py"], {"9002_work.zip": ["hw/ddpm.py", "hw/network.py"]}, "files"),
        (["9001_ddpm.py", "9002_network.py"], {"9003_work.zip": ["ddpm.py", "network.py"]}, "ada_101_9003_work.zip"),
        (["9003_ddpm.py"], {"9002_work.zip": ["ddpm.py", "network.py"]}, "ada_101_9002_work.zip"),
        ([], {"9001_work.zip": ["ddpm.py"], "9002_samples.zip": ["0.png"]}, "ada_101_9001_work.zip"),
        ([], {"9001_work.zip": ["ddpm.py"], "9002_work-1.zip": ["ddpm.py"]}, "ada_101_9002_work-1.zip"),
    ],
)
def test_what_holds_the_code_is_graded_and_the_newest_of_it(
    tmp_path: Path, loose: list[str], packed: dict[str, list[str]], chosen: str
) -> None:
    put(tmp_path, *(f"ada_101_{name}" for name in loose))
    for name, inside in packed.items():
        zipped(tmp_path / f"ada_101_{name}", *inside)
    found = collect(tmp_path)
    (one,) = found.submissions
    assert ("files" if one.files else one.path.name) == chosen
    left = [name for name in [*loose, *packed] if name.endswith((".py", ".zip")) and not one.files and f"ada_101_{name}" != chosen]
    assert all(name.partition("_")[2] in told(found) for name in left)


def test_a_group_whose_name_ends_in_a_number_is_not_another_user(tmp_path: Path) -> None:
    put(tmp_path, "team_7_101_9001_ddpm.py", "team_7_101_9002_network.py", "team_8_102_9003_work.zip", "ada_103_9004_2024_hw.zip")
    assert people(collect(tmp_path)) == [("ada", "103"), ("team_7", "101"), ("team_8", "102")]


def test_anonymous_users_are_told_apart_and_have_no_number_of_canvas(tmp_path: Path) -> None:
    put(tmp_path, "anon_aB3dE_9001_ddpm.py", "anon_aB3dE_9002_network.py", "LATE_anon_12345_9003_work.zip", "anon_Zz9Zz_text.html")
    found = collect(tmp_path)
    assert found.kind == "a Canvas export"
    assert [(one.student, one.numbered_by, one.late) for one in found.submissions] == [
        ("anonymous 12345", "", True),
        ("anonymous aB3dE", "", False),
    ]
    assert "anonymous Zz9Zz" in told(found)


def test_a_text_or_an_address_is_no_submission_and_is_said(tmp_path: Path) -> None:
    put(tmp_path, "lovelaceada_101_text.html", "kimjiho_LATE_103_link.html", "hoppergrace_102_9003_work.zip")
    found = collect(tmp_path)
    assert people(found) == [("hoppergrace", "102")]
    assert "lovelaceada" in told(found)
    assert "kimjiho" in told(found)


# Gathered


def test_a_gathered_submission_is_read_as_if_it_came_in_one_folder(tmp_path: Path) -> None:
    for number, (name, content) in enumerate(sorted(CODE.items())):
        put(tmp_path / "in", f"ada_101_900{number}_{name}", content=content)
        put(tmp_path / "whole", name, content=content)
    put(tmp_path / "in", "bob_102_9009_work.zip")
    ada, bob = gather(collect(tmp_path / "in").submissions, tmp_path / "out")
    assert (ada.path, bob.path) == (tmp_path / "out" / "ada_101", tmp_path / "in" / "bob_102_9009_work.zip")
    read, whole = read_submission(ada.path, MANIFEST), read_submission(tmp_path / "whole", MANIFEST)
    assert (read.digest, read.missing) == (whole.digest, ())
    (tmp_path / "in" / "ada_101_9000_ddpm.py").unlink()
    again, _ = gather(collect(tmp_path / "in").submissions, tmp_path / "out")
    assert read_submission(again.path, MANIFEST).missing == ("ddpm.py",)


def test_a_link_is_never_gathered(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    put(tmp_path / "in", "ada_101_9001_network.py")
    (tmp_path / "in" / "ada_101_9002_ddpm.py").symlink_to(tmp_path / "secret")
    (one,) = gather(collect(tmp_path / "in").submissions, tmp_path / "out")
    assert [path.name for path in one.path.iterdir()] == ["network.py"]


# Loose zips and folders

LOOK_ALIKES = [
    "Ada Lovelace", "Ada Lovelace\u200b", "Ada  Lovelace", "Ada Lovelace ", "ada lovelace", "\u202eAda Lovelace", "Ada_Lovelace", "José",
    "Jose\u0301", "ada_lovelace", "Jose", "a\\u200b", "a\u200b", "student", "김철수", "김철수",
]  # fmt: skip


@FEW
@given(st.sets(st.one_of(st.sampled_from(LOOK_ALIKES), plain_text, st.text(string.printable, min_size=1, max_size=6)), min_size=1, max_size=12))
def test_loose_zips_are_as_many_people_as_there_are_names(stems: set[str]) -> None:
    names = {f"{stem}.zip" for stem in stems}
    assume(all(map(writable_name, names)))
    with tempfile.TemporaryDirectory() as top:
        found = collect(put(Path(top), *names))
        assert {one.path.name for one in found.submissions} == names
        assert len({one.slug.casefold() for one in found.submissions}) == len(names)
        assert len({one.identity for one in found.submissions}) == len(names)


def test_names_that_differ_in_what_is_not_seen_are_two_people_and_staff_are_told(tmp_path: Path) -> None:
    put(tmp_path, "Ada Lovelace.zip", "Ada Lovelace\u200b.zip", "Jose\u0301.zip", "José.zip", "Bob.zip")
    found = collect(tmp_path)
    assert len(found.submissions) == len({one.slug for one in found.submissions}) == len({one.identity for one in found.submissions}) == 5
    assert "Ada Lovelace.zip and Ada Lovelace\\u200b.zip" in told(found)
    assert len(found.remarks) == 2


def test_a_second_zip_with_an_identifier_leaves_it_to_the_first(tmp_path: Path) -> None:
    put(tmp_path, "Ada_20241234.zip")
    (before,) = collect(tmp_path).submissions
    put(tmp_path, "Mallory_20241234.zip")
    found = collect(tmp_path)
    assert people(found) == [("Ada", "20241234"), ("Mallory", "20241234")]
    assert found.submissions[0].identity == before.identity != found.submissions[1].identity
    assert "Ada_20241234.zip and Mallory_20241234.zip carry one number" in told(found)


def test_two_zips_with_one_number_are_two_rows_and_sections_are_named(tmp_path: Path) -> None:
    put(tmp_path, "section1/Ada_20241234.zip", "section1/Mallory_20241234.zip", "section2/Ada_20241234.zip")
    found = collect(tmp_path).submissions
    lines = [Line(Key("", "", "", ""), one, refused_verdict(MANIFEST, one.student, "no")) for one in found]
    read = [Line.from_json(line.to_json()) for line in lines]
    assert [line.handed_in.identity for line in read] == [one.identity for one in found]
    rows = [(grade.name, grade.person.section) for grade in make_gradebook(read, None, {}).grades]
    assert sorted(rows) == [("Ada", "section1"), ("Ada", "section2"), ("Mallory", "section1")]


def test_a_copy_of_a_zip_is_the_same_student_and_the_older_is_named(tmp_path: Path) -> None:
    put(tmp_path, "Ada_20241234.zip", "Ada_20241234 (1).zip", "Kim.zip", "Kim (1).zip")
    found = collect(tmp_path)
    assert [(one.student, one.path.name) for one in found.submissions] == [
        ("Ada", "Ada_20241234 (1).zip"),
        ("Kim", "Kim.zip"),
        ("Kim (1)", "Kim (1).zip"),  # may be another Kim
    ]
    assert "Ada_20241234.zip" in told(found)


def test_a_slug_stays_the_same_when_others_come_and_never_passes_to_them() -> None:
    def slugs(*names: str, taken: dict[str, str] | None = None) -> list[str]:
        ones = [HandedIn(Path(name), clean_line(name, 99), key=f"name {name}") for name in names]
        return [one.slug for one in with_slugs(ones, taken)]

    assert slugs("Ada Lovelace") == ["ada_lovelace"]
    alone, pair = slugs("Ada Lovelace\u200b"), slugs("Ada Lovelace", "Ada Lovelace\u200b")
    assert alone[0] == pair[1] != "ada_lovelace"
    (other,) = slugs("ada_lovelace", taken={"ada_lovelace": "name Ada Lovelace"})
    assert other != "ada_lovelace"
    assert slugs(alone[0]) != alone  # who calls a file as somebody's folder does not get it


# Where the submissions lie


def test_an_export_one_folder_down_is_found(tmp_path: Path) -> None:
    put(tmp_path / "canvas", "submissions/hopper_102_9003_work.zip", "submissions/ada_101_9001_work.zip", "roster.csv")
    put(tmp_path / "moodle", *(f"HW3/{name}_assignsubmission_file_/ddpm.py" for name in ("Ada_101", "Bob_102")))
    put(tmp_path / "github", "hw3-submissions/hw3-octocat/2d_plot_diffusion_todo/ddpm.py", "hw3-submissions/hw3-hubot/ddpm.py")
    put(tmp_path / "gradescope", *(f"assignment_7_export 2/submission_{n}/ddpm.py" for n in (1, 2)))
    (tmp_path / "gradescope/assignment_7_export 2/submission_metadata.yml").write_text(
        "submission_1:\n  :submitters:\n  - :name: Ada\nsubmission_2:\n  :submitters:\n  - :name: Bob\n"
    )
    expected = {
        "canvas": ("a Canvas export", ["ada", "hopper"]),
        "moodle": ("a Moodle export", ["Ada", "Bob"]),
        "github": ("loose zips and folders", ["hw3-hubot", "hw3-octocat"]),
        "gradescope": ("a Gradescope export", ["Ada", "Bob"]),
    }
    for name, (kind, students) in expected.items():
        found = collect(tmp_path / name)
        assert (found.kind, [one.student for one in found.submissions]) == (kind, students)
        assert "The submissions are those in" in told(found)


def test_sections_are_one_class_and_one_name_in_two_of_them_is_two_people(tmp_path: Path) -> None:
    put(tmp_path, "section1/JaneDoe_20241234.zip", "section1/JohnRoe_20241235.zip", "section2/JaneDoe_20241236.zip", "section2/Kim.zip")
    put(tmp_path, "section1/Kim.zip")
    found = collect(tmp_path)
    assert [(one.student, one.student_id, one.section) for one in found.submissions] == [
        ("JaneDoe", "20241234", "section1"),
        ("JaneDoe", "20241236", "section2"),
        ("JohnRoe", "20241235", "section1"),
        ("Kim", "", "section1"),
        ("Kim", "", "section2"),
    ]
    assert len({one.identity for one in found.submissions}) == len({one.slug for one in found.submissions}) == 5
    assert "section1/Kim.zip and section2/Kim.zip" in told(found)


def test_exports_of_several_platforms_keep_their_numbers_apart(tmp_path: Path) -> None:
    put(tmp_path, "a/Ada_101_assignsubmission_file/ddpm.py", "a/Bob_102_assignsubmission_file/ddpm.py")
    put(tmp_path, "b/kim_101_9001_work.zip", "b/lee_102_9002_work.zip")
    found = collect(tmp_path)
    assert sorted((one.student, one.student_id, one.numbered_by) for one in found.submissions) == [
        ("Ada", "101", "moodle"), ("Bob", "102", "moodle"), ("kim", "101", "canvas"), ("lee", "102", "canvas"),
    ]  # fmt: skip
    assert len({one.identity for one in found.submissions}) == 4


@pytest.mark.parametrize(
    "names",
    [
        ["ada/ddpm.py", "bob/ddpm.py"],
        ["ada/hw/ddpm.py", "bob/hw/ddpm.py"],
        ["ada/part1/ddpm.py", "ada/part2/ddpm.py", "bob/part1/ddpm.py", "bob/part2/ddpm.py"],
        ["ada/2d_plot_diffusion_todo/ddpm.py", "ada/image_diffusion_todo/ddpm.py", "bob/ddpm.py"],
        ["ada/work.zip", "bob/work.zip"],
        ["ada/code.zip", "ada/samples.zip", "bob/code.zip", "bob/samples.zip"],
        ["ada/old.zip", "ada/new.zip", "bob/work.zip"],
    ],
)
def test_students_with_folders_in_their_folders_are_no_sections(tmp_path: Path, names: list[str]) -> None:
    assert [one.student for one in collect(put(tmp_path, *names)).submissions] == ["ada", "bob"]


def test_an_export_among_submissions_is_not_one_students_work(tmp_path: Path) -> None:
    put(tmp_path, "ada.zip", "bob.zip", "HW3/Cy_101_assignsubmission_file/ddpm.py", "HW3/Di_102_assignsubmission_file/ddpm.py")
    found = collect(tmp_path)
    assert [one.student for one in found.submissions] == ["ada", "bob"]
    assert "HW3 lies among submissions" in told(found)


def test_an_export_that_is_still_packed_is_refused_with_advice(tmp_path: Path) -> None:
    zipped(tmp_path / "submissions.zip", "HW3/Cy_101_assignsubmission_file/ddpm.py", "HW3/Di_102_assignsubmission_file/ddpm.py")
    with pytest.raises(UserError, match=r"still packed.*unzip it"):
        collect(tmp_path)
    zipped(tmp_path / "ada.zip", "ddpm.py")
    zipped(tmp_path / "bob.zip", "hw/ddpm.py", "hw/network.py")
    assert [one.student for one in collect(tmp_path).submissions] == ["ada", "bob"]


def test_the_graders_own_folder_is_no_submission(tmp_path: Path) -> None:
    put(tmp_path, "ada.zip", "bob.zip", "reports/class/ledger.jsonl", "reports/class/reports/ada/report.html")
    assert [one.student for one in collect(tmp_path, besides=tmp_path / "reports" / "class").submissions] == ["ada", "bob"]


def test_a_folder_that_may_not_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(UserError, match="cannot be read"):
        collect(tmp_path)


# Gradescope


@FEW
@given(st.lists(st.tuples(st.sets(st.integers(0, 6), min_size=1, max_size=3), st.integers(0, 59)), min_size=1, max_size=6))
def test_gradescope_leaves_nobody_out_and_counts_the_newest_of_each(handed_in: list[tuple[set[int], int]]) -> None:
    lines, newest = [], {}
    for number, (members, minute) in enumerate(handed_in, 1):
        lines.append(f"submission_{number}:\n  :created_at: 2026-03-01 10:{minute:02d}:00 Z\n  :submitters:")
        lines += [f"  - :name: N{m}\n    :sid: '{m or ''}'\n    :email: {'N' if minute % 2 else 'n'}{m}@example.org" for m in sorted(members)]
        for member in members:
            newest[member] = max(newest.get(member, (0, 0)), (minute, number))
    with tempfile.TemporaryDirectory() as top:
        put(Path(top), *(f"submission_{number}/ddpm.py" for number in range(1, len(handed_in) + 1)))
        (Path(top) / "submission_metadata.yml").write_text("\n".join(lines))
        found = collect(Path(top))
    placed = {}
    for one in found.submissions:
        for email in (one.email, *one.partner_emails):
            assert email.casefold() not in placed
            placed[email.casefold()] = one.source
    assert placed == {f"n{member}@example.org": f"submission_{number}" for member, (_, number) in newest.items()}
    assert len({one.identity for one in found.submissions}) == len(found.submissions)
    left = {f"submission_{number}" for number, (members, _) in enumerate(handed_in, 1) if any(newest[m][1] != number for m in members)}
    assert all(name in told(found) or len(left) > 8 for name in left)


def test_one_sid_of_two_accounts_is_two_people(tmp_path: Path) -> None:
    put(tmp_path, "submission_1/ddpm.py", "submission_2/ddpm.py")
    (tmp_path / "submission_metadata.yml").write_text(
        "submission_1:\n  :submitters:\n  - {':name': Ada, ':sid': '7', ':email': a@x}\n"
        "submission_2:\n  :submitters:\n  - {':name': Mal, ':sid': '7', ':email': m@x}\n"
    )
    found = collect(tmp_path)
    assert people(found) == [("Ada", "7"), ("Mal", "7")]
    assert len({one.identity for one in found.submissions}) == 2
    assert "carry one number, 7" in told(found)


# The engine


@pytest.mark.slow
def test_a_busy_port_is_nobodys_concern(tmp_path: Path) -> None:
    with socket.socket() as busy, warnings.catch_warnings():
        warnings.simplefilter("error")
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            busy.bind(("127.0.0.1", 8787))
            busy.listen()
        except OSError:
            pass  # something else holds it, which is as good
        with Engine("swiss_roll", tmp_path / "scratch") as engine:
            assert dict(engine.run(len, ["ab"])) == {"ab": 2}
