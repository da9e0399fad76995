"""Judging altered solutions by the checks of single regions, in one sandbox: for tests of the checks themselves."""

import functools
from collections.abc import Iterable, Mapping

from autograder.grading.mutants import Variant, apply_variant
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import Judgement, run_check
from autograder.manifest import load_manifest
from autograder.regions import parts_of, resolve, shortest
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student

SECRET, DIGEST = b"secret of the tests of checks", "checks"
DDPM, NETWORK = "ddpm.py:DiffusionModule", "network.py:SimpleNet"


def named(*regions: str, assignment: str = "swiss_roll") -> frozenset[str]:
    """The full names of regions; "SimpleNet" is two."""
    return frozenset(part for region in regions for part in _parts(region, assignment))


@functools.cache
def _parts(region: str, assignment: str) -> tuple[str, ...]:
    known = load_manifest(assignment).regions
    return parts_of(resolve(region, known, "test"), known)


def judge(
    lane: Lane,
    regions: Iterable[str],
    bodies: Mapping[str, str] | None = None,
    appended: str = "",
    assignment: str = "swiss_roll",
    file: str = "ddpm.py",
    secret: bytes = SECRET,
) -> dict[str, Judgement]:
    """What comes of every check of `regions` ("p_sample") for the solution with other bodies of regions, and code at the end of a file."""
    manifest = load_manifest(assignment)
    files = apply_variant(manifest, Variant("tried", "", bodies=dict(bodies or {})))
    files[file] += appended.encode()
    student = Student(lane, files, manifest.limits)
    judged = {}
    for check in load_rubric(manifest):
        if shortest(check.mark.region) in regions:
            judged[check.id] = run_check(check, student, secret, DIGEST)
            if judged[check.id].status != "passed":
                student.fresh()
    student.fresh()
    return judged


def passed(judged: Mapping[str, Judgement]) -> set[str]:
    """The names of the checks that passed, without their tasks."""
    return {name.partition(".")[2] for name, judgement in judged.items() if judgement.status == "passed"}


def messages(judged: Mapping[str, Judgement]) -> dict[str, str]:
    """What the student reads of the others, by the names of the checks."""
    return {name.partition(".")[2]: j.message for name, j in judged.items() if j.status != "passed"}
