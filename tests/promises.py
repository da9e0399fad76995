"""What every assignment must hold, whoever writes it: a function each, for all that exist (test_every_assignment.py) and for what
`autograder new` writes (test_new_assignment.py).

Each takes the assignment, the sandbox and an empty folder of its own, and asserts.
"""

import contextlib
import dataclasses
import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.bundle.make import bundle
from autograder.classroom import engine, jobs
from autograder.classroom.grade_class import ClassOptions, grade_class
from autograder.errors import UserError
from autograder.grading import validate as validation
from autograder.grading.generated.accepted import accepted
from autograder.grading.generated.drawing import source_of
from autograder.grading.mutants import apply_misconceptions, apply_variant, misconceptions, solution_files, variants
from autograder.grading.publishing import refused_verdict
from autograder.grading.rubric import judged_checks, load_rubric
from autograder.grading.session import Grading, Options
from autograder.kit.check import job_of, run
from autograder.kit.facts import untouched
from autograder.kit.runner import Runner
from autograder.manifest import Manifest
from autograder.places import REPOSITORY, courses
from autograder.release.handout import check_handout, derive_folder
from autograder.release.kit import SHARED, facts_kit, find_kit_leaks, kit_files, make_kit, write_kit
from autograder.release.numbers import check_numbers
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import read_submission
from autograder.verdict import Verdict
from tests.courses import write_files

Promise = Callable[[Manifest, Sandbox, Path], None]
SAMPLE = 2  # about so many known mistakes, and right variants, are tried of each assignment; `make proof` tries all


