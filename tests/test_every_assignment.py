"""All assignments that exist hold what every assignment must hold; a new one is held to it by lying there."""

from pathlib import Path

import pytest

from autograder.manifest import assignment_ids, load_manifest
from autograder.sandbox.launcher import Sandbox
from tests.promises import PROMISES, Promise


@pytest.mark.slow
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("identifier", assignment_ids())
def test_every_assignment_holds(identifier: str, promise: Promise, sandbox: Sandbox, tmp_path: Path):
    promise(load_manifest(identifier), sandbox, tmp_path)
