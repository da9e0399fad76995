"""Throughput beside otter-grader and nbgrader: the behaviour checks of task 1, on the same 20 submissions, in turns in one run.

Both are installed from PyPI into a virtual environment of their own in the user's cache, at the first call; it sees the packages of
this environment, so torch is not installed twice. Each is run as its documentation says for grading on one machine without Docker
(`otter run` for each notebook, `nbgrader autograde` for the course), as many at a time as there are processors; `autograder class
--no-train` likewise. Every figure is of whole processes: start, imports, reports.

The same: submissions, properties, sample sizes, tolerances (plain_checks.py), new random inputs at every run.
What the two lack here: isolation (the student's code runs in the process that judges), errors carried forward, diagnosis, a regrade with
equal inputs. So the ratio is one of speed alone, in their favour. Of the 13 right submissions they pass 12: the plain checks take the order
in which layers are registered for the order of the chain, and "layers-registered-in-reverse" differs.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import nbformat

from autograder.grading.mutants import apply_misconceptions, apply_variant, misconceptions, solution_files, variants
from autograder.manifest import Manifest, load_manifest
from benchmarks import plain_checks
from benchmarks.grading import Row

CHECKS = Path(plain_checks.__file__)
NAMES = [check.__name__ for check in plain_checks.CHECKS]
COUNT = 20
CONFIGURATION = "c = get_config()\nc.CourseDirectory.course_id = 'course'\nc.ClearSolutions.enforce_metadata = False\n"
AT_A_TIME = os.cpu_count() or 1
NOTEBOOK = "task1.ipynb"
WRONG = (
    "silu-for-relu", "both-roots-missing", "noise-at-t-0", "multiplied-by-root-alpha", "loop-upwards", "x0-not-divided", "sum-for-mean",
)  # fmt: skip


def rivals(rounds: int = 2) -> list[Row]:
    """Submissions in a second, and how many times theirs ours is."""
    python = _environment()
    manifest = load_manifest("swiss_roll")
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        submissions = _submissions(manifest)
        tools: dict[str, Callable[[Path], set[str]]] = {
            "autograder class": lambda folder: _ours(folder, submissions),
            "otter run": lambda folder: _otter(folder, submissions, python),
            "nbgrader autograde": lambda folder: _nbgrader(folder, submissions, python),
        }
        rates: dict[str, list[float]] = {tool: [] for tool in tools}
        full: dict[str, set[str]] = {}
        for turn in range(rounds):
            for tool, grade in tools.items():
                folder = home / f"{tool.partition(' ')[0]}{turn}"
                folder.mkdir()
                seconds, full[tool] = _timed(lambda grade=grade, folder=folder: grade(folder))  # type: ignore[misc]
                rates[tool].append(COUNT / seconds)
    rows: list[Row] = [
        (f"{tool}, submissions/s", _spread(rate, 2) + f", {len(full[tool])} of {COUNT} with full marks", "")
        for tool, rate in rates.items()
    ]
    ours = rates.pop("autograder class")
    for tool, rate in rates.items():
        ratios = [mine / theirs for mine, theirs in zip(ours, rate)]
        rows.append((f"autograder class / {tool}", _spread(ratios, 1), "at least 10"))
    return rows


def _spread(figures: list[float], digits: int) -> str:
    return f"{median(figures):.{digits}f} ({min(figures):.{digits}f} to {max(figures):.{digits}f})"


def _submissions(manifest: Manifest) -> dict[str, dict[str, bytes]]:
    """By the student's name: the solution, right variants without helper files, and known mistakes."""
    right = [v for v in variants(manifest) if not v.files][: COUNT - 1 - len(WRONG)]
    by_id = {m.id: m for m in misconceptions(manifest)}
    files = [solution_files(manifest), *(apply_variant(manifest, v) for v in right)]
    files += [apply_misconceptions(manifest, (by_id[name],)) for name in WRONG]
    return {f"student{number:02d}": found for number, found in enumerate(files)}


def _timed(grade: Callable[[], set[str]]) -> tuple[float, set[str]]:
    """Seconds that the tool's own processes took, without the preparation: `grade` notes its start in `_started`."""
    full = grade()
    return time.perf_counter() - _started[0], full


_started = [0.0]


def _start() -> None:
    _started[0] = time.perf_counter()


def _run(command: list[str], folder: Path, **environment: str) -> None:
    to = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=False, **to)  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} failed: {done.stdout[-1500:]}")


# The three tools; each returns who gets full marks


def _ours(folder: Path, submissions: dict[str, dict[str, bytes]]) -> set[str]:
    manifest = load_manifest("swiss_roll")
    for student, files in submissions.items():
        (folder / "class" / student).mkdir(parents=True)
        for name in manifest.files.todo:
            (folder / "class" / student / name).write_bytes(files[name])
    _start()
    _run(
        [
            sys.executable,
            *["-m", "autograder", "class", "class", "--assignment", "swiss_roll", "--no-train", "--out", "out"],
        ],
        folder,
    )
    lost: dict[str, float] = {}
    for verdict in (folder / "out").rglob("verdict.json"):
        checks = [c for c in json.loads(verdict.read_text())["checks"] if c["status"] != "not_run"]
        lost[verdict.parent.name] = sum(c["max_points"] - c["points"] for c in checks)
    if len(lost) != len(submissions):
        raise RuntimeError(f"autograder class left {len(lost)} verdicts of {len(submissions)}")
    return {name for name, points in lost.items() if points == 0}