def the_student_folder_is_current_and_shows_no_answer(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    assert check_handout(manifest) == []


def the_numbers_of_the_visible_checks_are_current(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    assert check_numbers(manifest, facts_kit(manifest)) == []


def every_profile_sums_up(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    for name, profile in manifest.profiles.items():
        checks = judged_checks(manifest, profile)
        extra = {task.id for task in manifest.tasks if task.bonus}
        total = sum(check.mark.points for check in checks if check.mark.task not in extra) if profile.rule == "sum" else profile.both
        total += sum(task.points for task in manifest.tasks if task.kind == "manual" and not task.bonus)
        assert total > 0, name
        if profile.leaves_out:
            assert f"{total:g} in all" in profile.title, name
        with pytest.raises(UserError, match="no task and no check"):
            judged_checks(manifest, dataclasses.replace(profile, leaves_out=("no-such-task",)))


def the_stub_earns_nothing_and_is_told_that_it_is_not_done(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    verdict = _graded(manifest, sandbox, manifest.handout)
    assert verdict.score == 0
    assert {check.status for check in _behaviour(manifest, verdict)} == {"broken"}


def the_solution_earns_everything(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    """What is handed in: the files with TODO regions, without their marks for the answer."""
    verdict = _graded(manifest, sandbox, write_files(folder / "work", _handed_in(manifest)))
    behaviour = _behaviour(manifest, verdict)
    assert [(check.id, check.message) for check in behaviour if check.status != "passed"] == []
    assert [check.points for check in behaviour] == [check.max_points for check in behaviour] != []


def a_sample_of_mistakes_and_right_variants_validates(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    jobs_ = validation.plan(manifest, seeds=1, combined=1)
    wrong = [job for job in jobs_ if job.kind == "misconception"]
    right = [job for job in jobs_ if job.kind == "variant"]
    chosen = [*_some(wrong), *_some(right), *[job for job in jobs_ if job.kind == "seeds"][:1]]
    report = validation.Report()
    found = {"misconception": report.misconceptions, "variant": report.variants, "seeds": report.seeds}
    for job in chosen:
        found[job.kind].append((job, validation.perform(sandbox, job)))
    assert [problem for problem in report.falls_short if "diagnoses" not in problem] == []  # few mistakes, few diagnoses
    assert wrong
    assert len(right) > 1, "there must be a right variant beside the solution"


def the_kit_is_the_handout_and_the_checker_and_nothing_that_is_hidden(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    inside, handout = kit_files(manifest), derive_folder(manifest)
    assert {name: inside[name] for name in handout} == handout
    added = inside.keys() - handout.keys()
    package = {name for name in added if name.startswith("checker/autograder/")}
    assert added - package == {"check.py", "pack.py", "checker/facts.json", "checker/numbers.json"}
    for name in package:  # shipped as it is, and only what it says it is
        source = courses() / name.removeprefix("checker/")
        assert inside[name] == (source if source.is_file() else REPOSITORY / name.removeprefix("checker/")).read_bytes()
        assert "/kit/" in name or name.endswith(("__init__.py", *SHARED)) or Path(name).stem.startswith("visible")
    assert find_kit_leaks(manifest, inside) == []


def no_word_of_the_hidden_part_is_in_the_archive(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    """Independent of find_kit_leaks: a plain search of every byte of the zip's members."""
    write_kit(manifest, folder / "kit.zip")
    with zipfile.ZipFile(folder / "kit.zip") as archive:
        everything = b"\n".join(archive.read(name) for name in archive.namelist())
        assert not [name for name in archive.namelist() if name.endswith((".pyc", ".npz", ".pt", ".pkl"))]
    squeezed = b"".join(everything.split())
    for misconception in misconceptions(manifest):
        assert misconception.id.encode() not in everything or len(misconception.id) < 4, misconception.id
        assert "".join(misconception.explanation.split()).encode() not in squeezed
    for hidden in load_rubric(manifest):
        assert hidden.function.__name__.encode() not in everything
    assert b"BEGIN SOLUTION" not in everything
    for variant in variants(manifest):
        assert variant.description.encode() not in everything


def the_visible_checks_pass_for_the_solution_and_are_open_for_the_stub(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    kit = make_kit(manifest)
    solved = write_files(folder / "solved", solution_files(manifest))
    with Runner(kit.root, solved) as runner:
        records = list(runner.do(job_of(kit, solved, kit.checks(), [])))
    assert [record for record in records if record.get("status", "passed") != "passed"] == []
    assert {record["id"] for record in records if record["kind"] == "checked"} == {check["id"] for check in kit.checks()} != set()
    assert untouched(kit, solved) == set()
    stub = write_files(folder / "stub", derive_folder(manifest))
    assert untouched(kit, stub) == set(kit.facts["regions"])
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run(kit, stub, None, False) == 1
    assert "✗" not in printed.getvalue()
    assert "not done yet" in printed.getvalue()


def every_mistake_and_every_variant_is_code(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    regions = {region for task in manifest.tasks for region in task.regions}
    names = [found.id for found in (*misconceptions(manifest), *variants(manifest))]
    assert len(set(names)) == len(names)
    solution = solution_files(manifest)
    for mistake in misconceptions(manifest):
        assert mistake.region in regions, mistake.id
        assert mistake.region in manifest.task(mistake.task).judged, mistake.id
        assert _is_other_code(apply_misconceptions(manifest, (mistake,)), solution), mistake.id
    for variant in variants(manifest):
        assert _is_other_code(apply_variant(manifest, variant), solution), variant.id


def what_is_accepted_of_mutants_stands_in_a_right_version(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    """A line that was rewritten since is accepted no longer, and must be looked at anew."""
    for one in accepted(manifest):
        right = ["", *(variant.id for variant in variants(manifest) if one.region in variant.bodies)]
        texts = (source_of(manifest.id, name, one.region).text for name in right)
        assert any({*one.before} <= {line.strip() for line in text.split("\n")} for text in texts), one
        assert one.why


def the_bundle_holds_the_rubric_and_no_proof_of_it(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    for target in ("gradescope", "docker", "github-classroom"):
        bundle(manifest.id, target, folder / f"{target}.zip")
    with zipfile.ZipFile(folder / "gradescope.zip") as archive:
        names = archive.namelist()
    home = f"autograder/assignments/{manifest.id}"
    assert {f"{home}/assignment.toml", "run_autograder", "setup.sh"} <= set(names)
    assert not [name for name in names if name.endswith(("variants.py", "calibrate.py"))]


def a_class_is_graded(manifest: Manifest, sandbox: Sandbox, folder: Path) -> None:
    """Collected, kept, reported; who judges is a stand-in, since judging is what the others try."""
    submission = write_files(folder / "in" / "ada", _handed_in(manifest))
    shutil.copytree(submission, folder / "in" / "bob")
    first = manifest.files.todo[0]
    (folder / "in" / "bob" / first).write_bytes((submission / first).read_bytes() + b"\n# bob\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "shared", lambda graders: contextlib.nullcontext())  # nobody asks for a zygote
        graded = grade_class(folder / "in", folder / "out", ClassOptions(manifest.id, train=False, workers=1), judge=all_right)
    assert sorted(one.handed_in.student for one in graded) == ["ada", "bob"]
    assert {one.verdict.assignment for one in graded} == {manifest.id}
    assert (folder / "out" / "index.html").stat().st_size > 1000


def all_right(job: jobs.Job) -> jobs.Judged:
    """Everything passed."""
    from autograder.manifest import load_manifest

    empty = refused_verdict(load_manifest(job.assignment), job.name, "")
    checks = [dataclasses.replace(check, status="passed", points=check.max_points) for check in empty.checks]
    return jobs.Judged(dataclasses.replace(empty, state="complete", checks=tuple(checks), digest=job.digest))


def _graded(manifest: Manifest, sandbox: Sandbox, path: Path) -> Verdict:
    return Grading(manifest, read_submission(path, manifest), Options(train=False, hints="none"), sandbox, b"a secret of the promises").run()


def _behaviour(manifest: Manifest, verdict: Verdict) -> list[Any]:
    return [check for check in verdict.checks if manifest.task(check.task).kind == "behaviour"]


def _handed_in(manifest: Manifest) -> dict[str, bytes]:
    return {name: content for name, content in solution_files(manifest).items() if name in manifest.files.todo}


def _some(jobs_: list[Any]) -> list[Any]:
    return jobs_[:: max(1, len(jobs_) // SAMPLE)]


def _is_other_code(files: dict[str, bytes], solution: dict[str, bytes]) -> bool:
    """Whether some file is not as in the solution, and each such file can be compiled."""
    changed = [name for name, content in files.items() if name.endswith(".py") and content != solution.get(name)]
    return all(compile(files[name], name, "exec").co_code for name in changed) and bool(changed)


PROMISES: tuple[Promise, ...] = (
    the_student_folder_is_current_and_shows_no_answer,
    the_numbers_of_the_visible_checks_are_current,
    every_profile_sums_up,
    the_stub_earns_nothing_and_is_told_that_it_is_not_done,
    the_solution_earns_everything,
    a_sample_of_mistakes_and_right_variants_validates,
    the_kit_is_the_handout_and_the_checker_and_nothing_that_is_hidden,
    no_word_of_the_hidden_part_is_in_the_archive,
    the_visible_checks_pass_for_the_solution_and_are_open_for_the_stub,
    every_mistake_and_every_variant_is_code,
    what_is_accepted_of_mutants_stands_in_a_right_version,
    the_bundle_holds_the_rubric_and_no_proof_of_it,
    a_class_is_graded,
)
