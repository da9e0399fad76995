"""The sample submissions of the other courses say what examples.toml promises; those of the Swiss roll are in test_bad_input.py."""

import re
from pathlib import Path

import pytest

from autograder.grading.session import Grading, Options
from autograder.manifest import load_manifest
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import read_submission
from tests.bulk import bulk
from tests.test_bad_input import make

EXAMPLES = {example.name: example for example in make.load_examples() if example.assignment not in ("swiss_roll", "image_diffusion")}


@pytest.mark.slow
@pytest.mark.parametrize("name", bulk(EXAMPLES, kept=[name for name in EXAMPLES if name != "guides_away_from_the_digit"]))
def test_example(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    example = EXAMPLES[name]
    manifest = load_manifest(example.assignment)
    submission = read_submission(make.SUBMISSIONS / name, manifest)
    verdict = Grading(manifest, submission, Options(train=False, hints="none"), sandbox, b"secret of a test").run()
    behaviour = {task.id: task.points for task in manifest.tasks if task.kind == "behaviour"}
    left_out = manifest.profile(None).leaves_out
    points = {task: sum(c.points for c in verdict.checks if c.task == task and c.id not in left_out) for task in behaviour}
    assert points == pytest.approx(behaviour | dict(example.points))
    lost = [check for check in verdict.checks if check.task in behaviour and check.status not in ("passed", "not_run")]
    if example.status:
        assert {check.status for check in lost} == {example.status}
    for sentence in example.says:
        assert any(re.search(sentence, check.message) for check in lost), (sentence, [check.message for check in lost])
    assert all("Traceback" not in check.message and check.message.endswith(".") for check in lost)
