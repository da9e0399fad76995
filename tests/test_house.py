"""What a submission can cost the house: the grader's own memory, its time, and a check that fails by the student's values."""

import dataclasses
import itertools
import textwrap
from typing import Any

import numpy as np
import pytest

from autograder.grading import judging, memory
from autograder.grading.checks import Note, WrongAnswer, expect_integer
from autograder.grading.judging import Judging
from autograder.grading.mutants import solution_files
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import MOST_CHARACTERS, Judgement, run_check
from autograder.grading.session import Grading, Options
from autograder.judges.network import as_timesteps
from autograder.limits import Limits
from autograder.manifest import load_manifest
from autograder.markers import replace_solution, strip_markers
from autograder.sandbox import proxies
from autograder.sandbox.clock import Clock
from autograder.sandbox.failures import Died, GraderHangup
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.layers import process
from autograder.sandbox.proxies import Student
from autograder.sandbox.wire import Array
from autograder.submission.intake import Submission, digest_of
from autograder.verdict import Verdict
from tests.bulk import bulk

MANIFEST = load_manifest("swiss_roll")
CHECKS = {check.id: check for check in load_rubric(MANIFEST)}
SECRET = b"the secret of these tests"


def submission(bodies: dict[str, str] | None = None, ddpm: str = "", network: str = "") -> Submission:
    """The solution with other answers in some regions, and with code after its files."""
    files = {name: content for name, content in solution_files(MANIFEST).items() if name in MANIFEST.files.todo}
    if bodies:
        text = (MANIFEST.solution / "ddpm.py").read_text(encoding="utf-8")
        for region, body in bodies.items():
            text = replace_solution(text, region, textwrap.dedent(body).strip("\n"), "ddpm.py")
        files["ddpm.py"] = strip_markers(text, "ddpm.py").encode()
    for name, code in (("ddpm.py", ddpm), ("network.py", network)):
        files[name] += b"\n\n" + textwrap.dedent(code).encode()
    return Submission("some student", files, digest_of(files))


def grade(sandbox: Sandbox, handed_in: Submission, task: str | None, **limits: float) -> Verdict:
    manifest = dataclasses.replace(MANIFEST, limits=dataclasses.replace(MANIFEST.limits, **limits))
    return Grading(manifest, handed_in, Options(train=False, task=task, hints="none"), sandbox, SECRET).run()


def messages(verdict: Verdict, task: str) -> list[str]:
    return [check.message for check in verdict.checks if check.task == task]


# The grader's own memory


def test_a_limit_on_this_process_ends_with_its_context() -> None:
    if not process.sizes()["VmData"]:
        pytest.skip("only Linux has this limit")
    with memory.limited(256):
        with pytest.raises(MemoryError):
            bytearray(400 << 20)
        assert len(bytearray(50 << 20)) == 50 << 20
    assert len(bytearray(400 << 20)) == 400 << 20


@pytest.mark.slow
def test_what_the_grader_cannot_hold_costs_the_check_and_no_other(sandbox: Sandbox) -> None:
    """A check that is short of memory is the submission's loss, in words; the grader and its worker go on."""
    if not process.sizes()["VmData"]:
        pytest.skip("only Linux has this limit")

    def hungry(student: Student) -> None:
        np.ones(1 << 40, dtype=np.uint8)

    check = CHECKS["1-2.forward_process_closed_form"]
    with sandbox.lane() as lane:
        student = Student(lane, solution_files(MANIFEST), MANIFEST.limits)
        starved = dataclasses.replace(check, function=hungry)
        judgement = run_check(starved, student, SECRET, "digest")
        assert judgement.status == "broken"
        assert "more than it can hold" in judgement.message
        assert run_check(check, student, SECRET, "digest").status == "passed"


ROWS_WITHOUT_COLUMNS = """
for k in range(90):
    try:
        self.network(torch.empty({rows}, 0), k)
    except RuntimeError:
        pass
return xt
"""
BYTES = "for k in range(90):\n    self.network(torch.full(({rows}, 1), k, dtype=torch.uint8), k)\nreturn xt"


