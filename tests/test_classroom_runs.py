"""A class being graded: what is graded once, what a dying worker, a failing grader, Ctrl-C and kill -9 leave of it."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from autograder.classroom import engine, jobs
from autograder.classroom.grade_class import ClassOptions, grade_class
from autograder.classroom.ledger import NAME, Key, Line, canonical, current, read_ledger
from autograder.classroom.records import HandedIn
from autograder.errors import UserError
from autograder.grading.publishing import refused_verdict
from autograder.grading.seeds import SECRET_VARIABLE
from autograder.grading.session import Grading, Options
from autograder.manifest import load_manifest
from autograder.places import REPOSITORY
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import read_submission
from autograder.verdict import Notice, Verdict
from tests.processes import still_alive

MANIFEST = load_manifest("swiss_roll")
SAMPLES = REPOSITORY / "examples" / "submissions"
CALLS = "AUTOGRADER_TEST_CALLS"  # a folder in which the judges below leave a file for each call
SECRET = "the secret of this test, 32 chars"
BEHAVIOUR = ClassOptions(assignment="swiss_roll", train=False, workers=2)

pytestmark = pytest.mark.slow


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    monkeypatch.setenv(CALLS, str(folder))
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    monkeypatch.setattr(engine, "shared", no_zygote)
    return folder


def no_zygote(graders: int) -> contextlib.AbstractContextManager[None]:
    """In place of the zygote that graders share: it imports torch for seconds, and the judges below run no student's code."""
    return contextlib.nullcontext()