def _otter(folder: Path, submissions: dict[str, dict[str, bytes]], python: Path) -> set[str]:
    """Exception-based tests, one for each check; the notebook stands next to the student's files."""
    (folder / "tests").mkdir()
    for name in NAMES:
        test = f"from otter.test_files import test_case\n\nOK_FORMAT = False\nname = {name!r}\npoints = 1\n\n"
        test += f"@test_case()\ndef test_{name}(env):\n    env['plain_checks'].{name}()\n"
        (folder / "tests" / f"{name}.py").write_text(test)
    otter = str(python.parent / "otter")
    _run([otter, *["generate", "-t", "tests", "-o", "autograder.zip", "--no-requirements", "--no-environment"]], folder)
    for student, files in submissions.items():
        home = folder / student
        home.mkdir()
        _write_files(home, files)
        cells = [f"import sys\nsys.path.insert(0, {str(home)!r})\nimport plain_checks, ddpm, network"]
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells]), home / NOTEBOOK)

    def grade(student: str) -> None:
        _run([otter, *["run", "--no-logo", "-a", "../autograder.zip", "-o", "."], NOTEBOOK], folder / student)

    _start()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(grade, submissions))
    full = set()
    for student in submissions:
        tests = [t for t in json.loads((folder / student / "results.json").read_text())["tests"] if t.get("max_score")]
        if len(tests) != len(NAMES):
            raise RuntimeError(f"otter ran {len(tests)} of {len(NAMES)} tests: {tests}")
        if sum(test["score"] for test in tests) == len(NAMES):
            full.add(student)
    return full


def _nbgrader(folder: Path, submissions: dict[str, dict[str, bytes]], python: Path) -> set[str]:
    """One test cell for each check. nbgrader grades one notebook after the other, so the class is dealt out to one course a processor."""
    courses = [folder / str(number) for number in range(AT_A_TIME)]
    nbgrader = [str(python), "-m", "nbgrader"]
    search = {
        "JUPYTER_PATH": str(python.parent.parent / "share" / "jupyter"),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    for number, course in enumerate(courses):
        source = course / "source" / "ps1"
        source.mkdir(parents=True)
        (course / "nbgrader_config.py").write_text(CONFIGURATION)
        cells = [nbformat.v4.new_code_cell("import plain_checks, ddpm, network"), *(_test_cell(name) for name in NAMES)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
        nbformat.write(notebook, source / NOTEBOOK)
        _run([*nbgrader, "generate_assignment", "ps1"], course, **search)
        for student in list(submissions)[number::AT_A_TIME]:
            home = course / "submitted" / student / "ps1"
            home.mkdir(parents=True)
            _write_files(home, submissions[student])
            shutil.copy(course / "release" / "ps1" / NOTEBOOK, home)
    _start()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(lambda course: _run([*nbgrader, "autograde", "ps1"], course, **search), courses))
    full = set()
    for course in courses:
        for path in course.glob(f"autograded/*/ps1/{NOTEBOOK}"):
            cells = [cell for cell in nbformat.read(path, 4).cells if cell.metadata.get("nbgrader", {}).get("grade")]
            if len(cells) != len(NAMES) or any(cell.execution_count is None for cell in cells):
                raise RuntimeError(f"nbgrader ran {len(cells)} of {len(NAMES)} test cells")
            if not any(output.output_type == "error" for cell in cells for output in cell.outputs):
                full.add(path.parent.parent.name)
    return full


def _test_cell(name: str) -> Any:
    cell = nbformat.v4.new_code_cell(f"plain_checks.{name}()")
    cell.metadata["nbgrader"] = {
        "grade": True, "grade_id": name, "locked": True, "points": 1, "schema_version": 3, "solution": False, "task": False,
        "cell_type": "code",
    }  # fmt: skip
    return cell


def _write_files(folder: Path, files: dict[str, bytes]) -> None:
    shutil.copy(CHECKS, folder)
    for name in ("ddpm.py", "network.py"):
        (folder / name).write_bytes(files[name])


# Their environment


def _environment() -> Path:
    """The Python of a virtual environment in the user's cache that has both tools, and sees the packages of this environment."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "diffusion-autograder" / f"rivals-{sys.version_info[0]}.{sys.version_info[1]}"
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        theirs = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
        (Path(theirs) / "this_environment.pth").write_text(sysconfig.get_path("purelib") + "\n")
        print("installing otter-grader and nbgrader; this takes minutes …", file=sys.stderr, flush=True)
        _run(
            [
                str(python),
                *["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "otter-grader", "nbgrader"],
            ],
            cache,
        )
        (home / "complete").touch()
    return python
