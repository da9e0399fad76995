"""What becomes of one mutant: which tasks lose points, and where none does, whether it is equal to the right version."""

import dataclasses
import time
from dataclasses import dataclass
from typing import Literal

from autograder.grading.generated.accepted import Accepted, accepted
from autograder.grading.generated.drawing import Mutant
from autograder.grading.generated.equality import Comparison
from autograder.grading.generated.reach import DIGEST, Reach, find_reach, secret
from autograder.grading.judging import Judging
from autograder.grading.mutants import right_files
from autograder.grading.obstacles import Obstacles
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement
from autograder.grading.standing import Standing
from autograder.manifest import Manifest, load_manifest
from autograder.regions import file_of, module_of
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Student
from autograder.submission.comparison import Regions
from autograder.submission.devices import on_cpu
from autograder.submission.intake import Submission
from autograder.verdict import Notice

Kind = Literal[
    "killed", "also elsewhere", "only elsewhere", "does not import", "equal", "equal in law", "equal where answered", "accepted",
    "survivor", "grader failed",
]  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Mutants of one region of one right version, judged one after the other."""

    assignment: str
    variant: str
    region: str
    mutants: tuple[Mutant, ...]


@dataclass(frozen=True)
class Outcome:
    """`lost`: the tasks that lost points. `message`: of the first check that failed, or how the right version was compared."""

    mutant: Mutant
    kind: Kind
    lost: tuple[str, ...] = ()
    message: str = ""
    seconds: float = 0.0


def perform(sandbox: Sandbox, batch: Batch) -> list[Outcome]:
    """Judge the mutants of a batch. Nothing of them runs outside of the sandbox."""
    manifest = load_manifest(batch.assignment)
    known = accepted(manifest)
    files = right_files(manifest, batch.variant)  # so that what they import, and takes long, is imported once
    with sandbox.lane(files) as lane, sandbox.lane(files) as beside:
        reach = find_reach(manifest, lane, batch.variant, batch.region)
        comparison = Comparison(reach, beside, lane)
        outcomes = []
        for mutant in batch.mutants:
            started = time.monotonic()
            outcome = _outcome(manifest, lane, reach, comparison, mutant, known)
            outcomes.append(dataclasses.replace(outcome, seconds=time.monotonic() - started))
        comparison.close()
    return outcomes


def _outcome(
    manifest: Manifest, lane: Lane, reach: Reach, comparison: Comparison, mutant: Mutant, known: tuple[Accepted, ...]
) -> Outcome:
    files = {**reach.files, **on_cpu({file_of(mutant.region): mutant.text.encode()})}
    judged = judge(manifest, lane, reach, mutant, files)
    failed = [(check, judgement) for check, judgement in judged if judgement.status in ("failed", "broken")]
    errors = [f"{check.id}: {judgement.message}" for check, judgement in judged if judgement.status == "grader_error"]
    if errors:
        return Outcome(mutant, "grader failed", message=errors[0])
    if failed:
        lost = tuple(sorted({check.mark.task for check, _ in failed}))
        own = {task.id for task in manifest.tasks if mutant.region in task.judged}
        kind: Kind = "only elsewhere" if own.isdisjoint(lost) else "killed" if own.issuperset(lost) else "also elsewhere"
        if kind != "killed" and not _imports(lane, reach, mutant, files):
            kind = "does not import"
        return Outcome(mutant, kind, lost, "; ".join(f"{check.id}: {judgement.message}" for check, judgement in failed))
    if any(one.covers(mutant) for one in known):
        return Outcome(mutant, "accepted")
    how, said = comparison.of(files)
    return Outcome(mutant, how, (), said)


def _imports(lane: Lane, reach: Reach, mutant: Mutant, files: dict[str, bytes]) -> bool:
    """Whether the changed file can be imported."""
    student = Student(lane, files, reach.limits)
    try:
        student.module(module_of(file_of(mutant.region)))
        return True
    except StudentFailure:
        return False
    finally:
        student.fresh()


def judge(manifest: Manifest, lane: Lane, reach: Reach, mutant: Mutant, files: dict[str, bytes]) -> list[tuple[Check, Judgement]]:
    """The checks that can depend on the region, in the order of the rubric, as in a grading; once a check of the region has failed, only
    those of other tasks that run it all the same.
    """
    submission, nothing = Submission(mutant.id, files, DIGEST), Regions(frozenset(), frozenset())
    standing = Standing(dataclasses.replace(manifest, limits=reach.limits), "sum", frozenset(), {})
    student = Student(lane, files, reach.limits)
    quiet: list[Notice] = []
    judging = Judging(standing, Obstacles(submission, nothing, {}, standing), student, secret(0), DIGEST, None, quiet.append)
    killed = False
    for check in reach.checks:
        if killed and (check.id in reach.own or check.id not in reach.carried):
            continue
        judgement = judging.judge(check)
        killed = killed or (check.id in reach.own and judgement.status in ("failed", "broken"))
    student.fresh()
    lane.clocks = ()
    return standing.judged
