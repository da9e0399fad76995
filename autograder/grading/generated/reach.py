"""Which checks can depend on a region: those that run it. Every region of the right version says so when it runs, by a line that it prints."""

from dataclasses import dataclass, replace

from autograder.errors import UserError
from autograder.grading.generated.drawing import right_texts
from autograder.grading.mutants import right_files
from autograder.grading.prepare import prepare_files
from autograder.grading.rubric import Check, judged_checks
from autograder.grading.runner import Judgement, run_check
from autograder.limits import Limits
from autograder.manifest import Manifest
from autograder.markers import find_region, regions, replace_solution, strip_markers
from autograder.regions import file_of, path_of
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student
from autograder.submission.devices import on_cpu
from autograder.submission.intake import Submission

DIGEST = "generated"  # of all mutants, so that all get the same secret numbers as the right version
REACHED = "a region has been reached: "
# A module of the worker. Its call, put before the body of every region, brings no text into a function, of which some interfaces read the texts.
# Said once in a worker, so that a loop does not fill what is kept of printed text.
TELLER = "regions_reached"
_TELLER = """\
import os
REGIONS = {regions!r}
said = set()
def say(number):
    if number not in said:
        said.add(number)
        os.write(1, ({reached!r} + REGIONS[number] + chr(10)).encode())
"""
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


@dataclass(frozen=True)
class Coverage:
    """What all checks run of one right version. `telling`: its files, in which every region says that it has been reached."""

    files: dict[str, bytes]
    telling: dict[str, bytes]
    reached: dict[str, frozenset[str]]  # by check
    slowest: float  # check, in seconds


_coverage: dict[tuple[str, str], Coverage] = {}  # of this process


def find_reach(manifest: Manifest, lane: Lane, variant: str, region: str) -> Reach:
    """The checks that run a region of a right version. Raises UserError where one fails there."""
    key = (manifest.id, variant)
    if key not in _coverage:
        _coverage[key] = _cover(manifest, lane, variant)
    found = _coverage[key]
    checks = tuple(c for c in behaviour(manifest) if region in c.regions or region in found.reached[c.id])
    own = frozenset(check.id for check in checks if region in check.regions)
    student = Student(lane, found.telling, manifest.limits)
    carried = frozenset(c.id for c in checks if c.id not in own and region in _run(manifest, c, student, frozenset({region}))[1])
    student.fresh()
    allowed = max(SHORTEST_CALL, TIMES_THE_SLOWEST * found.slowest)
    limits = replace(manifest.limits, seconds_per_call=allowed, seconds_per_check=2 * allowed)
    return Reach(region, checks, own, carried, found.files, limits)


def behaviour(manifest: Manifest) -> list[Check]:
    checks = judged_checks(manifest, manifest.profile(None))
    return [check for check in checks if manifest.task(check.mark.task).kind == "behaviour"]


def _cover(manifest: Manifest, lane: Lane, variant: str) -> Coverage:
    files = prepare_files(manifest, Submission(variant, right_files(manifest, variant), DIGEST))[0]
    telling = on_cpu({name: _telling(text, manifest, name).encode() for name, text in right_texts(manifest.id, variant).items()})
    telling[f"{TELLER}.py"] = _TELLER.format(regions=[*manifest.regions], reached=REACHED).encode()
    student, reached, slowest = Student(lane, {**files, **telling}, manifest.limits), {}, 0.0
    for check in behaviour(manifest):
        judgement, reached[check.id] = _run(manifest, check, student)
        slowest = max(slowest, judgement.seconds)
        if judgement.status not in ("passed", "held"):
            raise UserError(f"{manifest.id}: {variant or 'the solution'} itself fails {check.id}, so its mutants tell nothing: {judgement.message}")
    student.fresh()
    return Coverage(files, {**files, **telling}, reached, slowest)


def _run(manifest: Manifest, check: Check, student: Student, wrong: frozenset[str] = frozenset()) -> tuple[Judgement, frozenset[str]]:
    """Run a check in a worker of its own. Returns the regions that said they were reached, too."""
    student.fresh()
    judgement = run_check(check, student, secret(0), DIGEST, wrong)
    return judgement, frozenset(region for region in manifest.regions if f"{REACHED}{region}\n" in f"{judgement.printed}\n")


def _telling(text: str, manifest: Manifest, name: str) -> str:
    """A file in which every region says that it has been reached, without markers."""
    for number, region in enumerate(manifest.regions):
        block = find_region(regions(text), path_of(region))
        if file_of(region) == name and block is not None:
            text = replace_solution(text, block.name, f"{TELLER}.say({number})\n{block.solution}", name)
    text, first = strip_markers(text, name), f"import {TELLER}\n"
    return text + first if "from __future__" in text else first + text
