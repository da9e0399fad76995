"""`autograder new`: what it writes holds all that an assignment must hold, and what it cannot write is one sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.errors import UserError
from autograder.manifest import load_manifest
from autograder.release.new_assignment import new_assignment
from autograder.sandbox.launcher import Sandbox
from tests.courses import courses_in
from tests.promises import PROMISES


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    """A place for assignments in which there is none yet."""
    with courses_in(tmp_path / "courses") as root:
        yield root


@pytest.mark.slow
def test_what_it_writes_holds_what_every_assignment_must_hold(empty: Path, sandbox: Sandbox, tmp_path: Path):
    done = CliRunner().invoke(app, ["new", "demo_course", "--course", 'The "new" course, № 1\\2'])
    assert done.exit_code == 0, done.output
    assert "autograder validate demo_course" in done.stdout
    manifest = load_manifest("demo_course")
    assert manifest.course == 'The "new" course, № 1\\2'
    for promise in PROMISES:
        folder = tmp_path / promise.__name__
        folder.mkdir()
        promise(manifest, sandbox, folder)


@pytest.mark.parametrize(
    ("identifier", "sentence"),
    [
        ("there", "autograder/assignments/there exists already"),
        ("taken", "solutions/taken_todo exists already"),
        ("handed_out", "handed_out_todo exists already"),
        ("class", "a word of Python's own"),
        ("3d", "cannot name an assignment"),
        ("two words", "cannot name an assignment"),
        ("Upper", "cannot name an assignment"),
        ("flöw", "cannot name an assignment"),
        ("../out", "cannot name an assignment"),
        ("with-dash", "cannot name an assignment"),
        ("", "cannot name an assignment"),
        ("new\n", "cannot name an assignment"),
        ("n" * 300, "cannot name an assignment"),
    ],
)
def test_an_identifier_that_cannot_be_used_is_one_sentence_and_nothing_is_written(identifier: str, sentence: str, empty: Path):
    for folder in ("autograder/assignments/there", "solutions/taken_todo", "handed_out_todo"):
        (empty / folder).mkdir(parents=True)
    before = sorted(empty.rglob("*"))
    with pytest.raises(UserError, match=sentence) as refused:
        new_assignment(identifier, "A course")
    assert "\n" not in str(refused.value)
    assert sorted(empty.rglob("*")) == before


@pytest.mark.parametrize("course", ["", "  ", "\x00", "\ud800"])
def test_a_course_must_be_named(course: str, empty: Path):
    with pytest.raises(UserError, match="Say for which course it is"):
        new_assignment("fine", course)


def test_what_cannot_be_written_is_one_sentence(empty: Path):
    empty.mkdir(exist_ok=True)
    (empty / "solutions").write_text("a file in the way")
    with pytest.raises(UserError, match="Cannot write"):
        new_assignment("fine", "A course")
