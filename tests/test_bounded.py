"""What takes too long or too much memory to read costs itself only. Tests say how much work is done, never how long it takes."""

import ast
import contextlib
import dataclasses
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.classroom import jobs
from autograder.commands import grade_one as command
from autograder.errors import UserError
from autograder.grading.mutants import solution_files
from autograder.grading.session import Options
from autograder.manifest import load_manifest
from autograder.submission import bounded as module
from autograder.submission import comparison, devices
from autograder.submission.beside import Beside
from autograder.submission.bounded import Bounds, bounded
from autograder.submission.guess import guess_assignment
from autograder.submission.intake import Submission, read_submission
from autograder.submission.notebook_places import Origin
from autograder.submission.rules import Refused
from autograder.verdict import Notice

MANIFEST = load_manifest("swiss_roll")
FILES = {name: solution_files(MANIFEST)[name] for name in MANIFEST.files.todo}
ODD = "kitten\udcfc \u202e.png"  # a name of bytes that are no text, and one that turns its letters around
EVERYTHING = Submission(
    "work.zip", {"ddpm.py": b"\x00\xff", "a/b.py": b""}, "digest", (Notice("intake", "said", deduction=0.5),), ("network.py",),
    {"ddpm.py": "line 1"}, "here", {"data.npy": b"numbers"}, (Beside("ddpm (1).py", "x = 1", "ddpm.py", True),), {ODD: b"pixels"}, b"weights",
    {"class": b"weights of a model"}, (ODD, "ddpm.py"),
    {"ddpm.py": "work.ipynb"}, {"ddpm.py": (Origin(1, 4, 2),)}, {"network.py:SimpleNet": "cell 3 is broken"}, True,
)  # fmt: skip


# Questions; they are asked of another process, so they stand at the top of a module.


def everything() -> Submission:
    return EVERYTHING


def for_ever() -> str:
    while True:
        pass


def hungry() -> str:
    return "x" * (4 << 30)


def waits() -> str:
    os.read(os.pipe()[0], 1)
    return ""


def killed(number: int) -> str:
    os.kill(os.getpid(), number)
    return ""


def fails(error: BaseException) -> str:
    raise error


def of_another_type() -> list[int]:
    return [1]


def process() -> int:
    return os.getppid()


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOUNDS", Bounds(processor_seconds=1, seconds=20, megabytes=500))


def test_a_record_comes_back_as_it_was() -> None:
    assert bounded("work", Submission, everything) == EVERYTHING
    assert bounded("work", Submission, everything).checkpoint == b"weights"


def test_what_takes_too_long_is_told_so_and_the_next_is_read(tight: None) -> None:
    with pytest.raises(Refused, match=r"work\.zip takes more than 1 s of processor time to read, as no work"):
        bounded("work.zip", str, for_ever)
    assert bounded("work.zip", Submission, everything) == EVERYTHING


def test_what_takes_too_much_memory_is_told_so(tight: None) -> None:
    with pytest.raises(Refused, match=r"work\.zip takes more than 500 MB of memory to read"):
        bounded("work.zip", str, hungry)


def test_a_disk_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOUNDS", Bounds(seconds=1))
    with pytest.raises(Refused, match=r"work\.zip was not read within 1 s; check that the disk it lies on answers"):
        bounded("work.zip", str, waits)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT])
def test_a_reader_that_dies_is_no_answer(number: int) -> None:
    with pytest.raises(Refused, match=rf"work\.zip cannot be read: .* ended without an answer .status -{int(number)}."):
        bounded("work.zip", str, killed, number)
    assert bounded("work.zip", Submission, everything) == EVERYTHING


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Refused("it is a link."), Refused),
        (UserError("the solution is gone."), UserError),
        (ZeroDivisionError("a fault"), RuntimeError),
        (SystemExit(0), RuntimeError),
    ],
)
def test_errors_come_back_as_what_they_are(error: BaseException, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=str(error)) as caught:
        bounded("work.zip", str, fails, error)
    assert type(caught.value) is kind


def test_an_answer_of_another_type_is_no_answer() -> None:
    with pytest.raises(UserError, match="work must be str"):
        bounded("work", str, of_another_type)


def _in_a_fork(queue: Any) -> None:
    queue.put(bounded("work", int, process))


def test_a_process_that_was_forked_has_a_reader_of_its_own() -> None:
    mine = bounded("work", int, process)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_a_fork, args=(queue,))
    child.start()
    assert queue.get() != mine == bounded("work", int, process)
    child.join()


def test_a_question_that_is_broken_off_leaves_no_answer_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(channel: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_read_all", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bounded("work", Submission, everything)
    assert bounded("work", int, process) > 0


# Work that grows no faster than the file


def submission(code: str) -> Submission:
    return Submission("work", {**FILES, "ddpm.py": code.encode()}, "digest")


@contextlib.contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Iterator[list[int]]:
    calls, real = [0], getattr(owner, name)

    def counting(*arguments: Any) -> Any:
        calls[0] += 1
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, counting)
        yield calls


