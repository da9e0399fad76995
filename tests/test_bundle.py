"""`autograder bundle`: what is in the zip, that it stands alone, and that what is made for other platforms has their form."""

import ast
import dataclasses
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from autograder.bundle.classroom import classroom_files, numbered, scale
from autograder.bundle.contents import DISTRIBUTIONS
from autograder.bundle.make import TEMPLATES, as_zip, bundle, bundle_files
from autograder.bundle.settings import Ranking, Settings, as_toml, read_settings
from autograder.cli import app
from autograder.errors import UserError
from autograder.grading.rubric import judged_checks, load_rubric
from autograder.grading.seeds import SECRET_VARIABLE
from autograder.manifest import assignment_ids, load_manifest
from autograder.places import REPOSITORY
from tests.bulk import bulk

MASTER = "the instructor's own secret, which is long enough"
NOTHING_ELSE = {"setup.sh", "run_autograder", "requirements.txt", "constraints.txt", "bundle.toml", "secret"}


@pytest.fixture(autouse=True)
def _master(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, MASTER)


def made(assignment: str) -> dict[str, bytes]:
    manifest = load_manifest(assignment)
    return bundle_files(manifest, read_settings(manifest))


files = cache(made)  # with MASTER


@pytest.mark.parametrize("assignment", assignment_ids())
def test_the_zip_holds_what_grading_needs_and_nothing_else(assignment: str) -> None:
    manifest, found = load_manifest(assignment), files(assignment)
    names = set(found)
    assert {name for name in names if "/" not in name} == NOTHING_ELSE
    assert {name.partition("/")[0] for name in names if "/" in name} <= {"autograder", "fid", "solutions"}
    data = (entry.file for entry in manifest.data if entry.carried)
    solution = {f"solutions/{manifest.folder}/{name}" for name in (*manifest.files.todo, *manifest.files.given, *data)}
    assert {name for name in names if name.startswith("solutions/")} == solution
    assert {name for name in names if name.endswith("assignment.toml")} == {
        f"autograder/assignments/{assignment}/assignment.toml"
    }
    rubric = {path.relative_to(REPOSITORY).as_posix() for path in manifest.check_files}
    assert {name for name in names if re.search(r"/test_[^/]*$", name)} == rubric
    measures = "fid.__main__" in manifest.outcome.starts  # else the checks may import the formula, as an oracle
    assert ("fid/__main__.py" in names) == measures
    assert measures or not {"fid/features.py", "fid/measurement.py"} & names
    unwanted = r"__pycache__|\.pyc|\.git|\.ipynb|/tests?/|examples|docs/|variants|calibrate|validate|commands/|classroom|templates/(setup|Docker)"
    assert not [name for name in names if re.search(unwanted, name)]


@pytest.mark.parametrize("assignment", assignment_ids())
def test_the_instructors_secret_is_not_in_it_and_its_own_is_in_one_private_file(assignment: str) -> None:
    found = files(assignment)
    own = found["secret"].strip()
    assert len(own) >= 32
    assert [name for name, content in found.items() if own in content] == ["secret"]
    assert not [name for name, content in found.items() if MASTER.encode() in content]
    with zipfile.ZipFile(io.BytesIO(as_zip(found))) as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    assert {name for name, mode in modes.items() if mode & 0o077 == 0} == {"secret"}
    assert {name for name, mode in modes.items() if mode & 0o111} == {"setup.sh", "run_autograder"}


def test_bundles_of_one_instructor_are_the_same_and_those_of_another_draw_other_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = files("swiss_roll")
    assert as_zip(first) == as_zip(made("swiss_roll"))
    assert first["secret"] != files("image_diffusion")["secret"]
    monkeypatch.setenv(SECRET_VARIABLE, MASTER + " of somebody else")
    other = made("swiss_roll")
    assert {name for name in first if first[name] != other[name]} == {"secret"}


@pytest.mark.parametrize("assignment", assignment_ids())
def test_every_package_that_the_code_imports_is_pinned(assignment: str) -> None:
    found = files(assignment)
    pins = dict(line.split("==") for line in found["requirements.txt"].decode().splitlines())
    everything = dict(line.split("==") for line in found["constraints.txt"].decode().splitlines())
    assert pins.items() <= everything.items()
    imported = set()
    for name, content in found.items():
        if name.endswith(".py") and not name.startswith("solutions/"):
            for node in ast.walk(ast.parse(content)):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    imported.add(node.module.partition(".")[0])
    others = {"PIL": "pillow", "sklearn": "scikit-learn", "pytorch_fid": "pytorch-fid", "yaml": "pyyaml"}
    needed = {others.get(name, name) for name in imported | set(load_manifest(assignment).files.packages)}
    assert needed - sys.stdlib_module_names - {"autograder", "fid"} <= pins.keys()


