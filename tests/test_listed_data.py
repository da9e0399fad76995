"""Data that an assignment lists with its SHA-256: where it comes from, who carries it, and one sentence where it is missing or wrong."""

import dataclasses
import hashlib
from pathlib import Path

import pytest

from autograder import listed_data
from autograder.bundle.contents import Code, files_of
from autograder.errors import UserError
from autograder.grading.mutants import solution_files
from autograder.grading.prepare import prepare_files
from autograder.kit.check import run as check
from autograder.kit.pack import plan
from autograder.manifest import Data, Manifest, load_manifest, parse_manifest
from autograder.release.handout import HandoutError, check_handout, derive_folder, write_handout
from autograder.release.kit import facts_kit
from autograder.submission.intake import IntakeLimits, read_here
from tests.courses import courses_in, write_files
from tests.notebook_files import folder_with

WEIGHTS, OTHER = b"\x00\x01 weights", b"other weights"
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()
MANIFEST = f"""
id = "toy"
title = "A toy"
course = "a course"
folder = "toy_todo"
default_profile = "default"
[files]
todo = ["answer.py"]
given = []
[[data]]
file = "weights/net.safetensors"
sha256 = "{DIGEST}"
title = "the weights of the denoiser"
[[tasks]]
id = "1"
title = "Doubling"
points = 10
regions = ["answer.py:double"]
[profiles.default]
title = "all"
"""
ANSWER = (
    "def double(x):\n    ######## TODO 1: double ########\n    ### BEGIN SOLUTION\n    return x + x + x - x\n    ### END SOLUTION\n"
    '    ### STUB: raise NotImplementedError("TODO 1: double")\n    ######## END TODO ########\n'
)
SUBMITTED = 'NAME = "weights/net.safetensors"\ndef double(x):\n    return 2 * x\n'
LISTED = "weights/net.safetensors (the weights of the denoiser)"


def course(root: Path, weights: bytes | None = WEIGHTS, manifest: str = MANIFEST) -> Path:
    files: dict[str, str | bytes] = {
        "autograder/assignments/toy/assignment.toml": manifest,
        "autograder/assignments/toy/__init__.py": "",
        "autograder/assignments/toy/misconceptions.py": "MISCONCEPTIONS = ()\nRIGHT_FORMS = ()\nALGORITHMS = {}\n",
        "solutions/toy_todo/answer.py": ANSWER,
    }
    if weights is not None:
        files["solutions/toy_todo/weights/net.safetensors"] = weights
    return write_files(root, files)


@pytest.fixture
def toy(tmp_path: Path):
    with courses_in(course(tmp_path / "courses")):
        yield load_manifest("toy")


def looked_up(manifest: Manifest) -> Manifest:
    """The same, with data that the handout does not carry and that lies nowhere yet."""
    (manifest.solution / "weights" / "net.safetensors").unlink()
    return dataclasses.replace(manifest, data=(dataclasses.replace(manifest.data[0], carried=False),))


# --- who has it -------------------------------------------------------------------------------------------------------


def test_what_is_carried_is_in_handout_kit_bundle_and_worker(toy: Manifest, tmp_path: Path) -> None:
    assert derive_folder(toy)["weights/net.safetensors"] == WEIGHTS
    assert facts_kit(toy).facts["data"] == [dataclasses.asdict(toy.data[0])]
    assert files_of(toy, Code())["solutions/toy_todo/weights/net.safetensors"] == WEIGHTS
    assert solution_files(toy)["weights/net.safetensors"] == WEIGHTS
    submission = read_here(str(folder_with(tmp_path / "work", {"answer.py": SUBMITTED})), toy, IntakeLimits())
    assert prepare_files(toy, submission)[0]["weights/net.safetensors"] == WEIGHTS


def test_a_students_copy_stands_in_for_nothing(toy: Manifest, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "work", {"answer.py": SUBMITTED, "weights/net.safetensors": OTHER})
    submission = read_here(str(folder), toy, IntakeLimits())
    assert submission.data == {}
    assert submission.notices == ()
    assert prepare_files(toy, submission)[0]["weights/net.safetensors"] == WEIGHTS
    assert "weights/net.safetensors" not in plan(facts_kit(toy), folder).graded


