"""An assignment of another shape holds what every assignment must hold: free functions, two files of one name in folders, a network of
three arguments, no tensors, no data of any shape, no leaderboard, no packages, no notebook.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.grading.judging import Judging
from autograder.grading.mutants import solution_files
from autograder.grading.rubric import Check, load_rubric
from autograder.grading.runner import Judgement
from autograder.grading.session import Grading, Options
from autograder.manifest import Manifest, load_manifest
from autograder.release.command import release
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import Submission
from tests.courses import courses_in
from tests.promises import PROMISES, Promise

TOY = Path(__file__).with_name("toy")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manifest]:
    """The assignment in a folder of its own, released."""
    root = tmp_path_factory.mktemp("courses")
    shutil.copytree(TOY, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    with courses_in(root):
        assert release("toy") == 0
        yield load_manifest("toy")


@pytest.mark.slow
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_the_toy_holds(toy: Manifest, promise: Promise, sandbox: Sandbox, tmp_path: Path):
    promise(toy, sandbox, tmp_path)


def test_a_check_around_which_the_grader_fails_says_so(toy: Manifest, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    """Else pytest would take the error, and the check would be lost without a word."""
    failing, judge = load_rubric(toy)[0].id, Judging.judge

    def fails_once(self: Judging, check: Check) -> Judgement:
        if check.id == failing:
            raise FileNotFoundError("a file of the grader's")
        return judge(self, check)

    monkeypatch.setattr(Judging, "judge", fails_once)
    submission = Submission(name="toy", files=solution_files(toy), digest="toy")
    verdict = Grading(toy, submission, Options(train=False, hints="none"), sandbox, b"secret").run()
    found = {check.id: check for check in verdict.checks}
    assert found[failing].status == "grader_error"
    assert "The grader itself failed" in found[failing].message
    behaviour = [check for check in verdict.checks if check.id != failing and toy.task(check.task).kind == "behaviour"]
    assert all(check.status == "passed" for check in behaviour)
