"""The most memory that a submission's workers were seen to hold reaches the verdict."""

import dataclasses
import json

import pytest

from autograder.grading.mutants import solution_files
from autograder.grading.publishing import refused_verdict
from autograder.grading.session import Grading, Options
from autograder.limits import Limits
from autograder.manifest import load_manifest
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import Submission, digest_of
from autograder.verdict import Verdict

MANIFEST = load_manifest("swiss_roll")
HOLDS = b"import torch\nkept = torch.ones(50 << 20)  # 200 MB\n"


@pytest.mark.slow
def test_what_a_worker_holds_is_seen_and_forgotten_with_the_next_submission(sandbox: Sandbox) -> None:
    sandbox.most_used = 0
    with sandbox.lane() as lane:
        with lane.start({"hungry.py": HOLDS}, Limits()) as worker:
            worker.request("import", {"module": "hungry"}, seconds=20)
        assert 200 <= sandbox.most_used / 2**20 < 300
    files = {name: content for name, content in solution_files(MANIFEST).items() if name in MANIFEST.files.todo}
    submission = Submission("solution", files, digest_of(files))
    options = Options(task="1-1", train=False)
    frugal = Grading(MANIFEST, submission, options, sandbox, b"the secret of this test").run()
    assert 0 < frugal.peak_megabytes < 150
    files = {**files, "network.py": files["network.py"] + b"\n" + HOLDS}
    hungry = Grading(
        MANIFEST, dataclasses.replace(submission, files=files), options, sandbox, b"the secret of this test"
    ).run()
    assert 200 <= hungry.peak_megabytes < 400
    assert hungry.score == frugal.score == 5


def test_a_verdict_from_before_there_was_a_peak_still_loads() -> None:
    verdict = refused_verdict(MANIFEST, "some.zip", "It is empty.")
    data = json.loads(verdict.to_json())
    del data["peak_megabytes"]
    assert Verdict.from_json(json.dumps(data)) == verdict