def test_what_is_not_carried_is_looked_up(toy: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = looked_up(toy)
    for name in ("weights/net.safetensors", "net.safetensors"):
        monkeypatch.setenv(listed_data.VARIABLE, str(folder_with(tmp_path / name.replace("/", "_"), {name: WEIGHTS})))
        assert away.listed_data() == {"weights/net.safetensors": WEIGHTS}
    assert "weights/net.safetensors" not in derive_folder(away)
    assert files_of(away, Code())["solutions/toy_todo/weights/net.safetensors"] == WEIGHTS


def test_the_right_file_counts_wherever_a_wrong_one_lies(toy: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = looked_up(toy)
    folder_with(away.solution, {"weights/net.safetensors": OTHER})
    monkeypatch.setenv(listed_data.VARIABLE, str(folder_with(tmp_path / "data", {"net.safetensors": WEIGHTS})))
    assert away.listed_data() == {"weights/net.safetensors": WEIGHTS}
    assert "weights/net.safetensors" not in derive_folder(away)


def test_an_assignment_without_data_lists_none() -> None:
    assert load_manifest("swiss_roll").listed_data() == {}


# --- missing or wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (None, f"{LISTED} is missing; put it there as "),
        (OTHER, f"{LISTED} is not the file that the assignment lists: its SHA-256 begins with {hashlib.sha256(OTHER).hexdigest()[:12]} and not"),
        (b"", "is not the file that the assignment lists"),
        (WEIGHTS + b"\n", "is not the file that the assignment lists"),
    ],
)
def test_release_bundle_and_grade_say_it_in_one_sentence(tmp_path: Path, weights: bytes | None, says: str) -> None:
    with courses_in(course(tmp_path / "courses", weights)):
        toy = load_manifest("toy")
        submission = read_here(str(folder_with(tmp_path / "work", {"answer.py": SUBMITTED})), toy, IntakeLimits())
        with pytest.raises(HandoutError) as released:
            write_handout(toy)
        assert not toy.handout.exists()
        assert sum(says in problem for problem in check_handout(toy)) == 1
        with pytest.raises(UserError) as bundled:
            files_of(toy, Code())
        with pytest.raises(UserError) as graded:
            prepare_files(toy, submission)
    for raised in (released, bundled, graded):
        assert says in str(raised.value)
        assert str(raised.value).count(". ") == 0


def test_what_nobody_carries_is_said_with_where_to_put_it(toy: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(listed_data.VARIABLE, raising=False)
    away = looked_up(toy)
    with pytest.raises(UserError, match=f"is missing; put it into a folder .* {listed_data.VARIABLE}"):
        away.listed_data()
    monkeypatch.setenv(listed_data.VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match=f"is missing; put it into {tmp_path}, which {listed_data.VARIABLE} names"):
        away.listed_data()
    assert check_handout(away) != []  # it has not been released; but no word about data that students get elsewhere
    assert not any("denoiser" in problem for problem in check_handout(away))


@pytest.mark.parametrize(
    ("content", "carried", "says"),
    [
        (None, True, "is missing; copy it from the handout again."),
        (OTHER, True, "copy it from the handout again."),
        (None, False, "is missing; the handout says where to get it."),
    ],
)
def test_the_kit_tells_a_student(toy: Manifest, tmp_path: Path, capsys, content: bytes | None, carried: bool, says: str) -> None:
    kit = facts_kit(toy)
    kit.facts["data"][0]["carried"] = carried
    files: dict[str, bytes | str] = {"answer.py": SUBMITTED} | ({} if content is None else {"weights/net.safetensors": content})
    assert check(kit, folder_with(tmp_path / "work", files), None, False) == 2
    said = capsys.readouterr().err.strip()
    assert says in said
    assert len(said.splitlines()) == 1


# --- the manifest -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (DIGEST, "123", "must be 64 hexadecimal digits"),
        (DIGEST, "z" * 64, "must be 64 hexadecimal digits"),
        ("weights/net.safetensors", "../secret", "must be a path below the assignment's folder"),
        ("weights/net.safetensors", "/etc/passwd", "must be a path below the assignment's folder"),
        ("weights/net.safetensors", "answer.py", "is listed as data and as a file of code"),
        ('title = "the', 'name = "the', "unknown key 'name'"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_one_sentence(before: str, after: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        parse_manifest(MANIFEST.replace(before, after))


def test_capital_digits_are_the_same_digest(toy: Manifest) -> None:
    capital = dataclasses.replace(toy, data=(Data("weights/net.safetensors", DIGEST.upper()),))
    assert capital.listed_data() == {"weights/net.safetensors": WEIGHTS}
