"""Bad input gets one clear sentence, costs only the tasks that it touches, and loses no finished check.

The table of what is handed in, and of what the student then reads, is examples/examples.toml; every line of it is graded here, in the real
sandbox. Below are inputs that are too odd for an example, the command line, and what is left when grading is stopped.
"""

import contextlib
import dataclasses
import importlib.util
import io
import json
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from autograder import cli
from autograder.commands import demo as demo_command
from autograder.commands.grade_one import grade_one
from autograder.grading.mutants import Variant, apply_variant, solution_files
from autograder.grading.publishing import empty_verdict
from autograder.grading.rubric import load_rubric
from autograder.grading.session import Options
from autograder.manifest import assignment_ids, load_manifest
from autograder.places import REPOSITORY
from autograder.regions import shortest
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.remote_worker import Worker
from autograder.verdict import CheckResult, Verdict
from tests.bulk import bulk
from tests.processes import still_alive


def _load_make():
    spec = importlib.util.spec_from_file_location("examples_make", REPOSITORY / "examples" / "make.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


make = _load_make()
MANIFEST = load_manifest("swiss_roll")
EXAMPLES = {example.name: example for example in make.load_examples() if example.assignment == MANIFEST.id}
BEHAVIOUR = [task for task in MANIFEST.tasks if task.kind == "behaviour"]
FULL = {task.id: task.points for task in BEHAVIOUR}
DDPM, NETWORK = "ddpm.py:DiffusionModule", "network.py:SimpleNet"


def grade(
    sandbox: Sandbox, path: Path, out: Path, *, task: str | None = None, hints: str = "none", seconds: float = 20.0
) -> Verdict:
    """The verdict without training. `seconds` is the time that one call of a student's function may take."""
    limits = dataclasses.replace(MANIFEST.limits, seconds_per_call=seconds)
    manifest = dataclasses.replace(MANIFEST, limits=limits)
    return grade_one(path, manifest, Options(train=False, task=task, hints=hints), out, sandbox, quiet=True)


def lost(verdict: Verdict) -> list[CheckResult]:
    return [check for check in verdict.checks if check.status not in ("passed", "not_run")]


def texts(verdict: Verdict) -> list[str]:
    """All that a student reads."""
    notices = [text for notice in verdict.notices for text in (notice.message, notice.detail)]
    return [verdict.reason, *notices, *[text for check in verdict.checks for text in (check.message, check.hint)]]


def points(verdict: Verdict) -> dict[str, float]:
    return {task.id: verdict.task_points(task.id)[0] for task in BEHAVIOUR}


def assert_readable(verdict: Verdict) -> None:
    """Sentences with a beginning, an end and a length, without anything of the grader's insides."""
    for text in texts(verdict):
        assert "Traceback" not in text
        assert "/submission-" not in text, text
        assert str(REPOSITORY) not in text, text
    for check in lost(verdict):
        assert check.message[:1].isalnum(), check.message
        assert check.message.endswith("."), check.message
        assert "\n" not in check.message
        assert 20 < len(check.message) < 600, check.message


def assert_no_path_of_this_machine(out: Path) -> None:
    """In nothing that is written stands where something lies on the machine that graded."""
    ours = {str(REPOSITORY), sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), tempfile.gettempdir(), str(Path.home())}
    pattern = "|".join(re.escape(path) + r"[/\"']" for path in ours if path.count("/") > 1 or path == "/tmp")
    pattern += r"|(?<![\w./<>-])/(?:usr|home|root|tmp|opt|proc|lib|etc|mnt)/\w"
    for name in ("verdict.json", "results.json", "report.html"):
        text = (out / name).read_text(encoding="utf-8")
        assert not (found := re.search(pattern, text)), (name, text[max(0, found.start() - 200) : found.end() + 100])


# Every line of the table


