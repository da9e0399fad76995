"""Every hostile submission of attacks.py, run for real: it gains nothing, learns nothing and harms nobody."""

import itertools
from collections.abc import Iterator

import pytest

from autograder.sandbox.launcher import Sandbox
from tests.bulk import bulk

from .attacks import ATTACKS, Attack
from .trial import Range, prepared

HONEST_POINTS = 25.0
EVERY = 10  # attacks between two honest submissions


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Range]:
    with prepared(tmp_path_factory.mktemp("red_team"), Sandbox()) as found:
        yield found


@pytest.fixture(scope="module")
def count() -> Iterator[int]:
    return itertools.count(1)


def test_every_attack_has_a_name_of_its_own() -> None:
    assert len({attack.id for attack in ATTACKS}) == len(ATTACKS) >= 60


KEPT = [
    "results-forged", "frames-searched", "solution-read-from-disk", "memory-of-the-lane-read", "torch-comparisons-patched",
    "worker-answers-replaced", "modules-that-stand-in", "system-exit", "killed-by-itself", "fork-bomb", "memory-bomb", "large-file",
    "daemons-left-behind", "connection-opened", "root-again", "answers-forged", "network-called-without-end", "grader-detected",
    "pickle-returned", "escape-sequences", "stub-imitated", "todo-marks-moved", "rows-without-columns", "files-of-others-locked",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("attack", bulk(ATTACKS, kept=KEPT, name=lambda attack: attack.id))
def test_attack_gains_nothing(attack: Attack, surroundings: Range, count: Iterator[int]) -> None:
    """One of each kind; all in `make proof`."""
    if not surroundings.stopped_here(attack):
        pytest.skip(f"only the layer {attack.needs!r} stops it, which this machine does not reach")
    assert surroundings.attempt(attack).problems == ()
    if next(count) % EVERY == 0:
        assert surroundings.grade_honest() == HONEST_POINTS


@pytest.mark.slow
def test_the_grader_is_alive_after_all_of_them(surroundings: Range) -> None:
    assert surroundings.grade_honest() == HONEST_POINTS