CALLED = {
    "rows": ROWS_WITHOUT_COLUMNS.format(rows=2_000_000),
    "more rows": ROWS_WITHOUT_COLUMNS.format(rows=16_000_000),
    "most rows": ROWS_WITHOUT_COLUMNS.format(rows=60_000_000),
    "bytes": BYTES.format(rows=3_000_000),
    "more bytes": BYTES.format(rows=30_000_000),
    "floats": "for k in range(90):\n    self.network(torch.full((1, 8_000_000), k, dtype=torch.float32), k)\nreturn xt",
    "truth values": (
        "for k in range(90):\n    self.network(torch.full((2_000_000, 3), k, dtype=torch.bool), torch.zeros(1, dtype=torch.bool))\nreturn xt"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", bulk(CALLED, kept=["most rows", "bytes", "floats"]))
def test_what_a_network_is_called_with_is_counted_before_it_is_kept(sandbox: Sandbox, what: str, peak: Any) -> None:
    """All of it in `make proof`."""
    verdict = grade(sandbox, submission({"p_sample": CALLED[what]}), "1-2")
    assert {check.status for check in verdict.checks} <= {"passed", "failed", "broken", "not_run"}
    assert verdict.score < MANIFEST.task("1-2").points
    assert peak() < 1500
    assert [check.status for check in verdict.checks if "forward_process" in check.id] == ["passed"] * 3


@pytest.fixture
def peak() -> Any:
    """How many megabytes more than at the beginning this process has held at most."""

    def status(name: str) -> float:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name)) / 1024

    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        before = status("VmRSS")
    except (OSError, StopIteration):
        pytest.skip("only Linux tells the peak")
    return lambda: status("VmHWM") - before


@pytest.mark.parametrize(
    ("shape", "count"), [((3, 4), 12), ((), 1), ((0,), 1), ((1000, 0), 1000), ((0, 7, 5), 35), ((1, 0, 1), 1)]
)
def test_an_empty_array_counts_by_its_other_sizes(shape: tuple[int, ...], count: int) -> None:
    assert proxies.numbers_in([{"x": (Array("uint8", shape, b""), 1, "y")}]) == count


def test_answers_and_calls_share_what_a_check_may_receive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "MOST_NUMBERS_IN_A_CHECK", 100)
    monkeypatch.setattr(proxies, "MOST_NUMBERS_IN_A_CALL", 60)
    monkeypatch.setattr(proxies, "MOST_CALLS_IN_A_CHECK", 9)
    allowance, array = proxies.Allowance(), Array("float32", (5, 10), b"")
    allowance.take(array)
    allowance.take_call([array], kept=False)
    with pytest.raises(GraderHangup, match="a call with 100 numbers"):
        allowance.take_call([array, array], kept=True)
    allowance.take_call([array], kept=True)
    with pytest.raises(Died, match="more than 100 numbers"):
        allowance.take(array)
    allowance = proxies.Allowance()
    for _ in range(9):
        allowance.take_call([], kept=True)
    with pytest.raises(Died, match="more than 9 times"):
        allowance.take_call([], kept=True)


@pytest.mark.slow
def test_a_new_check_has_an_allowance_of_its_own(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "MOST_NUMBERS_IN_A_CHECK", 150_000)
    one = grade(sandbox, submission(), "1-2")
    by_id = {check.id: check for check in one.checks}
    assert by_id["1-2.forward_process_draws_noise"].status == "passed"  # 32,768 numbers
    assert by_id["1-2.forward_process_takes_data_of_any_shape"].status == "passed"  # about 108,000
    assert "more than 150,000 numbers in one check" in by_id["1-2.reverse_step_mean"].message


# Time


@pytest.mark.slow
def test_a_check_ends_with_its_clock_whatever_each_call_takes(sandbox: Sandbox) -> None:
    """Every call answers within its limit; all together do not within that of the check."""
    slow = "import time\nhonest = {name}\ndef slowed(self, *a, **k):\n    time.sleep(0.3)\n    return honest(self, *a, **k)\n{name} = slowed\n"
    handed_in = submission(ddpm=slow.format(name="DiffusionModule.p_sample"))
    verdict = grade(sandbox, handed_in, "1-2", seconds_per_call=20, seconds_per_check=0.9)
    late = [check for check in verdict.checks if "reverse_step" in check.id and check.status == "broken"]
    assert late
    assert all("0.9 seconds were over that one check may take" in check.message for check in late)


@pytest.mark.slow
def test_the_checks_of_a_task_share_a_clock(sandbox: Sandbox) -> None:
    handed_in = submission({"q_sample": "import time\ntime.sleep(1.2)\nraise ValueError('slow')"})
    verdict = grade(sandbox, handed_in, "1-2", seconds_per_check=20, seconds_per_task=1.0)
    said = messages(verdict, "1-2")
    assert "the 1 seconds were over that the checks of task 1-2 may take together" in said[0]
    assert all(text.startswith("Not judged, because the 1 seconds were over") for text in said[1:])
    assert verdict.state == "complete"
    assert verdict.score == 0