KEPT = [
    "passes_all", "forgot_the_square_root", "untouched_stub", "crashes_half_way", "missing_file", "wrong_file_type.txt", "corrupt_zip.zip",
    "syntax_error", "endless_loop", "returns_nan", "imports_a_package_we_lack", "kills_its_process",
]  # fmt: skip


@pytest.mark.parametrize("name", bulk(EXAMPLES, kept=KEPT))
def test_example(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """One of each kind; all in `make proof`."""
    example = EXAMPLES[name]
    hints = "what" if name == "forgot_the_square_root" else "none"  # naming a mistake takes seconds
    verdict = grade(sandbox, make.SUBMISSIONS / name, tmp_path, hints=hints)

    assert Verdict.from_json((tmp_path / "verdict.json").read_text()).to_json() == verdict.to_json()
    assert json.loads((tmp_path / "results.json").read_text())["tests"] is not None
    assert (tmp_path / "report.html").stat().st_size > 1000
    for sentence in example.says:
        assert any(re.search(sentence, text) for text in texts(verdict)), (sentence, set(texts(verdict)))
    assert_readable(verdict)
    assert_no_path_of_this_machine(tmp_path)

    if example.refused:
        assert verdict.state == "refused"
        assert {check.status for check in verdict.checks} == {"not_run"}
        assert verdict.score == 0
        return
    assert verdict.state == "complete"
    for check in verdict.checks:
        judged = {"passed", "failed", "broken"} if check.task in FULL else {"not_run"}
        assert check.status in judged, (check.id, check.status, check.message)
    assert points(verdict) == FULL | dict(example.points)
    assert {check.status for check in lost(verdict)} == ({example.status} if example.status else set())
    assert verdict.score == sum(points(verdict).values()) - example.deduction


def test_the_issue_is_covered() -> None:
    """Everything that a sample submission was asked for has one."""
    asked = """passes_all forgot_the_square_root untouched_stub crashes_half_way missing_file wrong_file_type.txt corrupt_zip.zip
        encrypted.zip zip_inside_zip.zip syntax_error import_error imports_a_package_we_lack endless_loop wrong_shape wrong_dtype
        returns_nan returns_none allocates_ten_gigabytes prints_by_the_megabyte calls_sys_exit kills_its_process"""
    assert set(asked.split()) <= set(EXAMPLES)


def test_examples_are_what_their_table_says() -> None:
    assert make.stale_paths() == [], "run python examples/make.py"


def test_the_password_of_the_encrypted_example_opens_it() -> None:
    """It is refused for being encrypted, not for being damaged."""
    with zipfile.ZipFile(make.SUBMISSIONS / "encrypted.zip") as archive:
        assert archive.read("ddpm.py", pwd=b"midnight") == solution_files(MANIFEST)["ddpm.py"]


def test_demo_shows_the_four_main_cases_and_trains_few() -> None:
    demo = [example for example in EXAMPLES.values() if example.demo]
    assert {"passes_all", "forgot_the_square_root", "untouched_stub", "crashes_half_way"} == {e.name for e in demo}
    assert sum(example.train and not example.todo for example in demo) <= 2


def test_the_table_of_the_demo_fits_a_terminal_whatever_tasks_its_courses_have() -> None:
    verdicts = [(name, empty_verdict(load_manifest(name), name, "0", None, load_rubric(load_manifest(name)))) for name in assignment_ids()]
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(demo_command.as_table(verdicts))
    printed = console.export_text()
    assert all(name in printed for name in assignment_ids())
    assert max(map(len, printed.splitlines())) <= 100


def test_demo_leaves_a_page_that_links_the_reports(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "encrypted.zip").write_bytes((make.SUBMISSIONS / "encrypted.zip").read_bytes())
    keys = 'name = "encrypted.zip"\nassignment = "swiss_roll"\nshows = "a zip with a password"\ndemo = true\n'
    (tmp_path / "examples.toml").write_text(f"[[examples]]\n{keys}")
    monkeypatch.setattr(demo_command, "EXAMPLES", tmp_path)
    monkeypatch.setattr(demo_command, "Sandbox", lambda: contextlib.nullcontext(sandbox))
    demo_command.grade_examples(tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text()
    assert "./encrypted_zip/report.html" in page
    assert "a zip with a password" in page
    assert "encrypted" in (tmp_path / "out" / "encrypted_zip" / "report.html").read_text()
    assert "0 / 50" in capsys.readouterr().out


# What is right, however it is packed; what is not done


def test_solution_in_an_unusual_zip_gets_full_marks(sandbox: Sandbox, tmp_path: Path) -> None:
    """Made by hand: three folders down, with other work beside it, deflated, with folders as entries and a comment."""
    archive = tmp_path / "Kim_2023-1234 (final).zip"
    home = "Kim_2023-1234/Assignment 3/2d_plot_diffusion_todo"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.comment = b"made on a Sunday"
        file.writestr("Kim_2023-1234/", "")
        file.writestr(f"{home}/", "")
        for name, content in solution_files(MANIFEST).items():
            file.writestr(f"{home}/{name}", content)
        file.writestr(f"{home}/helpers.py", "SECONDS = 1\n")
        file.writestr("Kim_2023-1234/Assignment 3/image_diffusion_todo/ddpm.py", "class DiffusionModule:\n    pass\n")
        file.writestr("Kim_2023-1234/Assignment 2/network.py", "class VoxelNet:\n    pass\n")
        file.writestr("__MACOSX/Kim_2023-1234/._Assignment 3", b"\0\5\x16\7")
    verdict = grade(sandbox, archive, tmp_path / "out")
    assert (points(verdict), verdict.score) == (FULL, 25.0)


# Stranger things. Each submission has several broken functions; each of them costs its own checks, and no other check.

SLEEP = "61234"
STRANGE: dict[str, dict[str, tuple[str, str]]] = {
    "ends its process": {
        f"{NETWORK}.forward": ("import os\nos._exit(3)", r"exit status 3\); take out any call that exits"),
        f"{DDPM}.q_sample": ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", "signal 15|raised"),
        f"{DDPM}.p_sample": ("import ctypes\nctypes.string_at(0)", "crashed .segmentation fault.|raised"),
        f"{DDPM}.ddim_p_sample": ("raise SystemExit('bye')", r"called sys\.exit"),
        f"{DDPM}.compute_loss": (
            "import subprocess, threading, time\nthreading.Thread(target=time.sleep, args=[600]).start()\n"
            f"subprocess.Popen(['sleep', '{SLEEP}'], start_new_session=True)",
            "must call self.network|raised",
        ),
    },
    "takes all it can get": {
        f"{NETWORK}.forward": ("return self.forward(x, t)", "calls itself without end"),
        f"{DDPM}.q_sample": ("while True:\n    pass", r"Calling q_sample did not finish within 3 seconds .*; look for a loop .* ddpm\.py, line \d"),
        f"{DDPM}.p_sample_loop": ("while True:\n    print('still here', flush=True)", "did not finish within 3 seconds"),
        f"{DDPM}.ddim_p_sample_loop": ("with open('big', 'wb') as file:\n    file.write(bytes(10**9))", "OSError|memory|file"),
        f"{DDPM}.compute_loss": ("return np.ones(10**11)", r"asked for more memory than the grader allows \(2 GB\)"),
    },
    "answers oddly": {
        f"{DDPM}.q_sample": ("return [x0] * 5000", "returned something that the grader cannot take"),
        f"{DDPM}.p_sample": ("return (2 * xt).to('meta')", "returned a meta tensor"),
        f"{DDPM}.p_sample_loop": (
            "class Odd(BaseException):\n    def __str__(self):\n        raise self\nraise Odd", "raised Odd"
        ),
        f"{DDPM}.ddim_p_sample": ("raise ValueError('so long\\n' * 10_000)", "raised ValueError: so long so long"),
        f"{DDPM}.ddim_p_sample_loop": (
            "torch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\nreturn None", "returned None|took none"
        ),
        f"{DDPM}.compute_loss": ("raise NotImplementedError", "compute_loss is not done yet"),
    },
    "calls with nonsense": {
        f"{DDPM}.q_sample": ("return self.network()", "raised RuntimeError"),
        f"{DDPM}.p_sample": ("return xt - self.network(xt, t + 1000)", "the t that the network is given must be|does not fit"),
        f"{DDPM}.p_sample_loop": ("return self.network(torch.randn(shape).T, 3)", "does not fit|must"),
        f"{DDPM}.ddim_p_sample": ("return self.network(xt[:0], float('nan'))", "does not fit|must"),
        f"{DDPM}.ddim_p_sample_loop": (
            "return self.network(torch.randn(shape), self.var_scheduler.num_train_timesteps)", "does not fit|must"
        ),
        f"{DDPM}.compute_loss": ("return self.q_sample(None, None, None).mean()", "raised"),
    },
}  # fmt: skip


@pytest.mark.parametrize("what", bulk(STRANGE, kept=["ends its process", "answers oddly"]))
def test_strange_code_costs_its_own_functions(what: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """All of it in `make proof`."""
    work = hand_in(tmp_path, {region: body for region, (body, _) in STRANGE[what].items()})
    verdict = grade(sandbox, work, tmp_path / "out", seconds=3.0 if what == "takes all it can get" else 20.0)
    assert verdict.state == "complete"
    assert {check.status for check in lost(verdict)} <= {"failed", "broken"}, [c.message for c in lost(verdict)]
    assert_readable(verdict)
    messages: dict[str, list[str]] = {}
    for check in load_rubric(MANIFEST):
        messages.setdefault(shortest(check.mark.region), []).extend(c.message for c in lost(verdict) if c.id == check.id)
    for region, (_, sentence) in STRANGE[what].items():
        found = messages.pop(shortest(region))
        assert any(re.search(sentence, message) for message in found), (region, found)
    assert not any(messages.values()), messages
    assert not any(SLEEP in (process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


@pytest.mark.parametrize(
    ("ending", "sentence"),
    [
        ("\nwhile True:\n    pass\n", r"Importing ddpm\.py did not finish within .* loop outside of the functions .* ddpm\.py, line \d"),
        ("\nimport os\nos._exit(0)\n", r"ended the process \(exit status 0\)"),
        ("\nraise SystemExit\n", r"called sys\.exit, exit or quit \(ddpm\.py"),
    ],
    ids=["endless", "exits", "sys.exit"],
)
def test_a_file_that_cannot_be_imported_is_tried_once(
    ending: str, sentence: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check of the file fails with the same sentence, and the waiting is done once."""
    work = hand_in(tmp_path, {})
    (work / "ddpm.py").write_text((work / "ddpm.py").read_text() + ending)
    failures: list[StudentFailure] = []
    request = Worker.request

    def watched(self: Worker, *args: Any, **kwargs: Any) -> Any:
        try:
            return request(self, *args, **kwargs)
        except StudentFailure as error:
            failures.append(error)
            raise

    monkeypatch.setattr(Worker, "request", watched)
    verdict = grade(sandbox, work, tmp_path / "out", seconds=3.0)
    assert len(failures) == 1
    assert points(verdict) == {"1-1": 5, "1-2": 0, "1-3": 0, "1-4": 0}
    assert all(re.search(sentence, check.message) for check in lost(verdict)), {c.message for c in lost(verdict)}
    assert_readable(verdict)


BEGINNINGS = {
    "from typing import override, TypedDict\n": r"typing\.override needs Python 3\.12 or newer, and the grader has Python 3\.\d+\.\d+; do",
    "import itertools\nx = itertools.batched([1], 1)\n": r"itertools\.batched needs Python 3\.12",
    "import annotationlib\n": r"imports annotationlib \(ddpm.py, line 1.*The module annotationlib needs Python 3\.14 or newer",
    "from math import nonsense\n": r"The grader has Python 3\.\d+\.\d+, whose math does not have it; another version of Python may\.",
    "get_ipython().run_line_magic('matplotlib', 'inline')\n": r"get_ipython is there in notebooks only; take the line out\.",
    "display(1)\n": r"display is there in notebooks only",
    "import torch\nx = torch.nonsense\n": r"module 'torch' has no attribute 'nonsense' \(ddpm.py, line 2: `x = torch.nonsense`\)\.$",
    "raise OSError(__file__)\n": r"raised OSError: ddpm\.py \(",
}  # fmt: skip


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_what_this_python_lacks_is_said_with_its_version(beginning: str, sandbox: Sandbox, tmp_path: Path) -> None:
    if sys.version_info >= (3, 12) and "needs Python" in BEGINNINGS[beginning]:
        pytest.skip("this Python has it")
    work = hand_in(tmp_path, {})
    (work / "ddpm.py").write_text(beginning + (work / "ddpm.py").read_text())
    verdict = grade(sandbox, work, tmp_path / "out", task="1-2")
    assert {check.task for check in lost(verdict)} == {"1-2"}
    assert all(re.search(BEGINNINGS[beginning], check.message) for check in lost(verdict)), {c.message for c in lost(verdict)}
    assert_readable(verdict)
    assert_no_path_of_this_machine(tmp_path / "out")


def test_compiled_code_earns_what_it_earns_uncompiled(sandbox: Sandbox, tmp_path: Path) -> None:
    """As a decorator, as a call, and by torch.jit; and what it prints holds no path."""
    work = hand_in(tmp_path, {})
    code = (work / "ddpm.py").read_text()
    code = code.replace("    def q_sample(", "    @torch.compile\n    def q_sample(").replace(
        "self.network = network", "self.network = torch.compile(network, mode='max-autotune')\n        self.network.compile()"
    )
    assert code.count("compile") == 3
    (work / "ddpm.py").write_text(code + "\n\n@torch.jit.script\ndef double(x):\n    return x * 2\n")
    verdict = grade(sandbox, work, tmp_path / "out")
    assert points(verdict) == FULL
    assert_no_path_of_this_machine(tmp_path / "out")


def test_without_ddim_the_profile_of_2024_loses_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    work = hand_in(tmp_path, {})
    code = (work / "ddpm.py").read_text()
    begin, end = code.index("    @torch.no_grad()\n    def ddim_p_sample("), code.index("    def compute_loss(")
    (work / "ddpm.py").write_text(code[:begin] + code[end:])
    options = Options(train=False, profile="kaist-2024", hints="none")
    verdict = grade_one(work, MANIFEST, options, tmp_path / "out", sandbox, quiet=True)
    assert (verdict.score, verdict.max_score) == (18.0, 30.5)
    assert {check.task for check in verdict.checks} == {"1-1", "1-2", "1-4", "1-5"}
    assert [check.id for check in verdict.checks if check.task == "1-5"] == ["1-5.ddpm_samples_the_swiss_roll"]
    assert "30.5 in all" in MANIFEST.profile("kaist-2024").title
    assert lost(verdict) == []


def test_a_step_that_always_raises_earns_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """Raising for rows at different t is allowed, but only to code that gives an answer for one t."""
    work = hand_in(tmp_path, {f"{DDPM}.p_sample": "raise ValueError('one t for the whole batch, please')"})
    verdict = grade(sandbox, work, tmp_path / "out", task="1-2")
    assert verdict.task_points("1-2")[0] == 4.5


def hand_in(folder: Path, bodies: dict[str, str]) -> Path:
    """A folder with the solution, some of its regions replaced."""
    work = folder / "work"
    work.mkdir()
    for name, content in apply_variant(MANIFEST, Variant("strange", "strange", bodies=bodies)).items():
        (work / name).write_bytes(content)
    return work


# The command line


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "There is no file or folder nowhere; check the path."),
        (["PASSES", "--assignment", "swiss_rol"], "There is no assignment 'swiss_rol'"),
        (["PASSES", "--task", "1-9"], "There is no task '1-9' in swiss_roll; the tasks are 1-1"),
        (["PASSES", "--profile", "kaist"], "There is no profile 'kaist' in swiss_roll; the profiles are default"),
        (["PASSES", "--hints", "nonsense"], "--hints takes none, where or what, not 'nonsense'."),
        (["PASSES", "--no-train", "--out", "FILE"], "cannot be written to"),
        (["PASSES", "--no-train", "--out", "FILE/inside"], "cannot be written to"),
        (["ENCRYPTED"], "encrypted.zip is encrypted; make a zip without a password."),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_wrong_use_ends_in_one_sentence(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("in the way")
    real = {"PASSES": make.SUBMISSIONS / "passes_all", "ENCRYPTED": make.SUBMISSIONS / "encrypted.zip"}
    real |= {"FILE": tmp_path / "file", "FILE/inside": tmp_path / "file" / "inside"}
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["autograder", "grade", *[str(real.get(a, a)) for a in arguments], *out])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.err.startswith("autograder: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_wrong_use_of_the_real_command(tmp_path: Path) -> None:
    command_line = [sys.executable, "-m", "autograder", "grade", "nowhere", "--out", str(tmp_path)]
    done = subprocess.run(command_line, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "autograder: There is no file or folder nowhere; check the path.\n"


# Stopped in the middle


BEFORE_THE_LOOP = {c.id: c.mark.points for c in load_rubric(MANIFEST) if shortest(c.mark.region) in ("q_sample", "p_sample")}


@contextlib.contextmanager
def grader_in_the_middle(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """`autograder grade` at work on an endless loop in p_sample_loop; and the processes below it."""
    work = hand_in(folder, {f"{DDPM}.p_sample_loop": "while True:\n    pass"})
    arguments = ["grade", str(work), "--task", "1-2", "--out", str(folder / "out")]
    command_line = [sys.executable, "-m", "autograder", *arguments]
    process = subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY)
    try:
        deadline = time.monotonic() + 120
        while finished(folder) < len(BEFORE_THE_LOOP):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, psutil.Process(process.pid).children(recursive=True)
    finally:
        process.kill()
        process.communicate()


def finished(folder: Path) -> int:
    """How many checks the verdict on disk has; it must be a whole verdict at every moment."""
    path = folder / "out" / "verdict.json"
    if not path.exists():
        return 0
    return sum(check.status != "not_run" for check in Verdict.from_json(path.read_text()).checks)


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    with grader_in_the_middle(tmp_path) as (process, below):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 130
        assert "Traceback" not in out + err
        assert "Grading was interrupted" in out
        assert below
        assert still_alive(below, timeout=60) == []
    verdict = Verdict.from_json((tmp_path / "out" / "verdict.json").read_text())
    assert verdict.state == "interrupted"
    assert verdict.reason
    assert_kept(verdict)
    assert (tmp_path / "out" / "report.html").exists()
    assert json.loads((tmp_path / "out" / "results.json").read_text())["tests"]


@pytest.mark.proof  # `make test` presses Ctrl-C on it, and kills a sandbox's owner (test_isolation.py)
def test_a_killed_grader_leaves_its_verdict_and_no_process(tmp_path: Path) -> None:
    with grader_in_the_middle(tmp_path) as (process, below):
        process.kill()
        process.communicate(timeout=120)
        assert below
        assert still_alive(below, timeout=60) == []
    verdict = Verdict.from_json((tmp_path / "out" / "verdict.json").read_text())
    assert verdict.state == "running"
    assert_kept(verdict)


def assert_kept(verdict: Verdict) -> None:
    """The checks that had finished are there and count; the others are not, and do not."""
    assert {check.id for check in verdict.checks if check.status == "passed"} == set(BEFORE_THE_LOOP)
    assert verdict.score == sum(BEFORE_THE_LOOP.values())
