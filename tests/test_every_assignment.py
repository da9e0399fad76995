"""All assignments that exist hold what every assignment must hold; a new one is held to it by lying there."""

from pathlib import Path

import pytest

from autograder.manifest import assignment_ids, load_manifest
from autograder.sandbox.launcher import Sandbox
from tests.bulk import bulk
from tests.promises import (
    PROMISES,
    Promise,
    a_class_is_graded,
    a_sample_of_mistakes_and_right_variants_validates,
    the_numbers_of_the_visible_checks_are_current,
)

LONG = {promise.__name__ for promise in (a_class_is_graded, the_numbers_of_the_visible_checks_are_current)}
HELD = [promise for promise in PROMISES if promise is not a_sample_of_mistakes_and_right_variants_validates]  # all of them: test_validate.py


@pytest.mark.slow
@pytest.mark.parametrize("promise", bulk(HELD, kept={p.__name__ for p in HELD} - LONG, name=lambda p: p.__name__))
@pytest.mark.parametrize("identifier", assignment_ids())
def test_every_assignment_holds(identifier: str, promise: Promise, sandbox: Sandbox, tmp_path: Path):
    """The long ones, such as a class, are held in `make test` by the toy (test_toy.py), and by all in `make proof`."""
    promise(load_manifest(identifier), sandbox, tmp_path)
