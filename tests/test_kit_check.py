"""`check`: whatever a student's code does, it is one sentence, and the rest is still judged."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.grading.mutants import solution_files
from autograder.kit import check as command
from autograder.kit import watch
from autograder.kit.check import Drawn, Result, judge, run
from autograder.kit.runner import Runner
from autograder.manifest import load_manifest
from autograder.places import REPOSITORY
from autograder.release.kit import make_kit, write_kit
from tests.warm_python import WarmPython

SWISS_ROLL = load_manifest("swiss_roll")


@pytest.fixture(scope="module", autouse=True)
def warm() -> Iterator[None]:
    """The processes in which students' code runs are forks: importing torch takes seconds each time."""
    if sys.platform != "linux":
        yield
        return
    python = WarmPython()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.kit.runner.launch", python.launch)
        yield
    python.close()


@pytest.fixture(scope="module")
def kit() -> Any:
    return make_kit(SWISS_ROLL)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with the solution."""
    folder = tmp_path / "Üb 1"  # a space and a letter beyond ASCII, as in real home folders
    folder.mkdir()
    for name, content in solution_files(SWISS_ROLL).items():
        (folder / name).write_bytes(content)
    return folder


def edit(folder: Path, old: str, new: str, file: str = "ddpm.py") -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")


def results(kit: Any, folder: Path, task: str | None = "1-2") -> dict[str, Result]:
    with Runner(kit.root, folder) as runner:
        found = list(judge(kit, folder, task, runner))
    return {item.check["id"]: item for item in found if isinstance(item, Result)}


Q_SAMPLE = "return alphas_cumprod_t.sqrt() * x0 + (1 - alphas_cumprod_t).sqrt() * noise"


def test_each_function_that_fails_is_one_sentence_and_the_rest_is_judged(kit: Any, work: Path):
    """Also where the whole process ends: the checks of other functions go on in a new one."""
    edit(work, Q_SAMPLE, "import os; os._exit(7)")
    edit(
        work,
        "mean = (xt - beta_t / (1 - alphas_cumprod_t).sqrt() * eps_theta)",
        "raise SystemExit\n        mean = (xt - beta_t)",
    )
    edit(
        work,
        "for t in self.var_scheduler.timesteps:\n            xt = self.p_sample(xt, t)\n        return xt",
        "return None",
    )
    edit(
        work,
        "        eps_theta = self.network(xt, t)\n        x0_pred",
        "        return undefined_name\n        x0_pred",
    )
    edit(
        work,
        "for t, t_prev in zip(timesteps, prev_timesteps):",
        "for t, t_prev in zip(timesteps + torch.zeros(7), prev_timesteps):",
    )
    edit(work, "return F.mse_loss(self.network(xt, t), noise)", "raise KeyboardInterrupt")
    found = results(kit, work, None)
    assert len(found) == len(kit.checks())
    sentences = {
        "q_sample_numbers": "Your code ended the whole Python process (exit status 7).",
        "p_sample_mean_numbers": "Your code ends the program (exit or quit); take that out.",
        "p_sample_loop_steps": "p_sample_loop must take steps; yours took none.",
        "ddim_step_numbers": "(`return undefined_name`) raised NameError: name 'undefined_name' is not defined",
        "ddim_loop_steps": "raised RuntimeError: The size of tensor",
        "loss_numbers": "raised KeyboardInterrupt",
    }
    for name, sentence in sentences.items():
        assert found[name].status == "failed"
        assert sentence in found[name].message
    assert found["q_sample_draws_noise"].status == "skipped"
    assert {item.status for item in found.values() if item.check["task"] == "1-1"} == {"passed"}


@pytest.mark.slow
def test_an_endless_loop_is_ended_and_the_rest_is_judged(kit: Any, work: Path, monkeypatch: pytest.MonkeyPatch):
    """The picture of its task is left out, since it would hang too, and for longer than a check may."""
    monkeypatch.setattr("autograder.kit.runner.STEP_SECONDS", 8.0)  # the right checks beside it take some hundredths of a second
    edit(work, Q_SAMPLE, "import time; open('calls', 'a').write('x')\n        while True: time.sleep(1)")
    found = results(kit, work)
    assert (work / "calls").read_text() == "x"
    assert re.search(r"Calling q_sample did not finish within .* look for a loop .* ddpm\.py, line \d", found["q_sample_numbers"].message)
    assert "did not finish within" in found["q_sample_numbers"].message
    assert {item.status for name, item in found.items() if name.startswith("p_sample")} == {"passed"}


def test_a_file_that_cannot_be_imported_costs_its_own_checks_only(kit: Any, work: Path):
    (work / "ddpm.py").write_text("import torch\n\ndef broken(:\n")
    found = results(kit, work, None)
    assert {item.status for item in found.values() if item.check["task"] == "1-1"} == {"passed"}
    for item in found.values():
        if item.check["task"] != "1-1":
            assert item.status == "failed"
            assert item.message == "ddpm.py, line 3: invalid syntax; look at this line and the one above it."


def test_the_message_says_what_was_expected_what_came_and_where(kit: Any, work: Path, capsys: Any):
    edit(work, Q_SAMPLE, Q_SAMPLE.replace("noise", "(2 * noise)"))
    assert run(kit, work, "1-2", False) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "✗ `q_sample` gives the x_t of the worked example" in said
    assert "for x_0 = -1.2 and ε = -0.5, must be" in said
    assert "Look at q_sample in ddpm.py, and at DDPM, Eq. 4." in said
    assert "5 of 6 visible checks pass." in said
    assert "Judged only when it is graded: task 1-2 once more, by more checks and with other inputs; task 1-5" in said


def test_what_the_code_prints_is_shown_and_disturbs_nothing(kit: Any, work: Path, capsys: Any):
    edit(work, Q_SAMPLE, 'print("{\\"kind\\": \\"done\\"}"); print("shape", tuple(x0.shape))\n        ' + Q_SAMPLE)
    assert run(kit, work, "1-2", False) == 0
    said = capsys.readouterr().out
    assert "Your code printed:" in said
    assert re.search(r"shape \(\d+, 2\)", said)


def test_pictures_are_drawn_for_what_works(kit: Any, work: Path):
    with Runner(kit.root, work) as runner:
        found = [item for item in judge(kit, work, None, runner) if isinstance(item, Drawn)]
    assert [Path(item.path).name for item in found] == ["forward.png", "ddpm.png", "ddim.png"]
    assert all(Path(item.path).read_bytes()[:4] == b"\x89PNG" for item in found)
    assert sorted(path.name for path in work.iterdir()) == sorted([*solution_files(SWISS_ROLL), "check_pictures"])


@pytest.mark.parametrize(
    ("task", "sentence"), [("1-5", "Task 1-5 is judged only when it is graded"), ("9", "Task 9 does not exist")]
)
def test_a_task_that_cannot_be_checked_is_refused(kit: Any, work: Path, task: str, sentence: str, capsys: Any):
    assert run(kit, work, task, False) == 2
    assert sentence in capsys.readouterr().err


def test_an_empty_folder_is_refused(kit: Any, tmp_path: Path, capsys: Any):
    assert run(kit, tmp_path, None, False) == 2
    assert "holds neither network.py nor ddpm.py" in capsys.readouterr().err


def test_watching_goes_on_after_a_crash(kit: Any, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    right = (work / "ddpm.py").read_text(encoding="utf-8")
    edit(work, Q_SAMPLE, "import os; os._exit(1)")

    def saved(folder: Path, before: dict[str, str]) -> Iterator[list[str]]:
        (work / "ddpm.py").write_text(right, encoding="utf-8")
        yield ["ddpm.py"]
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "changes", saved)
    assert run(kit, work, "1-2", True) == 0
    said = capsys.readouterr().out
    assert said.index("ended the whole Python process") < said.index("saved: ddpm.py") < said.index("6 of 6 visible")


@pytest.mark.parametrize("library", [True, False])
def test_a_save_is_seen_with_and_without_watchfiles(work: Path, library: bool, monkeypatch: pytest.MonkeyPatch):
    if library:
        pytest.importorskip("watchfiles")
    else:
        monkeypatch.setitem(sys.modules, "watchfiles", None)
    seen = watch.changes(work, watch.snapshot(work))
    (work / "ddpm.py").write_text("x = 1\n")
    assert next(seen) == ["ddpm.py"]
    (work / "check_pictures").mkdir()
    (work / "check_pictures" / "a.py").write_text("")
    (work / "network.py").write_bytes((work / "network.py").read_bytes())  # saved, and nothing has changed
    (work / "helper.py").write_text("x = 1\n")
    assert next(seen) == ["helper.py"]
    seen.close()


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kit as a student unpacks it."""
    folder = tmp_path_factory.mktemp("kit")
    write_kit(SWISS_ROLL, folder / "handout.zip")
    shutil.unpack_archive(folder / "handout.zip", folder)
    return folder / SWISS_ROLL.folder


