"""`autograder validate`: grade the grader. Every misconception must be caught, in its task only, with the right
diagnosis; every variant must get full marks.

A check that runs nothing of the regions that a version changes judges the very code of the solution, and is not run again: its judgement is the
solution's, with the same secret numbers. The first mistake of every region is judged by all checks, and so is a variant that changes more than
bodies of regions.

The statistical checks are repeated over many secrets for every variant and the solution: none may ever fail.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from autograder.grading.coverage import Coverage, cover
from autograder.grading.diagnosis import diagnose, known_about
from autograder.grading.mutants import (
    apply_misconceptions,
    combinations,
    misconceptions,
    right_files,
    variants,
    without_given,
)
from autograder.grading.pairs import Version
from autograder.grading.pool import run_jobs
from autograder.grading.prepare import prepare_files
from autograder.grading.rubric import Check, load_rubric
from autograder.grading.runner import Judgement, run_check
from autograder.grading.session import Grading, Options
from autograder.grading.told_apart import confused_regions
from autograder.manifest import Manifest, load_manifest
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Student
from autograder.submission.intake import Submission

SEEDS_A_JOB = 10
DIGEST = "validation"


@dataclass(frozen=True)
class Job:
    """`ids`: of misconceptions that are made together, or of one variant ("" for the solution). `seeds`: for repeated
    statistical checks. `by_all_checks`: also by those that run nothing of what is changed.
    """

    assignment: str
    kind: Literal["misconception", "variant", "seeds"]
    ids: tuple[str, ...]
    seeds: tuple[int, ...] = ()
    by_all_checks: bool = False


@dataclass
class Finding:
    """What came of a job. `lost`: the tasks that lost points. `diagnosed`: identifiers that each diagnosis allows."""

    lost: tuple[str, ...] = ()
    first_message: str = ""
    diagnosed: tuple[tuple[str, ...], ...] = ()
    failures: tuple[str, ...] = ()  # "check at seed: message"
    runs: int = 0
    grader_errors: tuple[str, ...] = ()
    without_work: frozenset[str] = frozenset()  # wrong regions that show no work of their own
    judgements: dict[str, Judgement] = field(default_factory=dict)  # by check
    lost_regions: frozenset[str] = frozenset()  # that the checks with lost points judge


@dataclass
class Report:
    """All findings, and whether the grader may ship."""

    misconceptions: list[tuple[Job, Finding]] = field(default_factory=list)
    variants: list[tuple[Job, Finding]] = field(default_factory=list)
    seeds: list[tuple[Job, Finding]] = field(default_factory=list)
    confused: list[str] = field(default_factory=list)  # regions that are not told apart, a sentence each
    seconds: float = 0.0

    @property
    def falls_short(self) -> list[str]:
        """Why the grader may not ship, a sentence each; a wrong diagnosis in up to 5 % is allowed."""
        problems = [*self.confused]
        for job, finding in self.misconceptions:
            name, expected = " + ".join(job.ids), expected_tasks(job)
            problems += [f"{name}: the grader failed in {error}" for error in finding.grader_errors]
            if not finding.lost:
                problems.append(f"{name} is not caught.")
            elif set(finding.lost) != expected:
                problems.append(f"{name} must cost {', '.join(sorted(expected))} and costs {', '.join(finding.lost)}.")
            alone = len(job.ids) == 1  # of several together one may hide another
            if alone and finding.lost_regions and (unseen := sorted(regions_changed(job) - finding.lost_regions)):
                elsewhere = ", ".join(sorted(finding.lost_regions))
                problems.append(f"{name} is in {', '.join(unseen)}, and costs points only in checks of {elsewhere}.")
            if idle := sorted(finding.without_work - regions_of_no_work(job)):
                problems.append(
                    f"{name}: {', '.join(idle)} shows no work of its own, so that the mistake costs the outcome too."
                )
        wrong = [job for job, finding in self.misconceptions if not diagnosis_is_right(job, finding)]
        if len(wrong) > 0.05 * len(self.misconceptions):
            problems.append(f"{len(wrong)} of {len(self.misconceptions)} diagnoses are wrong, more than 5 %.")
        for job, finding in self.variants:
            problems += [
                f"{job.ids[0] or 'the solution'}: the grader failed in {error}" for error in finding.grader_errors
            ]
            if finding.lost:
                problems.append(
                    f"The right variant {job.ids[0] or 'solution'} loses points in {', '.join(finding.lost)}: {finding.first_message}"
                )
        for job, finding in self.seeds:
            problems += [
                f"The right variant {job.ids[0] or 'solution'} fails {failure}" for failure in finding.failures
            ]
        return problems


def expected_tasks(job: Job) -> set[str]:
    by_id = {m.id: m for m in misconceptions(load_manifest(job.assignment))}
    return {by_id[name].task for name in job.ids}


def regions_changed(job: Job) -> set[str]:
    """The regions that the mistakes of a job are in."""
    return {m.region for m in misconceptions(load_manifest(job.assignment)) if m.id in job.ids}


def regions_of_no_work(job: Job) -> set[str]:
    """The regions in which a mistake of the job leaves no work, and those that are judged together with them."""
    manifest = load_manifest(job.assignment)
    idle = {m.region for m in misconceptions(manifest) if m.id in job.ids and m.is_no_work}
    return idle | {region for check in load_rubric(manifest) if idle & {*check.regions} for region in check.regions}


def diagnosis_is_right(job: Job, finding: Finding) -> bool:
    """Every mistake is named, or cannot be told apart from one that is."""
    named = {name for names in finding.diagnosed for name in names}
    return set(job.ids) <= named


def perform(sandbox: Sandbox, job: Job) -> Finding:
    """Grade one submission as any other; all get the same secret numbers, so that a diagnosis can look up what each
    mistake gives.
    """
    manifest = load_manifest(job.assignment)
    if job.kind == "seeds":
        return _repeat(sandbox, manifest, job)
    submission = Submission(name=" + ".join(job.ids) or "solution", files=_files(manifest, job), digest=DIGEST)
    hints = "what" if len(job.ids) > 1 else "none"
    options, known = Options(train=False, hints=hints), {} if job.by_all_checks else _unconcerned(sandbox, manifest, job)
    grading = Grading(manifest, submission, options, sandbox, _secret(0), known=known)
    verdict = grading.run()
    lost = [check for check in verdict.checks if check.status in ("failed", "broken")]
    names = {check.id for check in lost}
    return Finding(
        tuple(sorted({check.task for check in lost})),
        lost[0].message if lost else "",
        tuple((*diagnosis.ids, *diagnosis.alternatives) for diagnosis in grading.diagnoses.values()),
        grader_errors=tuple(
            f"{check.id}: {check.message}" for check in verdict.checks if check.status == "grader_error"
        ),
        without_work=grading.without_work(),
        judgements={check.id: judgement for check, judgement in grading.judged},
        lost_regions=frozenset(region for check, _ in grading.judged if check.id in names for region in check.regions),
    )


_coverage: dict[Path, Coverage] = {}  # of the solutions, in this process, by the assignment's folder


def _unconcerned(sandbox: Sandbox, manifest: Manifest, job: Job) -> dict[str, Judgement]:
    """The solution's judgements by the checks that neither judge nor run a region that the job changes."""
    changed = _changed(manifest, job)
    if changed is None:
        return {}
    if manifest.home not in _coverage:
        with sandbox.lane() as lane:
            _coverage[manifest.home] = cover(manifest, lane, "", _secret(0), DIGEST)
    found, regions = _coverage[manifest.home], {check.id: check.regions for check in load_rubric(manifest)}
    return {name: judgement for name, judgement in found.right.items() if changed.isdisjoint(found.reached[name] | {*regions[name]})}


