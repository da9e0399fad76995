"""Students' wrong regions, and what the diagnosis names: the right mistakes, or nothing."""


import pytest

from autograder.grading.diagnosis import Diagnosis, Probe
from autograder.grading.mutants import Variant, apply_variant
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import without_measurements
from autograder.manifest import load_manifest
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student
from tests.diagnosis_cases import CASES, Case

MANIFEST = load_manifest("swiss_roll")
SAMPLE = CASES[::7]  # that `make test` tries; the proof tries all


def found_in(case: Case, lane: Lane) -> Diagnosis | None:
    student = Student(lane, apply_variant(MANIFEST, Variant(case.id, "", {case.region: case.body})), MANIFEST.limits)
    checks = [check for check in load_rubric(MANIFEST) if case.region in check.regions]
    probe = Probe(MANIFEST, lane, frozenset(checks[0].regions))
    try:
        return probe.explain(checks[0].mark.region, probe.look_at(student, checks))
    finally:
        probe.mutant.fresh()


@pytest.mark.slow
@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.id)
def test_a_wrong_region_is_explained_by_its_own_mistakes_or_not_at_all(case: Case, lane: Lane) -> None:
    """Of two that cannot be told apart both are told, and one must be right."""
    found = found_in(case, lane)
    told = frozenset((*found.ids, *found.alternatives)) if found else frozenset()
    if found and found.alternatives:
        assert case.named <= told, found
        assert len(told) == 2, found
    else:
        assert told == case.named, found


@pytest.mark.proof
@pytest.mark.parametrize("case", [case for case in CASES if case not in SAMPLE], ids=lambda case: case.id)
def test_so_is_every_other(case: Case, lane: Lane) -> None:
    test_a_wrong_region_is_explained_by_its_own_mistakes_or_not_at_all(case, lane)


def test_there_are_enough_cases_of_both_kinds() -> None:
    named = [case for case in CASES if case.named]
    assert len(named) >= 100
    assert len(CASES) - len(named) >= 18
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("It must be 0.1300; yours is -0.0021, 1.5 times as much.", "It must be #; yours is #, # as much."),
        ("yours took 3 steps: 2, 1, 0 (as in DDIM).", "yours took 3 steps: 2, 1, 0."),
        ("It must have shape (4, 2); yours has (4,).", "It must have shape (4, 2); yours has (4,)."),
        ("It must be a tensor; your code returned None (is there a `return`?).", "It must be a tensor; your code returned None."),
        ("It must be finite; yours holds NaN values (3 of 4).", ""),
        ("It must be finite; yours holds infinite values (3 of 4).", ""),
    ],
)
def test_the_line_of_a_failure_is_its_message_without_what_was_measured(message: str, line: str) -> None:
    assert without_measurements(message) == line