def a_class(folder: Path, **students: str) -> Path:
    """Students, each with a copy of a sample."""
    for student, sample in students.items():
        source = SAMPLES / sample
        if source.is_dir():
            shutil.copytree(source, folder / student, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(exist_ok=True, parents=True)
            shutil.copy(source, folder / f"{student}{source.suffix}")
    return folder


# Judges that run in the Dask workers in the place of the real one; they start no sandbox


def quick(job: jobs.Job) -> jobs.Judged:
    """Everything passed."""
    _note(job)
    empty = refused_verdict(MANIFEST, job.name, "")
    checks = [dataclasses.replace(check, status="passed", points=check.max_points) for check in empty.checks]
    later = Notice("staff", "said by judging")
    verdict = dataclasses.replace(empty, state="complete", checks=tuple(checks), digest=job.digest, notices=(later,))
    return jobs.Judged(verdict, (later,))


def deadly(job: jobs.Job) -> jobs.Judged:
    """Kills the grading process at one submission."""
    judged = quick(job)
    if b"### kills ###" in (job.path / "ddpm.py").read_bytes():
        os.kill(os.getpid(), signal.SIGKILL)
    return judged


def _note(job: jobs.Job) -> None:
    (Path(os.environ[CALLS]) / f"{job.name}-{os.getpid()}-{time.monotonic_ns()}").touch()


def called(calls: Path) -> Counter[str]:
    return Counter(path.name.partition("-")[0] for path in calls.iterdir())


def test_each_content_is_judged_once_and_nothing_twice(tmp_path: Path, calls: Path) -> None:
    folder = a_class(tmp_path / "in", ada="passes_all", eve="passes_all", bob="two_mistakes", kim="corrupt_zip.zip")
    (folder / "eve" / "ddpm.py").rename(folder / "eve" / "moved.py")
    (folder / "eve" / "moved.py").rename(folder / "eve" / "ddpm.py")
    graded = grade_class(folder, tmp_path / "out", BEHAVIOUR, judge=quick)
    assert {one.handed_in.student: one.verdict.state for one in graded} == {
        "ada": "complete", "bob": "complete", "eve": "complete", "kim": "refused",
    }  # fmt: skip
    counted = called(calls)
    assert counted.total() == 2  # ada and eve are one
    assert counted["bob"] == 1
    before = (tmp_path / "out" / NAME).read_bytes()
    shutil.copytree(folder / "ada", folder / "zoe")
    grade_class(folder, tmp_path / "out", BEHAVIOUR, judge=quick)
    assert called(calls) == counted
    added = (tmp_path / "out" / NAME).read_bytes()
    assert added.startswith(before)
    (line,) = [Line.from_json(text) for text in added[len(before) :].decode().splitlines()]
    assert (line.handed_in.student, line.verdict.submission) == ("zoe", "zoe")
    assert [notice.message for notice in line.verdict.notices if notice.kind == "staff"] == ["said by judging"]
    for one in (*graded, line):
        slug = one.handed_in.slug
        stored = Verdict.from_json((tmp_path / "out" / "reports" / slug / "verdict.json").read_text())
        assert stored == one.verdict
        assert (tmp_path / "out" / "reports" / slug / "report.html").stat().st_size > 1000


@pytest.mark.proof
def test_a_class_goes_on_with_another_set_of_files(tmp_path: Path, calls: Path) -> None:
    """Files uploaded one by one: a new one takes the place of the old, who is gone stays out, and nobody is graded twice."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate(("ddpm.py", "network.py"), 901):
        shutil.copy(SAMPLES / "passes_all" / name, folder / f"lovelaceada_11_{number}_{name}")
        shutil.copy(SAMPLES / "done_half" / name, folder / f"kimjiho_12_{number + 10}_{name}")
    grade_class(folder, tmp_path / "out", BEHAVIOUR, judge=quick)
    assert called(calls) == Counter(lovelaceada_11=1, kimjiho_12=1)
    for path in folder.glob("kimjiho*"):
        path.unlink()
    shutil.copy(SAMPLES / "two_mistakes" / "ddpm.py", folder / "lovelaceada_11_920_ddpm-1.py")
    (ada,) = grade_class(folder, tmp_path / "out", BEHAVIOUR, judge=quick)
    assert (ada.handed_in.identity, ada.verdict.digest) == ("id 11", read_submission(SAMPLES / "two_mistakes", MANIFEST).digest)
    assert called(calls) == Counter(lovelaceada_11=2, kimjiho_12=1)
    assert read_submission(tmp_path / "out" / "gathered" / "lovelaceada_11", MANIFEST).digest == ada.verdict.digest


@pytest.mark.proof
def test_a_submission_that_kills_its_worker_costs_no_other_and_is_tried_again_later(
    tmp_path: Path, calls: Path
) -> None:
    folder = a_class(tmp_path / "in", ada="passes_all", bob="two_mistakes", kim="done_half", eve="wrong_shape")
    with open(folder / "eve" / "ddpm.py", "a") as file:
        file.write("\n### kills ###\n")
    graded = {
        one.handed_in.student: one.verdict for one in grade_class(folder, tmp_path / "out", BEHAVIOUR, judge=deadly)
    }
    assert called(calls)["eve"] == 3
    lost = graded.pop("eve")
    assert {check.status for check in lost.checks} == {"grader_error"}
    assert lost.score == 0
    assert any(notice.kind == "staff" and "died 3 times" in notice.message for notice in lost.notices)
    assert {verdict.score for verdict in graded.values()} == {50.0}
    counted = called(calls)
    again = {
        one.handed_in.student: one.verdict for one in grade_class(folder, tmp_path / "out", BEHAVIOUR, judge=quick)
    }
    assert again["eve"].score == 50.0
    assert called(calls) - counted == Counter(eve=1)
    assert {line.verdict.score for line in current(read_ledger(tmp_path / "out"))} == {50.0}


class Stub:
    """In the place of what a Dask worker holds."""

    def __init__(self, sandbox: Sandbox | None = None):
        self.opened, self.renewed = sandbox, 0

    def sandbox(self) -> Sandbox | None:
        return self.opened

    def renew(self) -> None:
        self.renewed += 1


def job(sample: str, **changes: object) -> jobs.Job:
    read = read_submission(SAMPLES / sample, MANIFEST)
    plain = jobs.Job(SAMPLES / sample, sample, MANIFEST.id, Options(train=False), SECRET.encode(), read.digest)
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def test_an_exception_of_the_grader_is_a_verdict_for_staff(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = Stub()
    monkeypatch.setattr(jobs, "plugin", lambda: stub)
    monkeypatch.setattr(jobs, "Grading", lambda *arguments: 1 / 0)
    judged = jobs.judge(job("passes_all"))
    assert stub.renewed == jobs.ATTEMPTS
    assert "ZeroDivisionError" in judged.trouble
    assert {check.status for check in judged.verdict.checks} == {"grader_error"}
    assert [notice.kind for notice in judged.verdict.notices] == ["staff"]


def test_a_submission_that_changes_meanwhile_is_not_judged_as_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "plugin", lambda: Stub())
    judged = jobs.judge(job("passes_all", digest="0" * 64))
    assert "changed" in judged.trouble


def comparable(verdict: Verdict) -> list[dict[str, object]]:
    checks = json.loads(verdict.to_json())["checks"]
    return [{name: value for name, value in check.items() if name != "seconds"} for check in checks]


def test_a_task_judged_again_leaves_the_others_and_gives_what_the_whole_gives(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "plugin", lambda: Stub(sandbox))
    asked = job("two_mistakes")
    whole = jobs.judge(asked).verdict
    alone = Grading(MANIFEST, read_submission(asked.path, MANIFEST), asked.options, sandbox, asked.secret).run()
    assert comparable(whole) == comparable(alone)
    assert whole.notices == alone.notices

    other = next(check for check in whole.checks if check.task == "1-1")
    own = next(check for check in whole.checks if check.task == "1-4" and check.status == "passed")
    old = whole.with_check(dataclasses.replace(other, status="failed", points=0.0, message="as it was"))
    old = old.with_check(dataclasses.replace(own, status="failed", points=0.0, message="wrong"))
    line = Line(Key(asked.digest, "", "", ""), HandedIn(asked.path, "Ada"), old, len(whole.notices))
    again = jobs.judge(dataclasses.replace(asked, task="1-4", before=line)).verdict
    assert next(check for check in again.checks if check.id == other.id).message == "as it was"
    rest = [check for check in comparable(again) if check["id"] != other.id]
    assert rest == [check for check in comparable(whole) if check["id"] != other.id]


def test_tasks_that_need_the_regraded_one_follow_where_its_mistakes_change(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Task 1-4 needs 1-2. Where 1-2 turns out to be wrong and was not before, 1-4 is judged again too."""
    monkeypatch.setattr(jobs, "plugin", lambda: Stub(sandbox))
    asked = job("forgot_the_square_root")
    whole = jobs.judge(asked).verdict
    assert any(check.status == "failed" for check in whole.checks if check.task == "1-2")
    old = whole
    for check in whole.checks:
        if check.task in ("1-2", "1-4"):
            status, points = ("passed", check.max_points) if check.task == "1-2" else ("failed", 0.0)
            old = old.with_check(dataclasses.replace(check, status=status, points=points, hint=""))  # type: ignore[arg-type]
    line = Line(Key(asked.digest, "", "", ""), HandedIn(asked.path, "Ada"), old, len(whole.notices))
    again = jobs.judge(dataclasses.replace(asked, task="1-2", before=line)).verdict
    assert comparable(again) == comparable(whole)


def test_where_a_shared_zygote_is_lost_a_grader_starts_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[Path | None] = []

    class Opening:
        def __init__(self, require: str | None, shared: Path | None = None):
            self.shared = shared

        def __enter__(self) -> "Opening":
            opened.append(self.shared)
            if self.shared is not None:
                raise UserError("The process that imports torch could not start, or has ended")
            return self

    monkeypatch.setattr(engine, "Sandbox", Opening)
    plugin = engine.GraderPlugin("swiss_roll", None, tmp_path)
    assert plugin.sandbox() is plugin.sandbox()
    assert opened == [tmp_path, None]


def test_code_that_cannot_be_compared_with_others_is_graded_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "regions_of", lambda files, manifest: 1 / 0)
    seen = jobs.look(job("passes_all"))
    assert seen.refused is None
    assert seen.digest == job("passes_all").digest
    assert seen.regions == ()