def _changed(manifest: Manifest, job: Job) -> set[str] | None:
    """The regions whose bodies are all that a job changes; None where it changes more."""
    if job.kind == "misconception":
        return regions_changed(job)
    variant = next((variant for variant in variants(manifest) if variant.id == job.ids[0]), None)
    return None if variant is None or variant.edits or variant.files else set(variant.bodies)


def _diagnose_singles(manifest: Manifest, report: Report) -> None:
    """The diagnosis of every single mistake, from the judgements of all of them, and of the solution, on the same inputs."""
    judgements = {job.ids: finding.judgements for job, finding in report.misconceptions}
    solution = next((finding.judgements for job, finding in report.variants if job.ids == ("",)), {})
    by_id = {m.id: m for m in misconceptions(manifest)}
    checks = {check.id: check for check in load_rubric(manifest)}

    def judge_mutant(version: Version, check: Check) -> Judgement | None:
        found = judgements.get(tuple(m.id for m in version), {}) if version else solution
        return found.get(check.id)

    for job, finding in report.misconceptions:
        if len(job.ids) > 1:
            continue
        changed, finding.diagnosed = by_id[job.ids[0]].region, ()
        found = [(checks[name], judgement) for name, judgement in finding.judgements.items() if changed in checks[name].regions]
        for region in dict.fromkeys(check.mark.region for check, _ in found):
            judged = [(check, judgement) for check, judgement in found if check.mark.region == region]
            if diagnosis := diagnose(judged, known_about(manifest, region), judge_mutant, pairs=False):
                finding.diagnosed += ((*diagnosis.ids, *diagnosis.alternatives),)