CHAINS: dict[str, Callable[[int], str]] = {
    "one name": lambda n: "x=" * n + "1\n",
    "many names": lambda n: "=".join(f"x{i}" for i in range(n)) + "=1\n",
    "tuples": lambda n: "(x,y)=" * n + "f()\n",
    "attributes": lambda n: "x.a=" * n + "1\n",
}


@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_of_assignments_is_written_down_once(chain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work = []
    for length in (10, 1000):
        with counted(monkeypatch, ast, "unparse") as calls:
            comparison.outside_edits(MANIFEST, submission(CHAINS[chain](length)))
        work.append(calls[0])
    assert work[1] <= work[0] + 5


@pytest.mark.parametrize("chain", CHAINS)
def test_the_value_of_a_chain_is_asked_once_whether_it_is_a_device(chain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work = []
    for length in (10, 1000):
        code = CHAINS[chain](length).replace("1\n", "f()\n") + "torch.cuda.is_available()\ns = 'cuda'\n"
        with counted(monkeypatch, devices, "_asks") as calls:
            devices.hard_coded_devices(code)
        work.append(calls[0])
    assert work[1] <= work[0]


def test_functions_in_functions_are_not_walked_again_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def code(terms: int) -> str:
        nested = "".join(" " * depth + "def f():\n" for depth in range(90))
        return nested + " " * 90 + "x = (" + ",".join(["y"] * terms) + ")\ntorch.cuda.is_available()\ns = 'cuda'\n"

    work = []
    for terms in (10, 1010):
        with counted(monkeypatch, ast, "walk") as walks, counted(monkeypatch, ast, "iter_child_nodes") as calls:
            devices.hard_coded_devices(code(terms))
        work.append(walks[0] + calls[0])
    assert work[1] - work[0] < 5 * 1000


# Numbers that Python cannot write in decimals


@pytest.mark.parametrize(
    "code", ["f(0x{})\n", "x = 0x{}\n", "class DiffusionModule:\n    a = 0x{}\n", "def f(x=0x{}): pass\n"]
)
def test_a_number_of_thousands_of_digits_is_compared_like_any_other(code: str) -> None:
    long = submission(FILES["ddpm.py"].decode() + code.format("f" * 9000))
    other = submission(FILES["ddpm.py"].decode() + code.format("e" * 9000))
    told = [comparison.outside_edits(MANIFEST, one) for one in (long, other)]
    loose_or_given = not code.startswith(("x", "def"))
    assert [len(notices) for notices in told] == [int(loose_or_given)] * 2
    comparison.untouched_regions(MANIFEST, long)


# A whole submission, and a class

SLOW = "import torch\ntorch.cuda.is_available()\ns = 'cuda'\nx = " + ("(" + "a or " * 480) * 90 + "c" + ")" * 90 + "\n"


def write(folder: Path, **files: str | bytes) -> Path:
    folder.mkdir()
    for name, content in {**FILES, **{name.replace("_py", ".py"): text for name, text in files.items()}}.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_a_submission_that_takes_too_long_has_a_verdict_that_says_so(tight: None, tmp_path: Path) -> None:
    verdict = command.grade_one(
        write(tmp_path / "slow", ddpm_py=SLOW), MANIFEST, Options(train=False), tmp_path / "out", quiet=True
    )
    assert (verdict.state, verdict.score, verdict.max_score) == ("refused", 0.0, 50.0)
    assert "slow takes more than 1 s of processor time to read" in verdict.reason
    assert json.loads((tmp_path / "out" / "verdict.json").read_text())["state"] == "refused"


def test_of_a_class_it_costs_itself_only(tight: None, tmp_path: Path) -> None:
    seen = []
    for name, code in (("slow", SLOW), ("good", FILES["ddpm.py"])):
        path = write(tmp_path / name, ddpm_py=code)
        seen.append(jobs.look(jobs.Job(path, name, MANIFEST.id, Options(train=False), b"secret of the test")))
    assert seen[0].refused is not None
    assert "takes more than 1 s of processor time" in seen[0].refused.reason
    assert seen[1].refused is None
    assert {region.name.partition(":")[0] for region in seen[1].regions} == {"ddpm.py", "network.py"}


def test_reading_and_guessing_go_through_the_reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "work")
    read = read_submission("work/", MANIFEST)
    assert (read.name, read.files) == ("work", FILES)
    assert guess_assignment("work") == "swiss_roll"
    with counted(monkeypatch, module, "build_record") as calls:
        read_submission("work", MANIFEST)
        guess_assignment("work")
    assert calls[0] == 2
    assert dataclasses.replace(read, name="") == dataclasses.replace(
        read_submission(tmp_path / "work", MANIFEST), name=""
    )