@pytest.mark.parametrize("assignment", assignment_ids())
def test_what_work_may_import_is_one_list_everywhere(assignment: str) -> None:
    """The manifest's packages are in a bundle's requirements, in what an installed grader brings, and can be imported here."""
    packages = load_manifest(assignment).files.packages
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = {re.split(r"[<>=!~ ]", line)[0].lower() for line in project["dependencies"]}
    pinned = {line.partition("==")[0] for line in files(assignment)["requirements.txt"].decode().splitlines()}
    for name in packages:
        assert DISTRIBUTIONS.get(name, name).lower() in installed & pinned, name
        assert importlib.util.find_spec(name), name


@pytest.mark.slow
@pytest.mark.parametrize("assignment", bulk(assignment_ids(), kept=["image_diffusion"]))
def test_the_code_in_it_stands_alone(assignment: str, tmp_path: Path) -> None:
    """Every module of the bundle can be imported where the repository is not on the path, and it knows its one assignment. That with the
    most modules here, all in `make proof`.
    """
    found = files(assignment)
    for name, content in found.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    modules = sorted(
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in found
        if name.endswith(".py") and not name.startswith("solutions/") and "__main__" not in name
    )
    program = f"""
import importlib, sys
sys.path.insert(0, {str(tmp_path)!r})
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
for name in {modules!r}:
    assert importlib.import_module(name).__file__.startswith({str(tmp_path)!r}), name
from autograder.bundle.gradescope import bundled
manifest, settings = bundled()
from autograder.grading.rubric import load_rubric
from autograder.grading.mutants import misconceptions, solution_files
print(manifest.id, settings.assignment, len(load_rubric(manifest)), len(misconceptions(manifest)), len(solution_files(manifest)))
"""
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    manifest = load_manifest(assignment)
    identifier, of_settings, checks, mistakes, _ = done.stdout.split()
    assert (identifier, of_settings, int(checks)) == (assignment, assignment, len(load_rubric(manifest)))
    assert int(mistakes) > 0


def test_settings_survive_the_way_into_the_zip(tmp_path: Path) -> None:
    manifest = load_manifest("swiss_roll")
    odd = Settings(
        "swiss_roll", "kaist-2023", 25.5, 3072, 2.0, 5, "last", 0.1, 15.0, "hidden", "after_due_date", "visible", True,
        (Ranking('a "quoted" name', "1-5.x", "FID", "desc"),),
    )  # fmt: skip
    for settings in (odd, read_settings(manifest), Settings("swiss_roll")):
        path = tmp_path / "bundle.toml"
        path.write_text(as_toml(settings), encoding="utf-8")
        bare = dataclasses.replace(manifest, gradescope={})
        assert read_settings(bare, path) == settings


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("minuts = 10", "unknown key 'minuts'; the nearest known key is 'minutes'"),
        ("minutes = 0.5", "minutes must be between 2 and 1440"),
        ("late_penalty_per_day = 10", "late_penalty_per_day must be between 0 and 1"),
        ('outcome_visibility = "secret"', "must be one of 'visible', 'hidden', 'after_due_date', 'after_published'"),
        ('profile = "other"', "no profile 'other'"),
        ("= 3", "not valid TOML"),
    ],
)
def test_settings_that_cannot_be_meant_are_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "course.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(sentence)):
        bundle("swiss_roll", "gradescope", tmp_path / "a.zip", path)
    assert not (tmp_path / "a.zip").exists()


def test_a_configuration_that_hides_the_total_is_said(tmp_path: Path) -> None:
    path = tmp_path / "course.toml"
    path.write_text('outcome_visibility = "after_published"', encoding="utf-8")
    said = bundle("swiss_roll", "gradescope", tmp_path / "a.zip", path)
    assert "Students will see no total" in said[-1]
    assert "'after_published'" in said[-1]
    assert not [line for line in bundle("swiss_roll", "gradescope", tmp_path / "b.zip") if "total" in line]


@pytest.mark.parametrize("assignment", assignment_ids())
def test_rankings_and_measures_name_checks_and_figures_that_exist(assignment: str) -> None:
    """An assignment may have none of either. What a check notes is in the tests of its outcome."""
    manifest = load_manifest(assignment)
    checks = {check.id for check in load_rubric(manifest)}
    measures = {(measure.check, measure.figure) for measure in manifest.outcome.measures()}
    assert {check for check, _ in measures} <= checks
    for ranking in read_settings(manifest).rankings:
        assert (ranking.check, ranking.figure) in measures


def test_the_command_says_what_it_wrote_and_what_is_missing(tmp_path: Path) -> None:
    runner = CliRunner()
    out = tmp_path / "new" / "autograder.zip"
    done = runner.invoke(app, ["bundle", "swiss_roll", "--gradescope", "-o", str(out)])
    assert done.exit_code == 0
    assert "files" in done.output
    assert zipfile.is_zipfile(out)
    for arguments in (["swiss_roll"], ["swiss_roll", "--docker", "--gradescope"], ["no_such", "--docker"]):
        done = runner.invoke(app, ["bundle", *arguments])
        assert isinstance(done.exception, UserError)