def repeated_checks(manifest: Manifest, variant: str) -> list[Check]:
    """The checks of behaviour with randomness in their verdict, of the tasks that a variant ("" for the solution) changes, and of those
    that need them. In the others it runs the very code of the solution, which is repeated once for all.
    """
    random = [
        c for c in load_rubric(manifest) if c.mark.false_fail > 0 and manifest.task(c.mark.task).kind == "behaviour"
    ]
    chosen = next((v for v in variants(manifest) if v.id == variant), None)
    if chosen is None or chosen.files:  # helper modules may be used anywhere
        return random
    changed = {
        region
        for task in manifest.tasks
        for region in task.regions
        if region in chosen.bodies or region.partition(":")[0] in chosen.edits
    }
    used = {task.id: {task.id, *task.needs} for task in manifest.tasks}
    touched = {task.id for task in manifest.tasks if changed & set(task.judged)}
    return [c for c in random if used[c.mark.task] & touched]


def _repeat(sandbox: Sandbox, manifest: Manifest, job: Job) -> Finding:
    """Run the checks that have randomness in their verdict, once for each seed."""
    checks = repeated_checks(manifest, job.ids[0])
    failures, runs = [], 0
    files = prepare_files(manifest, Submission("", _files(manifest, job), DIGEST))[0]
    with sandbox.lane(files) as lane:
        student = Student(lane, files, manifest.limits)
        for seed in job.seeds:
            for check in checks:
                judgement = run_check(check, student, _secret(seed), DIGEST)
                runs += 1
                if judgement.status != "passed":
                    failures.append(f"{check.id} at seed {seed}: {judgement.message}")
        student.fresh()
    return Finding(failures=tuple(failures), runs=runs)


def _files(manifest: Manifest, job: Job) -> dict[str, bytes]:
    """The files that a student would hand in."""
    if job.kind != "misconception":
        return right_files(manifest, job.ids[0])
    by_id = {m.id: m for m in misconceptions(manifest)}
    return without_given(manifest, apply_misconceptions(manifest, tuple(by_id[name] for name in job.ids)))


def _secret(number: int) -> bytes:
    return f"validation secret {number:08d}".encode()


def plan(manifest: Manifest, seeds: int, combined: int | None = None) -> list[Job]:
    """All jobs: misconceptions, `combined` of their combinations (all when None), variants, and `seeds` repetitions
    for each right solution.
    """
    wrong = [(m.id,) for m in misconceptions(manifest)] + list(combinations(manifest))[:combined]
    right = ["", *[v.id for v in variants(manifest)]]
    first = {m.region: m.id for m in reversed(misconceptions(manifest))}
    jobs = [Job(manifest.id, "misconception", ids, by_all_checks=not {*first.values()}.isdisjoint(ids)) for ids in wrong]
    jobs += [Job(manifest.id, "variant", (name,)) for name in right]
    for name in (name for name in right if repeated_checks(manifest, name)):
        jobs += [
            Job(manifest.id, "seeds", (name,), tuple(range(start + 1, min(start + SEEDS_A_JOB, seeds) + 1)))
            for start in range(0, seeds, SEEDS_A_JOB)
        ]
    return jobs


def validate(
    manifest: Manifest, jobs: Sequence[Job], processes: int | None = None, on_progress: Callable[[], None] = lambda: None
) -> Report:
    """Run the jobs in parallel. `on_progress` is called after each."""
    report, started = Report(), time.monotonic()
    found_by = {"misconception": report.misconceptions, "variant": report.variants, "seeds": report.seeds}
    for job, finding in run_jobs(perform, jobs, processes):
        found_by[job.kind].append((job, finding))
        on_progress()
    order = {job: index for index, job in enumerate(jobs)}
    for found in (report.misconceptions, report.variants, report.seeds):
        found.sort(key=lambda pair: order[pair[0]])
    _diagnose_singles(manifest, report)
    report.confused = confused_regions(manifest)
    report.seconds = time.monotonic() - started
    return report