@pytest.mark.slow
def test_a_task_that_took_its_time_leaves_the_others_theirs_and_what_was_judged_counts(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    grading = Grading(MANIFEST, submission(), Options(train=False, hints="none"), sandbox, SECRET)
    judge = Judging.judge

    def slow(self: Judging, check: Any) -> Judgement:
        """As if the third check of the task had taken all its time."""
        judgement = judge(self, check)
        if check.id == "1-2.forward_process_takes_data_of_any_shape":
            self.spent["1-2"] += MANIFEST.limits.seconds_per_task
        return judgement

    monkeypatch.setattr(Judging, "judge", slow)
    checks = grading.run().checks
    assert [check.status for check in checks if check.task == "1-2"] == ["passed"] * 3 + ["broken"] * 6
    assert {check.status for check in checks if check.task in ("1-1", "1-3", "1-4")} == {"passed"}


@pytest.mark.slow
def test_grading_ends_with_the_clock_of_the_submission(sandbox: Sandbox) -> None:
    handed_in = submission(network="import time\ntime.sleep(60)\n")
    verdict = grade(sandbox, handed_in, None, seconds_per_call=100, seconds_per_submission=1.5)
    assert verdict.state == "complete"
    assert "the 1.5 seconds were over that grading may take" in verdict.checks[0].message
    assert all(check.status in ("broken", "not_run") for check in verdict.checks)
    assert sandbox.clock is None
    assert grade(sandbox, submission(), "1-1").score == 5


LAYERS = """
import time
class Slow(TimeLinear):
    def __getattribute__(self, name):
        if name in ("dim_in", "dim_out"):
            time.sleep({seconds})
        return super().__getattribute__(name)
slow = Slow(3, 16, 20)
SimpleNet.modules = lambda self: iter([slow] * {count})
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "seconds", "in_all", "sentence"),
    [
        (5, 1.0, 1.5, "1.5 seconds were over"),
        (50_000, 0.0, 100, "50,000 layers of one kind"),
        (1001, 0.0, 100, "1,001 layers"),
    ],
)
def test_layers_without_number_end_in_a_sentence(
    sandbox: Sandbox, count: int, seconds: float, in_all: float, sentence: str
) -> None:
    handed_in = submission(network=LAYERS.format(count=count, seconds=seconds))
    verdict = grade(sandbox, handed_in, "1-1", seconds_per_check=in_all)
    by_id = {check.id: check for check in verdict.checks}
    assert sentence in by_id["1-1.one_time_linear_for_each_pair"].message


def test_of_two_clocks_the_first_to_run_out_counts() -> None:
    class Lane:
        clocks = (Clock.start("one check may take", 100.0), Clock.start("its task may take", 200.0, already=150.0))

        class sandbox:
            clock = Clock.start("grading may take", 3600.0)

    from autograder.sandbox.lane import Lane as Real

    found = Real.next_clock(Lane())  # type: ignore[arg-type]
    assert found is Lane.clocks[1]
    assert not found.over()
    assert Clock.start("it may take", 3.0, already=3.0).over()


def test_every_limit_of_time_is_larger_than_those_within_it() -> None:
    for limits in (Limits(), MANIFEST.limits, load_manifest("image_diffusion").limits):
        assert (
            limits.seconds_per_call < limits.seconds_per_check < limits.seconds_per_task < limits.seconds_per_submission
        )
        assert limits.seconds_training < limits.seconds_per_submission


# A check that fails by the student's values


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        None,
        "3",
        2.0,
        float("nan"),
        True,
        0,
        -1,
        5000,
        2**62,
        np.zeros(0),
        np.ones((1,), int),
        np.array(2.0),
        {},
    ],
)
def test_what_is_no_size_is_a_wrong_answer(value: Any) -> None:
    with pytest.raises(WrongAnswer, match="dim_in must be a whole number from 1 to 4,096; yours is"):
        expect_integer(value, 1, 4096, "dim_in")


@pytest.mark.parametrize("value", [1, 7, 4096, np.array(7), np.array(7, dtype=np.uint8)])
def test_a_size_may_be_a_number_or_a_tensor_without_dimensions(value: Any) -> None:
    assert expect_integer(value, 1, 4096, "dim_in") == int(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.array([1.0, np.nan]), np.array(-np.inf)])
def test_a_time_that_is_not_finite_is_refused_before_it_is_kept(value: Any) -> None:
    with pytest.raises(WrongAnswer, match="t must be finite"):
        as_timesteps(value, 2)


def test_evidence_is_cut_before_it_is_widened() -> None:
    note = Note()
    note("many", np.broadcast_to(np.uint8(3), (1 << 20, 1 << 20)), 0)  # a terabyte as it is
    assert note.values["many"][0].tolist() == [3.0] * 64


@pytest.mark.slow
def test_a_long_message_is_cut(sandbox: Sandbox) -> None:
    def wordy(student: Student) -> None:
        raise WrongAnswer("x" * 10**6)

    with sandbox.lane() as lane:
        student = Student(lane, {}, MANIFEST.limits)
        check = dataclasses.replace(CHECKS["1-1.output_shape"], function=wordy)
        assert len(run_check(check, student, SECRET, "digest").message) <= MOST_CHARACTERS


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["student", "grader"])
def test_a_check_that_fails_with_the_student_s_values_only_is_the_student_s(
    sandbox: Sandbox, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception in a check is tried again with the solution: where it passes, the values were at fault, else the grader."""
    honest = judging.run_check

    def failing(check: Any, student: Student, *more: Any, **extra: Any) -> Judgement:
        if whose == "grader" or student.files != solution_files(MANIFEST):
            judgement = Judgement("grader_error", "The grader itself failed.", "grader")
            judgement.detail = "IndexError: of the test"
            return judgement
        return honest(check, student, *more, **extra)

    monkeypatch.setattr(judging, "run_check", failing)
    verdict = grade(sandbox, submission(network="# by the student\n"), "1-1")
    statuses = {check.status for check in verdict.checks if check.task == "1-1"}
    remarks = [notice.message for notice in verdict.notices if "IndexError: of the test" in notice.message]
    if whose == "student":
        assert statuses == {"broken"}
        assert "cannot go on with a value that your code returned" in verdict.checks[0].message
        assert "IndexError" not in verdict.checks[0].message
        assert len(remarks) == 4
    else:
        assert statuses == {"grader_error"}
        assert remarks == []


ODD: dict[str, Any] = {
    "a list": lambda value: [1, 2],
    "nothing": lambda value: None,
    "a text": lambda value: "a",
    "a number that is none": lambda value: float("nan"),
    "a negative number": lambda value: -1,
    "a large number": lambda value: 10**9,
    "a dictionary": lambda value: {},
    "no data": lambda value: proxies.Opaque("a generator"),
    "an empty tensor": lambda value: np.zeros((2, 0), np.float32),
    "NaN everywhere": lambda value: np.full(np.shape(value), np.nan, np.float32),
    "large integers": lambda value: np.full(np.shape(value), 2**62),
    "truth": lambda value: np.ones(np.shape(value), bool),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", bulk(
    [c.id for c in CHECKS.values() if "student" in c.parameters],
    kept=["1-1.one_time_linear_for_each_pair", "1-2.forward_process_closed_form", "1-2.reverse_step_mean", "1-3.ddim_loop_steps",
          "1-4.loss_noises_the_data"],
))  # fmt: skip
def test_no_value_makes_a_check_fail_by_itself(sandbox: Sandbox, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first and the last value that a check receives, as an answer or with a call, replaced by something odd. All checks in `make proof`."""
    check = CHECKS[name]
    real, seen, at, odd = proxies.from_wire, 0, 0, ""

    def replaced(value: Any) -> Any:
        nonlocal seen
        seen += 1
        return ODD[odd](value) if seen == at else value

    def from_wire(value: Any) -> Any:
        value = real(value)
        return (
            value if type(value) in (tuple, dict) else replaced(value)
        )  # a call's arguments; each of them has been here

    monkeypatch.setattr(proxies, "from_wire", from_wire)
    with sandbox.lane() as lane:
        student = Student(lane, solution_files(MANIFEST), MANIFEST.limits)
        assert run_check(check, student, SECRET, "digest").status == "passed"
        last = seen
        for place, name in zip(itertools.cycle((1, last)), ODD):
            seen, at, odd = 0, place, name
            judgement = run_check(check, student, SECRET, "digest")
            assert judgement.status != "grader_error", (place, name, judgement.detail)
            if judgement.status != "passed":
                student.fresh()
