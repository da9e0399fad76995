"""What a Dask worker does: look at a submission, judge it, judge a part of it again."""

import contextlib
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.engine import plugin
from autograder.classroom.ledger import Line
from autograder.classroom.regions import Region, regions_of
from autograder.errors import UserError
from autograder.grading.publishing import refused_verdict
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import Judgement
from autograder.grading.seeds import commitment
from autograder.grading.session import Grading, Options
from autograder.manifest import Manifest, load_manifest
from autograder.sandbox.launcher import Sandbox
from autograder.submission.bounded import bounded
from autograder.submission.intake import Submission, read_submission
from autograder.verdict import Figure, Notice, Verdict

ATTEMPTS = 2  # the second in a fresh sandbox


@dataclass(frozen=True)
class Job:
    """One submission, and how to grade it. `digest`: of what is to be judged, "" as long as it is not known. `task`, `before`: judge this task
    again, after a verdict of everything."""

    path: Path
    name: str
    assignment: str
    options: Options
    secret: bytes
    digest: str = ""
    task: str = ""
    before: Line | None = None


@dataclass(frozen=True)
class Seen:
    """What reading a submission shows. `refused`: the verdict of one that cannot be read; else `notices` are those of this hand-in, and
    `regions` is its code."""

    digest: str = ""
    seeds: str = ""
    notices: tuple[Notice, ...] = ()
    regions: tuple[Region, ...] = ()
    refused: Verdict | None = None


@dataclass(frozen=True)
class Judged:
    """What judging gives. `later`: the notices that judging added. `trouble`: why there is no verdict, "" when there is one."""

    verdict: Verdict
    later: tuple[Notice, ...] = ()
    figures: tuple[Figure, ...] = ()
    trouble: str = ""


def look(job: Job) -> Seen:
    """Read a submission, run nothing."""
    manifest = load_manifest(job.assignment)
    try:
        submission = read_submission(job.path, manifest)
        grading = Grading(manifest, submission, job.options, Sandbox(), job.secret)  # the sandbox is not started
        regions: tuple[Region, ...] = ()
        with contextlib.suppress(Exception):  # code that is not compared with others costs nobody a grade
            regions = bounded(submission.name, tuple[Region, ...], regions_of, submission.files, manifest)
        return Seen(submission.digest, commitment(job.secret, submission.digest), grading.notices, regions)
    except UserError as error:
        return Seen(refused=refused_verdict(manifest, job.name, str(error), job.options.profile))
    except Exception as error:  # a fault of the grader's must not cost the class
        return Seen(refused=failed_verdict(manifest, job, f"{type(error).__name__}: {error}"))


def judge(job: Job) -> Judged:
    """Judge a submission. Whatever the grader does wrong becomes `trouble`; an isolation that is required and missing is raised."""
    manifest = load_manifest(job.assignment)
    trouble = ""
    for _ in range(ATTEMPTS):
        sandbox = plugin().sandbox()
        try:
            submission = read_submission(job.path, manifest)
            if submission.digest != job.digest:
                raise UserError("The submission was changed while the class was graded.")
            if job.before is not None:
                return _judge_again(manifest, submission, job, job.before, sandbox)
            grading = Grading(manifest, submission, job.options, sandbox, job.secret)
            verdict = grading.run()
            return Judged(verdict, verdict.notices[len(grading.notices) :], tuple(grading.figures))
        except Exception as error:  # whatever it is, it must not cost the class
            trouble = f"{type(error).__name__}: {error}"
            plugin().renew()
    return Judged(failed_verdict(manifest, job, trouble), trouble=trouble)


def failed_verdict(manifest: Manifest, job: Job, trouble: str) -> Verdict:
    """The verdict of a submission that the grader could not judge: nothing is awarded, and staff are told why."""
    empty = refused_verdict(manifest, job.name, "", job.options.profile)
    message = "The grader itself failed on this submission; the staff have been told."
    checks = tuple(dataclasses.replace(check, status="grader_error", message=message) for check in empty.checks)
    note = Notice("staff", f"The grader gave no verdict: {trouble}. Grade it by itself with `autograder grade`.")
    return dataclasses.replace(empty, state="complete", checks=checks, notices=(note,), digest=job.digest)


def _judge_again(manifest: Manifest, submission: Submission, job: Job, line: Line, sandbox: Sandbox) -> Judged:
    """Judge one task with the checks as they are now, and put its results in the place of the old ones.

    What earlier checks found wrong is taken from the old verdict, so that errors carry forward as they did. When this changes which regions
    are wrong, the tasks that need this one are judged again too.
    """
    waiting, done, figures = [job.task], set[str](), list[Figure]()
    later = list(line.verdict.notices[line.own_notices :])
    verdict = _with_rubric(manifest, line.verdict)
    peak = 0.0
    while waiting:
        task = waiting.pop(0)
        done.add(task)
        wrong = _wrong(manifest, verdict, task)
        options = dataclasses.replace(job.options, task=task)
        judged = _as_judged(manifest, verdict, task)
        grading = Grading(manifest, submission, options, sandbox, job.secret, judged=judged)
        fresh = grading.run()
        for check in fresh.checks:
            if check.task == task:
                verdict = verdict.with_check(check)
        figures += grading.figures
        if manifest.task(task).kind == "outcome":  # whose notices they are
            later = list(fresh.notices[len(grading.notices) :])
            verdict = dataclasses.replace(verdict, outcome=fresh.outcome)
        peak = max(peak, fresh.peak_megabytes)
        if _wrong(manifest, verdict, task) != wrong:
            needing = [one.id for one in manifest.tasks if task in one.needs and _judged(verdict, one.id)]
            waiting += [one for one in needing if one not in done and one not in waiting]
    verdict = dataclasses.replace(verdict, environment=fresh.environment, started=fresh.started, peak_megabytes=peak)
    return Judged(verdict, tuple(later), tuple(figures))


def _with_rubric(manifest: Manifest, before: Verdict) -> Verdict:
    """The old results under the checks that the rubric has now; a check that is new is not run yet."""
    old = {check.id: check for check in before.checks}
    empty = refused_verdict(manifest, before.submission, "", before.profile)
    checks = [
        dataclasses.replace(old[c.id], max_points=c.max_points, title=c.title) if c.id in old else c
        for c in empty.checks
    ]
    return dataclasses.replace(before, checks=tuple(checks), tasks=empty.tasks, rule=empty.rule, tiers=empty.tiers)


def _as_judged(manifest: Manifest, verdict: Verdict, task: str) -> list:
    """The checks that stand before those of `task` in the rubric, as they were judged."""
    results = {check.id: check for check in verdict.checks}
    earlier = []
    for check in load_rubric(manifest):
        if check.mark.task == task:
            break
        result = results.get(check.id)
        if result is not None and result.status != "not_run":
            earlier.append((check, Judgement(result.status, result.message, "untouched", shows_work=result.shows_work)))
    return earlier


def _wrong(manifest: Manifest, verdict: Verdict, task: str) -> set[tuple[str, bool]]:
    """The regions in which a check of the task failed, and whether a check has seen work in them."""
    regions = {check.id: check.mark.region for check in load_rubric(manifest)}
    checks = [check for check in verdict.checks if check.task == task]
    failed = {regions[check.id] for check in checks if check.status in ("failed", "broken")}
    working = {regions[check.id] for check in checks if check.shows_work}
    return {(region, region in working) for region in failed}


def _judged(verdict: Verdict, task: str) -> bool:
    return any(check.status != "not_run" for check in verdict.checks if check.task == task)