# The command, killed


MIXED = dict(
    ada="passes_all", bob="two_mistakes", eve="done_half", ida="kills_its_process", kim="corrupt_zip.zip", lee="returns_nan",
    noa="syntax_error", zoe="passes_all",
)  # fmt: skip
REFUSED = 1  # of them; their lines come first


def start(folder: Path, out: Path, temporary: Path) -> subprocess.Popen[bytes]:
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, SECRET_VARIABLE: SECRET, "TMPDIR": str(temporary)}
    command = [
        sys.executable,
        "-m",
        "autograder",
        "class",
        str(folder),
        "-a",
        "swiss_roll",
        "--no-train",
        "--workers",
        "2",
        "--out",
        str(out),
    ]
    return subprocess.Popen(
        command,
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def stop_after(
    process: subprocess.Popen[bytes], ledger: Path, lines: int, number: int
) -> tuple[list[psutil.Process], str]:
    """Send the signal when the ledger has so many lines. Gives what ran below the process, and what it printed."""
    while not ledger.exists() or ledger.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, process.stdout and process.stdout.read().decode()
        time.sleep(0.02)
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    printed, _ = process.communicate()
    return below, printed.decode()


@pytest.mark.proof  # a class is started four times
def test_a_class_that_is_killed_and_stopped_ends_with_the_ledger_of_one_that_is_not(tmp_path: Path) -> None:
    folder, out, temporary = a_class(tmp_path / "in", **MIXED), tmp_path / "out", tmp_path / "tmp"
    process = start(folder, out, temporary)
    below, _ = stop_after(process, out / NAME, REFUSED + 1, signal.SIGKILL)
    assert len(below) > 4  # two graders, their sandboxes, workers
    assert still_alive(below, 60) == []
    assert [path.name for path in temporary.iterdir() if path.name.startswith("autograder-")] == []
    first = (out / NAME).read_bytes()

    process = start(folder, out, temporary)
    lines = first.count(b"\n")
    below, printed = stop_after(process, out / NAME, lines + 2, signal.SIGINT)
    assert process.returncode == 130
    assert "Start the same command again to go on" in printed
    assert "Traceback" not in printed
    assert still_alive(below, 60) == []
    assert list(temporary.iterdir()) == []

    process = start(folder, out, temporary)
    printed = process.communicate()[0].decode()
    assert process.returncode == 0, printed
    assert (out / NAME).read_bytes().startswith(first)
    assert sorted(path.name for path in out.iterdir()) == ["class.json", "index.html", NAME, "reports"]
    assert list(temporary.iterdir()) == []
    lines_kept = read_ledger(out)
    assert len(lines_kept) == len(MIXED)  # nothing was graded twice

    process = start(folder, tmp_path / "whole", temporary)
    assert process.wait() == 0
    assert canonical(lines_kept) == canonical(read_ledger(tmp_path / "whole"))
