"""`autograder replay`: a grade follows from the submission and the secret, and whoever holds both can show it."""

import contextlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.commands.grade_one import grade_one
from autograder.errors import UserError
from autograder.grading.replay import Replay, replay
from autograder.grading.session import Options
from autograder.manifest import load_manifest
from autograder.places import REPOSITORY
from autograder.sandbox.launcher import Sandbox

SAMPLES = REPOSITORY / "examples" / "submissions"
SECRET = "secret of the replay's tests"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """And the sandbox of all tests in place of one for each replay, which imports torch for seconds."""
    monkeypatch.setenv("AUTOGRADER_SECRET", SECRET)
    monkeypatch.setattr("autograder.grading.replay.Sandbox", lambda require=None: contextlib.nullcontext(sandbox))


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Path:
    """The verdict of a submission with two mistakes."""
    out = tmp_path_factory.mktemp("graded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOGRADER_SECRET", SECRET)
        options = Options(train=False, hints="none")
        grade_one(SAMPLES / "two_mistakes", load_manifest("swiss_roll"), options, out, sandbox, quiet=True)
    return out / "verdict.json"


def test_the_same_submission_and_secret_give_the_same_grade(graded: Path) -> None:
    result = replay(graded, SAMPLES / "two_mistakes")
    assert isinstance(result, Replay)
    assert (result.differences, result.versions) == ((), ())
    assert result.compared == sum(check.status != "not_run" for check in result.then.checks) > 20
    assert 0 < result.now.score == result.then.score < 25
    evidence = {check.id: check.evidence for check in result.then.checks}
    assert {check.id: check.evidence for check in result.now.checks} == evidence  # the very same random numbers


def test_a_grade_that_was_changed_afterwards_is_found(graded: Path, tmp_path: Path) -> None:
    data = json.loads(graded.read_text())
    forged = next(check for check in data["checks"] if check["status"] == "failed")
    forged |= {"status": "passed", "points": forged["max_points"]}
    (tmp_path / "verdict.json").write_text(json.dumps(data))
    done = CliRunner().invoke(app, ["replay", str(tmp_path / "verdict.json"), str(SAMPLES / "two_mistakes")])
    assert done.exit_code == 1
    assert "Judged otherwise" in done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize(
    ("forge", "what"),
    [
        (lambda data: data["notices"].append({"kind": "x", "message": "", "deduction": 2.0}), "deductions"),
        (lambda data: data.update(rule="tiers", tiers=[50.0, 48.0]), "how points are summed"),
    ],
)
def test_a_score_that_was_changed_in_another_way_is_found_too(graded: Path, tmp_path: Path, forge, what: str) -> None:
    data = json.loads(graded.read_text())
    forge(data)
    (tmp_path / "verdict.json").write_text(json.dumps(data))
    assert [d.what for d in replay(tmp_path / "verdict.json", SAMPLES / "two_mistakes").differences] == [what]


def test_a_check_that_stands_twice_is_no_verdict(graded: Path, tmp_path: Path) -> None:
    data = json.loads(graded.read_text())
    data["checks"].append(data["checks"][0])
    (tmp_path / "verdict.json").write_text(json.dumps(data))
    with pytest.raises(UserError, match="is not a verdict of this version"):
        replay(tmp_path / "verdict.json", SAMPLES / "two_mistakes")


def test_a_verdict_of_one_task_is_replayed_as_one(tmp_path: Path, sandbox: Sandbox) -> None:
    options = Options(train=False, task="1-4", hints="none")
    grade_one(SAMPLES / "two_mistakes", load_manifest("swiss_roll"), options, tmp_path, sandbox, quiet=True)
    result = replay(tmp_path / "verdict.json", SAMPLES / "two_mistakes")
    assert (result.compared, result.differences) == (5, ())


def test_another_submission_is_refused(graded: Path) -> None:
    with pytest.raises(UserError, match="passes_all is not the submission of this verdict"):
        replay(graded, SAMPLES / "passes_all")


def test_another_secret_is_refused(graded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGRADER_SECRET", "the secret of somebody else")
    with pytest.raises(UserError, match="not the one that the verdict was made with"):
        replay(graded, SAMPLES / "two_mistakes")


@pytest.mark.parametrize("content", ["", "{}", "[1]", "not JSON"])
def test_what_is_no_verdict_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text(content)
    with pytest.raises(UserError, match=r"is not a verdict of this version"):
        replay(tmp_path / "verdict.json", SAMPLES / "passes_all")


def test_a_submission_that_could_not_be_read_has_nothing_to_replay(tmp_path: Path) -> None:
    grade_one(SAMPLES / "corrupt_zip.zip", load_manifest("swiss_roll"), Options(), tmp_path, quiet=True)
    with pytest.raises(UserError, match="nothing to replay"):
        replay(tmp_path / "verdict.json", SAMPLES / "corrupt_zip.zip")