# Programs and the files of other platforms


def scripts() -> list[Path]:
    return [path for path in TEMPLATES.iterdir() if path.read_text(encoding="utf-8").startswith("#!")]


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.name)
def test_the_scripts_are_sound(path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    assert subprocess.run([bash, "-n", path]).returncode == 0
    done = subprocess.run([Path(sys.executable).with_name("shellcheck"), path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_setup_is_filled_in_and_names_no_address() -> None:
    text = files("swiss_roll")["setup.sh"].decode()
    assert not re.search(r"@[A-Z]+@|https?://", text)
    assert re.search(r"uv==\d", text)


def test_the_dockerfile_has_the_form_of_one(tmp_path: Path) -> None:
    bundle("swiss_roll", "docker", tmp_path / "docker.zip")
    with zipfile.ZipFile(tmp_path / "docker.zip") as archive:
        names = set(archive.namelist())
        text = archive.read("Dockerfile").decode()
    lines = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#"))).splitlines()
    words = [line.split(maxsplit=1) for line in lines if line.strip()]
    assert [word for word, _ in words] == ["FROM", "COPY", "RUN", "ENTRYPOINT"]
    image = words[0][1]
    assert re.fullmatch(r"[a-z]+:[\d.]+", image), "the base image must be pinned"
    entry = json.loads(words[3][1])
    assert Path(entry[1]).name in names
    assert str(Path(entry[1]).parent) == words[1][1].split()[1]
    assert names >= NOTHING_ELSE
    if (checker := shutil.which("hadolint")) is not None:
        done = subprocess.run([checker, TEMPLATES / "Dockerfile"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("assignment", assignment_ids())
def test_the_workflow_of_github_classroom_gives_every_check_its_points(assignment: str) -> None:
    manifest = load_manifest(assignment)
    found = classroom_files(manifest, read_settings(manifest))
    assert set(found) == {".github/workflows/classroom.yml", ".github/classroom/autograding.json"}
    workflow = yaml.safe_load(found[".github/workflows/classroom.yml"])
    steps = workflow["jobs"]["run-autograding-tests"]["steps"]
    graded = [step for step in steps if "autograding-command-grader" in step.get("uses", "")]
    rubric = judged_checks(manifest, manifest.profile(None))
    factor = scale(numbered(manifest))
    assert [step["with"]["max-score"] for step in graded] == [check.mark.points * factor for check in rubric]
    reporter = steps[-1]
    runners = reporter["with"]["runners"].split(",")
    assert runners == [step["id"] for step in graded]
    assert len(set(runners)) == len(rubric)
    assert reporter["env"] == {f"{name.upper()}_RESULTS": f"${{{{ steps.{name}.outputs.result }}}}" for name in runners}
    tests = json.loads(found[".github/classroom/autograding.json"])["tests"]
    assert [test["run"] for test in tests] == [step["with"]["command"] for step in graded]
    assert sum(test["points"] for test in tests) == factor * sum(check.mark.points for check in rubric)


def test_the_commands_of_github_classroom_read_the_results(tmp_path: Path) -> None:
    """Each step passes exactly when its check has passed in results.json."""
    if shutil.which("jq") is None:
        pytest.skip("there is no jq")
    from autograder.grading.publishing import refused_verdict
    from autograder.report import results_json, to_gradescope

    manifest = load_manifest("swiss_roll")
    verdict = refused_verdict(manifest, "x", "")
    right = {check.id for index, check in enumerate(verdict.checks) if index % 3}
    verdict = dataclasses.replace(
        verdict,
        state="complete",
        checks=tuple(
            dataclasses.replace(check, status="passed" if check.id in right else "failed", points=check.max_points)
            for check in verdict.checks
        ),
    )
    (tmp_path / ".autograder").mkdir()
    (tmp_path / ".autograder" / "results.json").write_text(results_json(to_gradescope(verdict)))
    tests = json.loads(classroom_files(manifest, Settings())[".github/classroom/autograding.json"])["tests"]
    codes = [
        subprocess.run(test["run"], shell=True, cwd=tmp_path, stdout=subprocess.DEVNULL).returncode for test in tests
    ]
    assert [code == 0 for code in codes] == [check.id in right for check in load_rubric(manifest)]


def test_bundle_toml_is_what_the_zip_grades_by() -> None:
    table = tomllib.loads(files("swiss_roll")["bundle.toml"].decode())
    assert table["assignment"] == "swiss_roll"
    assert len(table["rankings"]) == 2
    assert os.sep not in table["assignment"]
