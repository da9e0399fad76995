"""The grader is graded: every known mistake, every known right solution. `autograder validate` does the same with
more seeds.
"""

import dataclasses

import pytest

from autograder.grading import judging
from autograder.grading import validate as module
from autograder.grading.coverage import Coverage
from autograder.grading.mutants import misconceptions, variants
from autograder.grading.runner import Judgement, run_check
from autograder.grading.validate import Finding, Job, Report, plan, validate
from autograder.manifest import assignment_ids, load_manifest
from autograder.report.validation import print_report

MANIFEST = load_manifest("swiss_roll")


@pytest.mark.slow
@pytest.mark.proof
def test_jobs_of_every_kind_run_in_processes_of_their_own():
    """One of each; samples of all assignments are in test_every_assignment.py, and the proof below runs everything."""
    jobs = plan(MANIFEST, seeds=1)
    chosen = [next(job for job in jobs if job.kind == kind) for kind in ("misconception", "variant", "seeds")]
    report = validate(MANIFEST, chosen, processes=2)
    assert report.falls_short == []
    assert [len(found) for found in (report.misconceptions, report.variants, report.seeds)] == [1, 1, 1]


@pytest.mark.proof
@pytest.mark.begins_first
@pytest.mark.parametrize("assignment", assignment_ids())
def test_every_mistake_is_caught_in_its_task_and_every_right_solution_gets_full_marks(assignment: str):
    """All misconceptions, some combinations, all variants, one repetition of the statistical checks for each right
    solution.

    The statistical checks that run here, of an assignment some 60 variants × 2 × 10 checks at 1e-7 each, fail a right grader with
    probability below 2e-4 over all; the secrets are fixed, so the result is the same at every run.
    """
    manifest = load_manifest(assignment)
    jobs = plan(manifest, seeds=1, combined=6)
    report = validate(manifest, jobs)
    print_report(report)
    assert report.falls_short == []
    assert len(report.misconceptions) + len(report.variants) + len(report.seeds) == len(jobs)
    assert len(report.misconceptions) >= len(misconceptions(manifest)) > 0
    assert len(report.variants) == 1 + len(variants(manifest)) > 1


def test_a_check_that_runs_nothing_of_a_mistake_has_the_judgement_of_the_solution(sandbox, monkeypatch):
    """With all checks, the same comes out."""
    known = [m.id for m in misconceptions(MANIFEST) if m.region.endswith(".compute_loss")]
    (job,) = (job for job in plan(MANIFEST, seeds=0, combined=0) if job.ids == (known[1],))
    module.perform(sandbox, job)  # so that the solution has been judged
    run = []
    monkeypatch.setattr(judging, "run_check", lambda check, *given, **more: run.append(check.id) or run_check(check, *given, **more))
    some = module.perform(sandbox, job)
    needed, run[:] = {*run}, []
    every = module.perform(sandbox, dataclasses.replace(job, by_all_checks=True))
    assert {name.partition(".")[0] for name in needed} == {"1-4"}
    assert needed < {*run} == every.judgements.keys()
    assert {name: judgement.status for name, judgement in some.judgements.items()} == {
        name: judgement.status for name, judgement in every.judgements.items()
    }
    assert some.lost == every.lost == ("1-4",)


def test_the_first_mistake_of_every_region_is_judged_by_all_checks():
    by_all = {job.ids[0] for job in plan(MANIFEST, seeds=0, combined=0) if job.kind == "misconception" and job.by_all_checks}
    assert by_all == {next(m.id for m in misconceptions(MANIFEST) if m.region == region) for region in {m.region for m in misconceptions(MANIFEST)}}


def test_what_the_solution_itself_fails_is_known_of_nothing():
    judgements = {"a": Judgement("passed"), "b": Judgement("failed", "m")}
    assert Coverage({}, {}, {}, judgements).right.keys() == {"a"}


def found(job_id, lost, diagnosed=None, **more):
    names = job_id if isinstance(job_id, tuple) else (job_id,)
    return Job("swiss_roll", "misconception", names), Finding(lost, "message", ((diagnosed or names),), **more)


@pytest.fixture
def sound():
    """A report in which all is as it must be."""
    wrong = [found(m.id, (m.task,)) for m in misconceptions(MANIFEST)]
    right = [(Job("swiss_roll", "variant", (v.id,)), Finding()) for v in variants(MANIFEST)]
    return Report(wrong, right, [(Job("swiss_roll", "seeds", (right[0][0].ids[0],), (1, 2)), Finding(runs=20))])


def test_a_sound_report_has_nothing_to_say(sound, capsys):
    assert sound.falls_short == []
    print_report(sound)
    assert "The grader validates." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda r: r.misconceptions.append(found("noise-at-t-0", ())), "noise-at-t-0 is not caught."),
        (lambda r: r.misconceptions.append(found("noise-at-t-0", ("1-3",))), "must cost 1-2 and costs 1-3"),
        (lambda r: r.misconceptions.append(found("noise-at-t-0", ("1-2", "1-4"))), "must cost 1-2 and costs 1-2, 1-4"),
        (
            lambda r: r.misconceptions.append(found("noise-at-t-0", ("1-2",), grader_errors=("x",))),
            "the grader failed in x",
        ),
        (
            lambda r: r.variants.append((Job("swiss_roll", "variant", ("",)), Finding(("1-1",), "too strict"))),
            "too strict",
        ),
        (
            lambda r: r.seeds.append((Job("swiss_roll", "seeds", ("",), (3,)), Finding(failures=("c at seed 3: m",)))),
            "c at seed 3",
        ),
    ],
)
def test_each_shortcoming_is_named(sound, spoil, problem, capsys):
    spoil(sound)
    assert any(problem in sentence for sentence in sound.falls_short)
    print_report(sound)
    assert "must not ship" in capsys.readouterr().out


def test_more_than_a_twentieth_of_wrong_diagnoses_is_too_much(sound):
    share = len(sound.misconceptions) // 15
    sound.misconceptions[:share] = [
        found(job.ids, finding.lost, ("another",)) for job, finding in sound.misconceptions[:share]
    ]
    assert any("diagnoses are wrong" in sentence for sentence in sound.falls_short)


def test_seeds_are_split_into_jobs_without_gap_or_overlap():
    jobs = [job for job in plan(MANIFEST, seeds=25) if job.kind == "seeds" and job.ids == ("",)]
    assert sorted(seed for job in jobs for seed in job.seeds) == list(range(1, 26))
    assert all(len(job.seeds) <= module.SEEDS_A_JOB for job in jobs)
