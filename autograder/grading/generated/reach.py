"""Which checks can depend on a region: those that fail with a body in it that raises. What passes has never run it."""

from dataclasses import dataclass, replace

from autograder.errors import UserError
from autograder.grading.generated.drawing import right_files, right_texts
from autograder.grading.prepare import prepare_files
from autograder.grading.rubric import Check, judged_checks
from autograder.grading.runner import run_check
from autograder.limits import Limits
from autograder.manifest import Manifest
from autograder.markers import replace_solution, strip_markers
from autograder.regions import file_of, path_of
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student
from autograder.submission.intake import Submission

DIGEST = "generated"  # of all mutants, so that all get the same secret numbers as the right version
POISON = 'raise RuntimeError("this region has been reached")'
SHORTEST_CALL, TIMES_THE_SLOWEST = 3.0, 5.0


@dataclass(frozen=True)
class Reach:
    """The checks that need a region, in the order of the rubric. `own` judge it; of the others, which run it, `carried` do so also where
    the reference could stand in for it.

    `files`: of the right version, as its worker gets them. `limits`: for mutants, short, but enough for what is as slow as the right version.
    """

    checks: tuple[Check, ...]
    own: frozenset[str]
    carried: frozenset[str]
    files: dict[str, bytes]
    limits: Limits


def secret(number: int) -> bytes:
    return f"generated mutants, secret {number:08d}".encode()


def find_reach(manifest: Manifest, lane: Lane, variant: str, region: str) -> Reach:
    """Run all checks of behaviour with the region poisoned, those that fail with the right version. Raises UserError where one fails there."""
    files = prepare_files(manifest, Submission(variant, right_files(manifest, variant), DIGEST))[0]
    name = file_of(region)
    poisoned = strip_markers(replace_solution(right_texts(manifest.id, variant)[name], path_of(region), POISON, name), name)
    student = Student(lane, {**files, name: poisoned.encode()}, manifest.limits)
    checks, own, carried = [], set(), set()
    for check in behaviour(manifest):
        if region in check.regions:
            own.add(check.id)
            checks.append(check)
        elif fails(check, student):
            checks.append(check)
            if fails(check, student, frozenset({region})):
                carried.add(check.id)
    student.fresh()
    student, slowest = Student(lane, files, manifest.limits), 0.0
    for check in checks:
        judgement = run_check(check, student, secret(0), DIGEST)
        slowest = max(slowest, judgement.seconds)
        if judgement.status not in ("passed", "held"):
            raise UserError(f"{manifest.id}: {variant or 'the solution'} itself fails {check.id}, so its mutants tell nothing: {judgement.message}")
    student.fresh()
    allowed = max(SHORTEST_CALL, TIMES_THE_SLOWEST * slowest)
    limits = replace(manifest.limits, seconds_per_call=allowed, seconds_per_check=2 * allowed)
    return Reach(tuple(checks), frozenset(own), frozenset(carried), files, limits)


def behaviour(manifest: Manifest) -> list[Check]:
    checks = judged_checks(manifest, manifest.profile(None))
    return [check for check in checks if manifest.task(check.mark.task).kind == "behaviour"]


def fails(check: Check, student: Student, wrong: frozenset[str] = frozenset()) -> bool:
    judgement = run_check(check, student, secret(0), DIGEST, wrong)
    if judgement.status in ("passed", "held"):
        return False
    student.fresh()
    return True
