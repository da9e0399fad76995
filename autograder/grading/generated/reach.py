"""Which checks can depend on a region: those that run it."""

from dataclasses import dataclass, replace
from pathlib import Path

from autograder.errors import UserError
from autograder.grading.coverage import Coverage, behaviour, cover, run_telling
from autograder.grading.rubric import Check
from autograder.limits import Limits
from autograder.manifest import Manifest
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student

DIGEST = "generated"  # of all mutants, so that all get the same secret numbers as the right version
SHORTEST_CALL, TIMES_THE_SLOWEST = 3.0, 5.0


@dataclass(frozen=True)
class Reach:
    """The checks that need a region, in the order of the rubric. `own` judge it; of the others, which run it, `carried` do so also where
    the reference could stand in for it.

    `files`: of the right version, as its worker gets them. `limits`: for mutants, short, but enough for what is as slow as the right version.
    """

    region: str
    checks: tuple[Check, ...]
    own: frozenset[str]
    carried: frozenset[str]
    files: dict[str, bytes]
    limits: Limits


def secret(number: int) -> bytes:
    return f"generated mutants, secret {number:08d}".encode()


_coverage: dict[tuple[Path, str], Coverage] = {}  # of this process, by the assignment's folder and the variant


def find_reach(manifest: Manifest, lane: Lane, variant: str, region: str) -> Reach:
    """The checks that run a region of a right version. Raises UserError where one fails there."""
    key = (manifest.home, variant)
    if key not in _coverage:
        _coverage[key] = cover(manifest, lane, variant, secret(0), DIGEST)
    found = _coverage[key]
    if wrong := found.judgements.keys() - found.right:
        first = found.judgements[min(wrong)].message
        raise UserError(f"{manifest.id}: {variant or 'the solution'} itself fails {min(wrong)}, so its mutants tell nothing: {first}")
    checks = tuple(c for c in behaviour(manifest) if region in c.regions or region in found.reached[c.id])
    own = frozenset(check.id for check in checks if region in check.regions)
    student = Student(lane, found.telling, manifest.limits)

    def runs_where_it_is_known_wrong(check: Check) -> bool:
        return region in run_telling(manifest, check, student, secret(0), DIGEST, frozenset({region}))[1]

    carried = frozenset(check.id for check in checks if check.id not in own and runs_where_it_is_known_wrong(check))
    student.fresh()
    allowed = max(SHORTEST_CALL, TIMES_THE_SLOWEST * found.slowest)
    limits = replace(manifest.limits, seconds_per_call=allowed, seconds_per_check=2 * allowed)
    return Reach(region, checks, own, carried, found.files, limits)
