"""The bonus task "flow": rectified flow in the place of diffusion, without classes and with them."""

from autograder.assignments.mnist_diffusion.networks import CLASSES
from autograder.assignments.mnist_diffusion.unet_judge import expect_heard_as_told
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import euler, flow
from autograder.judges.flow import Flow
from autograder.judges.signature import Signature
from autograder.sandbox.proxies import Student

TIME_FORWARD, TIME_SAMPLE = "flow_matching.py:time_fm_forward", "flow_matching.py:time_fm_sample"
ROWS = 32  # of which none is dropped, or all are, with probability 5e-10
CLASS_FORWARD, CLASS_SAMPLE = "flow_matching.py:class_fm_forward", "flow_matching.py:class_fm_sample"


def without_classes(student: Student) -> Flow:
    return Flow(
        student, forward="time_fm_forward", sample="time_fm_sample", wrapper="TimeConditionalFM", network="unet(x_t, t)",
        arguments=Signature(("x", "t")), file="flow_matching", steps="num_ts",
    )  # fmt: skip


def with_classes(student: Student) -> Flow:
    return Flow(
        student, forward="class_fm_forward", sample="class_fm_sample", wrapper="ClassConditionalFM", network="unet(x_t, c, t, mask)",
        arguments=Signature(("x", "c", "t", "mask"), defaults={"mask": None}), file="flow_matching", steps="num_ts", classes=CLASSES,
    )  # fmt: skip


@task("flow", points=0.75, region=TIME_FORWARD, shows_work=True, false_fail=6e-8, detects="t out of place by 0.1; 3 % of x_0")
def test_path(student: Student, draw: Draw, note: Note) -> None:
    """`time_fm_forward` gives the network x_t = (1 − t) x_0 + t x_1 and t, uniform in 0 … 1, with new x_0 ~ N(0, I)."""
    flow.judge_path(without_classes(student), draw, note)


@task("flow", points=0.5, region=TIME_FORWARD, shows_work=True)
def test_loss(student: Student, draw: Draw, note: Note) -> None:
    """The loss is the mean of ‖v − (x_1 − x_0)‖² over everything, and its gradient reaches the network."""
    flow.judge_value(without_classes(student), draw, note)


@task("flow", points=0.25, region=TIME_SAMPLE, false_fail=2e-8, detects="a mean of 0.13, a spread off by 10 %")
def test_start(student: Student, draw: Draw, note: Note) -> None:
    """`time_fm_sample` starts from N(0, I), from the same noise for the same seed and from other noise for another."""
    euler.judge_start(without_classes(student), draw, note)


@task("flow", points=1, region=TIME_SAMPLE, shows_work=True)
def test_steps(student: Student, draw: Draw, note: Note) -> None:
    """`time_fm_sample` takes num_ts steps x ← x + v/num_ts, at t = 0, 1/num_ts, …, and returns x after the last."""
    euler.judge_steps(without_classes(student), draw, note)


@task("flow", points=0.25, region=CLASS_FORWARD, shows_work=True, false_fail=6e-8, detects="t out of place by 0.1; 3 % of x_0")
def test_path_with_classes(student: Student, draw: Draw, note: Note) -> None:
    """`class_fm_forward` gives the network x_t = (1 − t) x_0 + t x_1 and t, uniform in 0 … 1, with new x_0 ~ N(0, I)."""
    flow.judge_path(with_classes(student), draw, note)


@task("flow", points=0.5, region=CLASS_FORWARD, false_fail=4e-8, detects="2 % more or fewer labels dropped; a mean t that differs by 0.013")
def test_dropped_labels(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`class_fm_forward` gives the network each label, but with probability p_uncond, of each image by itself, none; it says so as
    `ClassConditionalUNet` takes it.
    """
    flow.judge_dropping(with_classes(student), draw, note)
    asked = flow.given_in_loss(with_classes(student), draw, ROWS, 0.5)
    expect_heard_as_told(student, reference, asked, "class_fm_forward", draw, note, carry)


@task("flow", points=0.5, region=CLASS_FORWARD, shows_work=True)
def test_loss_with_classes(student: Student, draw: Draw, note: Note) -> None:
    """The loss is the mean of ‖v − (x_1 − x_0)‖² over everything, and its gradient reaches the network."""
    flow.judge_value(with_classes(student), draw, note)


@task("flow", points=0.25, region=CLASS_SAMPLE, false_fail=2e-8, detects="a mean of 0.13, a spread off by 10 %")
def test_start_with_classes(student: Student, draw: Draw, note: Note) -> None:
    """`class_fm_sample` starts from N(0, I), from the same noise for the same seed and from other noise for another."""
    euler.judge_start(with_classes(student), draw, note)


@task("flow", points=1, region=CLASS_SAMPLE, shows_work=True)
def test_guided_steps(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`class_fm_sample` takes num_ts steps with the velocity v_u + γ (v_c − v_u) of the labels c, and returns x after the last. Where it asks
    without a label, it says so as `ClassConditionalUNet` takes it.
    """
    euler.judge_steps(with_classes(student), draw, note)
    asked = flow.given_in_sampler(with_classes(student), draw, ROWS)
    expect_heard_as_told(student, reference, asked, "class_fm_sample", draw, note, carry)
