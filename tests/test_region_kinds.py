"""Regions of every kind through the whole house: tables at the top of a file, one name in two files, files in folders."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.bundle.contents import code_of, files_of
from autograder.classroom.regions import regions_of
from autograder.errors import UserError
from autograder.grading import told_apart
from autograder.grading import validate as validation
from autograder.grading.mutants import (
    algorithms,
    apply_misconceptions,
    apply_variant,
    misconceptions,
    solution_files,
    variants,
)
from autograder.grading.rubric import load_rubric
from autograder.grading.session import Grading, Options
from autograder.grading.told_apart import confused_regions
from autograder.kit.facts import not_done, untouched
from autograder.kit.pack import plan
from autograder.manifest import Manifest, load_manifest
from autograder.release.handout import all_secrets, check_handout, derive_folder, write_handout
from autograder.release.kit import facts_kit, write_kit
from autograder.release.leaks import find_leaks
from autograder.release.numbers import write_numbers
from autograder.sandbox.launcher import Sandbox
from autograder.submission.comparison import outside_edits, region_lines, untouched_regions
from autograder.submission.intake import Submission, read_submission
from autograder.submission.reach import lines_that_run
from autograder.submission.stubs import Regions
from autograder.verdict import Verdict
from tests.courses import courses_in, write_files
from tests.toy_regions import CHECKS, MISTAKES, write_toy

SCHEDULE, STEP, LABELLED = "ddpm.py:schedule", "libs/ddpm.py:ddpm_forward", "more/models/ddpm.py:ddpm_forward"
STUB_LINE = "betas = alphas = None"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manifest]:
    with courses_in(write_toy(tmp_path_factory.mktemp("courses"))):
        yield load_manifest("toy_regions")


def handed_in(toy: Manifest, files: dict[str, bytes]) -> Submission:
    return Submission("work", {name: files[name] for name in toy.files.todo if name in files}, "digest")


def stub(toy: Manifest) -> dict[str, bytes]:
    return {name: derive_folder(toy)[name] for name in toy.files.todo}


def graded(toy: Manifest, sandbox: Sandbox, submission: Submission, hints: str = "what") -> Verdict:
    return Grading(toy, submission, Options(hints=hints), sandbox, b"secret of the regions").run()


def with_table(toy: Manifest, statements: str, base: dict[str, bytes] | None = None) -> dict[str, bytes]:
    files = base or stub(toy)
    assert files["ddpm.py"].count(STUB_LINE.encode()) == 1
    return files | {"ddpm.py": files["ddpm.py"].replace(STUB_LINE.encode(), statements.encode())}


# The rubric


def test_the_rubric_holds_full_names(toy: Manifest):
    assert {check.id: check.mark.region for check in load_rubric(toy)} == {
        "1.table": SCHEDULE,
        "1.step": STEP,
        "2.labelled_step": LABELLED,
        "2.forward": "more/models/ddpm.py:DDPM.forward",
        "2.sample": "more/models/ddpm.py:DDPM.sample",
    }
    assert misconceptions(toy)[0].region == SCHEDULE


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"test_1": CHECKS.replace('region="schedule"', 'region="shedule"')},
            "toy_regions: the check 1.table, in task 1: there is no region 'shedule'; the nearest is 'ddpm.py:schedule'.",
        ),
        ({"test_1": CHECKS.replace('region="DDPM.sample"', 'region="schedule"')}, "the check 2.sample, in task 2: there is no region"),
        ({"test_1": CHECKS.replace('region="DDPM.sample"', 'region="outcome"')}, "there is no region 'outcome'"),
        ({"misconceptions": MISTAKES.replace('"DDPM.sample"', '"DDPM.sampel"')}, "sample-sign, in MISCONCEPTIONS: there is no region"),
        ({"misconceptions": MISTAKES.replace("ALGORITHMS: dict = {}", 'ALGORITHMS = {"f": None}')}, "ALGORITHMS: there is no region 'f'"),
        ({"variants": 'from autograder.grading.mutants import Variant\nVARIANTS = (Variant("v", "", {"a.py:f": ""}),)'}, "the variant v"),
    ],
    ids=["misspelt", "of another task", "outcome", "misconception", "algorithm", "variant"],
)
def test_a_region_that_is_not_there_is_refused_when_it_is_loaded(tmp_path: Path, changed: dict[str, str], sentence: str):
    def load() -> None:
        manifest = load_manifest("toy_regions")
        for read in (load_rubric, misconceptions, algorithms, variants):
            read(manifest)

    with courses_in(write_toy(tmp_path, **changed)), pytest.raises(UserError) as error:
        load()
    assert sentence in str(error.value)


# Grading


def test_the_solution_and_a_variant_of_the_table_get_everything(toy: Manifest, sandbox: Sandbox):
    for files in (solution_files(toy), apply_variant(toy, variants(toy)[0])):
        verdict = graded(toy, sandbox, handed_in(toy, files))
        assert (verdict.score, [n.message for n in verdict.notices]) == (10, [])


def test_the_handout_earns_nothing_and_every_region_is_said_to_be_open(toy: Manifest, sandbox: Sandbox):
    verdict = graded(toy, sandbox, handed_in(toy, stub(toy)))
    assert (verdict.score, verdict.notices) == (0, ())
    assert [check.message.partition(" is not done yet")[0] for check in verdict.checks] == [
        "schedule",
        "ddpm_forward in libs/ddpm.py",
        "ddpm_forward in more/models/ddpm.py",
        "DDPM.forward",
        "DDPM.sample",
    ]


@pytest.mark.parametrize(("wrong", "open_file"), [("step-sign", "more/models/ddpm.py"), ("label-forgotten", "libs/ddpm.py")])
def test_two_functions_of_one_name_are_told_apart(toy: Manifest, sandbox: Sandbox, wrong: str, open_file: str):
    """One is wrong, and explained; the other is open, and said to be."""
    mistake = next(m for m in misconceptions(toy) if m.id == wrong)
    files = apply_misconceptions(toy, (mistake,)) | {open_file: stub(toy)[open_file]}
    checks = {check.id: check for check in graded(toy, sandbox, handed_in(toy, files)).checks}
    step, labelled = checks["1.step"], checks["2.labelled_step"]
    bad, blank = (labelled, step) if wrong == "label-forgotten" else (step, labelled)
    assert (bad.misconceptions, bad.hint) == ((wrong,), mistake.explanation)
    assert bad.message.startswith("It must be")
    assert blank.message.startswith(f"ddpm_forward in {open_file} is not done yet")
    assert blank.misconceptions == ()


def test_a_mistake_in_forward_is_none_in_another_method_of_the_class(toy: Manifest, sandbox: Sandbox):
    by_id = {m.id: m for m in misconceptions(toy)}
    for wrong, lost in (("factor-forgotten", "2.forward"), ("sample-sign", "2.sample")):
        verdict = graded(toy, sandbox, handed_in(toy, apply_misconceptions(toy, (by_id[wrong],))))
        assert [(c.id, c.misconceptions) for c in verdict.checks if c.status != "passed"] == [(lost, (wrong,))]
        carried = next(check.carried for check in verdict.checks if check.id == "2.sample")
        assert carried == (("more/models/ddpm.py:DDPM.forward",) if wrong == "factor-forgotten" else ())


def test_where_nothing_explains_a_mistake_the_right_file_is_named(toy: Manifest, sandbox: Sandbox):
    files = solution_files(toy)
    files["more/models/ddpm.py"] = files["more/models/ddpm.py"].replace(b"5 * t + c", b"0.25 * t * t * c + 9")
    hints = {c.id: c.hint for c in graded(toy, sandbox, handed_in(toy, files)).checks if c.status != "passed"}
    assert hints == {"2.labelled_step": "Look at ddpm_forward in more/models/ddpm.py."}


def test_an_error_in_a_folder_names_the_file_with_its_folder(toy: Manifest, sandbox: Sandbox):
    files = solution_files(toy)
    files["libs/ddpm.py"] = files["libs/ddpm.py"].replace(b"shift = 3 * t", b"shift = 3 / 0")
    message = next(c.message for c in graded(toy, sandbox, handed_in(toy, files)).checks if c.id == "1.step")
    assert "libs/ddpm.py, line" in message


# The table


DONE = [
    "betas = [t / 100 for t in range(T + 1)]\nalphas = [1 - beta for beta in betas]",
    "betas, alphas = [], []\nfor t in range(T + 1):\n    betas.append(t / 100)\n    alphas.append(1 - betas[-1])",
    "betas = [0.0] * (T + 1)\nfor t in range(T + 1):\n    betas[t] = t / 100\nalphas = [1 - b for b in betas]\nprint(alphas)\nassert alphas",
    "def table():\n    return [t / 100 for t in range(T + 1)]\n\n\nbetas = table()\nif True:\n    alphas = [1 - b for b in betas]",
    "import math\nstep = 1 / 100\nbetas = [t * step for t in range(T + 1)]\nalphas: list = [1 - b for b in betas]\ndel step",
    "T = 10\nbetas = [t / 100 for t in range(T + 1)]\nalphas = [1 - b for b in betas]",
]


@pytest.mark.parametrize("statements", DONE[1:4:2] + DONE[5:])
def test_a_table_that_is_filled_in_is_worth_its_points(toy: Manifest, sandbox: Sandbox, statements: str):
    files = with_table(toy, statements.replace("T = 10\n", ""), stub(toy))
    verdict = graded(toy, sandbox, handed_in(toy, files))
    assert not [notice for notice in verdict.notices if notice.voids], verdict.notices
    assert verdict.score == 2


@pytest.mark.parametrize("statements", DONE)
@pytest.mark.parametrize("marks", [True, False])
def test_a_table_that_is_filled_in_is_no_outside_edit_and_is_done(toy: Manifest, statements: str, marks: bool):
    files = with_table(toy, statements)
    if not marks:
        if "print" in statements or "del" in statements:
            return  # outside of the marks, such a statement stands beside the table
        files["ddpm.py"] = b"\n".join(line for line in files["ddpm.py"].split(b"\n") if not line.startswith(b"####"))
    if statements.startswith("T = 10"):
        files["ddpm.py"] = files["ddpm.py"].replace(b"from constants import T", b"from constants import T as T")
        edits = outside_edits(toy, handed_in(toy, files))
        assert ["T" in notice.message for notice in edits] == [True], "an import that is replaced is another matter"
    else:
        assert outside_edits(toy, handed_in(toy, files)) == []
    assert SCHEDULE not in untouched_regions(toy, handed_in(toy, files)).untouched


@pytest.mark.parametrize(
    "statements",
    [
        STUB_LINE,
        "",
        "betas = None\nalphas = None",
        "alphas = None",
        "betas = alphas = None\nprint(betas)",
        "betas, alphas = None, None  # later",
        "raise NotImplementedError('TODO 1: schedule')",
        "pass",
    ],
)
def test_a_table_that_is_not_filled_in_is_not_done(toy: Manifest, statements: str):
    submission = handed_in(toy, with_table(toy, statements))
    assert SCHEDULE in untouched_regions(toy, submission).untouched
    assert outside_edits(toy, submission) == []


@pytest.mark.parametrize(
    ("statements", "what"),
    [
        ("betas = alphas = []\nscale = 3.0", "scale"),
        ("betas = alphas = []\ntotal = len", "total"),
        ("betas = alphas = []\ntotal.__code__ = len", "total"),
        ("betas = alphas = []\ndef total():\n    return 1", "total"),
        ("betas, scale = [], 3.0", "scale"),
    ],
)
def test_what_a_table_does_to_given_code_is_an_outside_edit(toy: Manifest, statements: str, what: str):
    (notice,) = outside_edits(toy, handed_in(toy, with_table(toy, statements)))
    assert notice.voids
    assert what in notice.message


def test_what_stands_beside_the_table_is_an_outside_edit(toy: Manifest):
    files = stub(toy)
    files["ddpm.py"] = files["ddpm.py"].replace(b"scale = 2.0", b"scale = 3.0")
    (notice,) = outside_edits(toy, handed_in(toy, files))
    assert "scale" in notice.message


def test_a_table_runs_is_compared_in_a_class_and_never_leaks(toy: Manifest):
    files = solution_files(toy)
    text = files["ddpm.py"].decode().split("\n")
    line = next(number for number, one in enumerate(text, start=1) if one.startswith("betas ="))
    assert line in lines_that_run(files, toy)["ddpm.py"]
    first, last = region_lines(toy, "ddpm.py", files["ddpm.py"])["schedule"]
    assert first < line < last
    regions = {region.name: region.lines for region in regions_of(files, toy)}
    assert "betas = [t / 100 for t in range(T + 1)]" in regions[SCHEDULE]
    assert regions[STEP] != regions[LABELLED]
    leaky = derive_folder(toy) | {"hint.md": b"betas = [t / 100 for t in range(T + 1)]"}
    assert "answer to schedule" in find_leaks(leaky, all_secrets(toy))[0]


# Files in folders


def test_what_runs_is_known_in_folders_too(toy: Manifest):
    files = solution_files(toy)
    assert all(lines_that_run(files, toy)[name] for name in toy.files.todo)


WORK = {"libs/ddpm.py", "ddpm.py", "more/models/ddpm.py"}


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("below", ["", "toy_regions_todo/", "week 3/mine/toy_regions_todo/"])
@pytest.mark.parametrize("as_zip", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_files_in_folders_are_found(toy: Manifest, tmp_path: Path, below: str, as_zip: bool, whole: bool):
    """In a zip or a folder, some levels down, with the given files beside them or without."""
    files = {name: content for name, content in solution_files(toy).items() if whole or name in toy.files.todo}
    files = {below + name: content for name, content in files.items()}
    work = zipped(tmp_path / "work.zip", files) if as_zip else write_files(tmp_path / "work", files)
    submission = read_submission(work, toy)
    assert set(submission.files) == WORK
    assert submission.missing == ()
    assert submission.files["libs/ddpm.py"] != submission.files["more/models/ddpm.py"]
    assert [notice.message for notice in submission.notices] == []


def test_modules_beside_files_in_folders_come_along(toy: Manifest, tmp_path: Path, sandbox: Sandbox):
    """Next to the file, at the top, and a package that the student has made of the folder; and all of it can be imported."""
    files = {name: solution_files(toy)[name] for name in toy.files.todo}
    files["more/models/ddpm.py"] = files["more/models/ddpm.py"].replace(
        b"from libs.ddpm import ddpm_forward as plain",
        b"from libs.ddpm import ddpm_forward as plain\nfrom .helper import five\nfrom tables import six",
    ).replace(b"5 * t + c", b"five * t + c")
    files |= {"more/models/helper.py": b"five = 5\n", "tables.py": b"six = 6\n", "more/__init__.py": b"", "more/models/__init__.py": b""}
    submission = read_submission(zipped(tmp_path / "work.zip", files), toy)
    assert set(submission.files) == set(files)
    assert graded(toy, sandbox, submission).score == 10


def test_what_would_stand_in_for_a_folder_of_the_assignment_is_left_out(toy: Manifest, tmp_path: Path):
    files = {name: solution_files(toy)[name] for name in toy.files.todo} | {"libs.py": b"", "libs/__init__.py": b"import evil\n"}
    submission = read_submission(zipped(tmp_path / "work.zip", files), toy)
    assert set(submission.files) == WORK
    said = " ".join(notice.message for notice in submission.notices)
    assert "libs.py would stand in for a file of the assignment" in said
    assert "libs/__init__.py differs from the handout" in said


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ({"ddpm.py": "ddpm.py", "libs/ddpm.py": "libs/ddpm.py"}, "more/models/ddpm.py is missing"),
        ({"ddpm.py": "ddpm.py", "more/ddpm.py": "more/models/ddpm.py"}, "more/ddpm.py may be meant; put it into a folder more/models"),
    ],
)
def test_a_file_that_is_missing_or_lies_elsewhere_is_said_to(toy: Manifest, tmp_path: Path, names: dict[str, str], sentence: str):
    files = {place: solution_files(toy)[name] for place, name in names.items()}
    submission = read_submission(zipped(tmp_path / "work.zip", files), toy)
    assert sentence in " ".join(notice.message for notice in submission.notices)


# Release, kit, bundle


def test_the_handout_is_derived_and_current(toy: Manifest):
    write_handout(toy)
    assert check_handout(toy) == []
    assert STUB_LINE in (toy.handout / "ddpm.py").read_text()


def test_the_kit_packs_what_the_intake_takes(toy: Manifest, tmp_path: Path):
    kit, folder = facts_kit(toy), write_files(tmp_path / "work", derive_folder(toy))
    assert untouched(kit, folder) == set(toy.regions)
    assert "ddpm_forward in libs/ddpm.py" in not_done(kit, untouched(kit, folder))
    solved = solution_files(toy)
    write_files(folder, {"libs/ddpm.py": solved["libs/ddpm.py"], "more/models/helper.py": b"", "deep/er/still.py": b""})
    assert untouched(kit, folder) == {*toy.regions} - {STEP}
    chosen = plan(kit, folder)
    assert set(chosen.graded) == {*WORK, "more/models/helper.py"}
    assert chosen.left_out["deep/er/still.py"] == "too deep to be imported"
    assert any("ddpm_forward in more/models/ddpm.py" in remark and "libs" not in remark for remark in chosen.remarks)


@pytest.mark.slow
def test_the_kit_runs_by_itself(toy: Manifest, tmp_path: Path):
    """Unpacked alone: one function is open, the other wrong; then everything is right."""
    write_numbers(toy, facts_kit(toy))
    write_kit(toy, tmp_path / "kit.zip")
    shutil.unpack_archive(tmp_path / "kit.zip", tmp_path)
    folder = tmp_path / toy.folder
    facts: dict[str, Any] = json.loads((folder / "checker" / "facts.json").read_text())
    assert facts["regions"][SCHEDULE]["block"] == "schedule"
    mistake = next(m for m in misconceptions(toy) if m.id == "label-forgotten")
    wrong = apply_misconceptions(toy, (mistake,))
    write_files(folder, {"ddpm.py": wrong["ddpm.py"], "more/models/ddpm.py": wrong["more/models/ddpm.py"]})
    said = subprocess.run([sys.executable, "check.py"], cwd=folder, capture_output=True, text=True).stdout
    assert "ddpm_forward in libs/ddpm.py is not done yet." in said
    assert "Look at ddpm_forward in more/models/ddpm.py, and at the handout." in said
    assert "2 of 4 visible checks pass." in said
    write_files(folder, {name: solution_files(toy)[name] for name in toy.files.todo})
    assert "4 of 4 visible checks pass." in subprocess.run([sys.executable, "check.py"], cwd=folder, capture_output=True, text=True).stdout


def test_a_bundle_holds_the_files_of_all_folders(toy: Manifest):
    inside = files_of(toy, code_of(toy, "autograder.grading.session"))
    for name in (*toy.files.todo, *toy.files.given):
        assert f"solutions/{toy.folder}/{name}" in inside
    assert "autograder/assignments/toy_regions/test_1.py" in inside
    assert "autograder/regions.py" in inside


# The grader is graded


def test_validate_notices_a_check_that_judges_another_region_than_it_says(tmp_path: Path):
    """The check of one step says that it is about the table, so that a mistake in the step looks like one in the table."""
    changed = CHECKS.replace('points=2, region="ddpm_forward", shows_work=True)\ndef test_step', 'points=2, region="schedule")\ndef test_step')
    with courses_in(write_toy(tmp_path, test_1=changed)):
        manifest = load_manifest("toy_regions")
        jobs = [job for job in validation.plan(manifest, seeds=0) if job.ids == ("step-sign",)]
        report = validation.validate(manifest, jobs, processes=1)
    assert "step-sign is in libs/ddpm.py:ddpm_forward, and costs points only in checks of ddpm.py:schedule." in report.falls_short


def test_validate_notices_regions_that_are_not_told_apart(toy: Manifest, monkeypatch: pytest.MonkeyPatch):
    """As they were when a region was its last name."""
    assert confused_regions(toy) == []

    def by_last_name(manifest: Manifest, submission: Submission) -> Regions:
        found = untouched_regions(manifest, submission)
        names = {region.rpartition(":")[2] for region in found.untouched}
        return found._replace(untouched=frozenset(region for region in manifest.regions if region.rpartition(":")[2] in names))

    monkeypatch.setattr(told_apart, "untouched_regions", by_last_name)
    assert f"{STEP}: with its TODO open, {LABELLED} counts as not done." in confused_regions(toy)


def test_a_block_that_two_regions_mean_is_refused(tmp_path: Path):
    write_toy(tmp_path)
    path = tmp_path / "solutions" / "toy_regions_todo" / "more" / "models" / "ddpm.py"
    path.write_text(path.read_text().replace("TODO 2: DDPM.sample #", "TODO 2: sample #").replace("TODO 2: DDPM.forward #", "TODO 2: forward #"))
    manifest = tmp_path / "autograder" / "assignments" / "toy_regions" / "assignment.toml"
    manifest.write_text(manifest.read_text().replace('"more/models/ddpm.py:DDPM.sample"', '"more/models/ddpm.py:Other.forward"'))
    with courses_in(tmp_path), pytest.raises(UserError, match=r"two regions of assignment.toml mean this block"):
        derive_folder(load_manifest("toy_regions"))


def test_it_validates(toy: Manifest):
    report = validation.validate(toy, validation.plan(toy, seeds=0), processes=1)
    assert report.falls_short == []
    assert all(validation.diagnosis_is_right(job, finding) for job, finding in report.misconceptions)