def student(run_in: Path, *arguments: str) -> Any:
    """Run one of the kit's programs where the repository cannot be imported."""
    import subprocess

    return subprocess.run(
        [sys.executable, "-S", "-c", _ALONE, str(REPOSITORY), *arguments],
        cwd=run_in,
        capture_output=True,
        encoding="utf-8",
    )


_ALONE = """
import site, sys, runpy
repository = sys.argv[1]
site.main()
sys.path[:] = [path for path in sys.path if path and path.rstrip("/") != repository]
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in str(finder).lower()]
del sys.argv[:2]
sys.argv.insert(0, sys.argv.pop(0))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_kit_works_by_itself(unpacked: Path):
    for name, content in solution_files(SWISS_ROLL).items():
        (unpacked / name).write_bytes(content)
    checked = student(unpacked, "check.py", "--task", "1-1")
    assert checked.returncode == 0, checked.stderr
    assert "3 of 3 visible checks pass." in checked.stdout
    packed = student(unpacked, "pack.py", "--name", "Kim", "--id", "20251234")
    assert packed.returncode == 0, packed.stderr
    assert (unpacked / "Kim_20251234.zip").is_file()
    assert student(unpacked, "pack.py", "--name", "Kim", "--id", "20251234").returncode == 2


def test_the_kit_imports_nothing_that_only_one_system_has(unpacked: Path):
    import ast

    for path in unpacked.glob("checker/**/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        names |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert names <= {*sys.stdlib_module_names, "torch", "numpy", "matplotlib", "watchfiles", "autograder"}
        assert not names & {"resource", "fcntl", "pwd", "termios", "pty", "posix"}
        called = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        assert not called & {"fork", "killpg", "setsid", "SIGKILL", "SIGALRM", "preexec_fn", "set_start_method"}


@pytest.mark.parametrize(("begins", "sentence"), [
    ('{"cells": [{"cell_type": "code", "execution_count": 1}], "nbformat": 4}', "ddpm.py is a notebook with the ending .py; export it"),
    ("import torch\n%matplotlib inline\n", "ddpm.py, line 2: `%matplotlib inline` is a notebook's command"),
    ("get_ipython().run_line_magic('matplotlib', 'inline')\n", "get_ipython is there in notebooks only; take the line out"),
])  # fmt: skip
def test_a_notebook_in_a_py_file_is_called_so(begins: str, sentence: str, kit: Any, work: Path):
    (work / "ddpm.py").write_text(begins + ("" if begins.startswith("{") else (work / "ddpm.py").read_text()))
    found = results(kit, work, "1-2")
    assert all(item.status == "failed" and sentence in item.message for item in found.values()), {i.message for i in found.values()}


def test_newer_python_that_works_here_is_said_to_fail_where_it_is_graded(kit: Any, work: Path, capsys: Any):
    (work / "ddpm.py").write_text("import itertools\n" + (work / "ddpm.py").read_text() + "\ndef later():\n    return itertools.batched([], 2)\n")
    assert run(kit, work, "1-2", False) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "itertools.batched needs Python 3.12 or newer, and the grader has Python 3.11; do without it." in said
    assert "As it is, it works here and not where it is graded." in said


def test_torch_compile_is_switched_off(kit: Any, work: Path):
    edit(work, "    def q_sample(", "    @torch.compile(mode='max-autotune')\n    def q_sample(")
    assert {item.status for item in results(kit, work, "1-2").values()} == {"passed"}
