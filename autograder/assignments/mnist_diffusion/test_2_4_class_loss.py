"""Task 2-4: the training loss of class_conditional.py, with dropped labels."""

from autograder.assignments.mnist_diffusion.interface import ClassConditional, judged
from autograder.assignments.mnist_diffusion.networks import CLASSES
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import loss, times
from autograder.judges.conditions import expect_length_of_one_hot, judge_dropping
from autograder.sandbox.proxies import Student

FORWARD, NETWORK = "class_conditional.py:ddpm_forward", "ClassConditionalUNet"
ROWS = 32  # none of them is dropped with probability 2e-10


@task("2-4", points=1.5, region=FORWARD, false_fail=1e-7, detects="as in task 2-2")
def test_noised_images(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The conditional `ddpm_forward` gives the network x_t, for a t of every image's own, the labels and the time."""
    judged(ClassConditional, student, draw, note, carry, loss.judge_noise, loss.judge_timesteps, times.judge_in_loss)


@task("2-4", points=2, region=FORWARD, false_fail=5e-8, detects="a rate off by 0.05, labels that are dropped together")
def test_dropped_labels(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Each label is dropped with probability p_uncond, by itself: a mask of 0, or a one-hot vector of zeros."""

    def judge(course: ClassConditional, draw: Draw, note: Note) -> None:
        judge_dropping(lambda rows, p: course.asked_in_loss(draw, rows, p), "ddpm_forward", course.names.network, draw, note)
        expect_length_of_one_hot(course.given_in_loss(draw, ROWS, 0.5), "ddpm_forward", NETWORK, CLASSES, note)

    judged(ClassConditional, student, draw, note, carry, judge)


@task("2-4", points=1.5, region=FORWARD)
def test_loss_value(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The conditional loss is the mean of (ε − ε_θ)² over everything, and its gradient reaches the network."""
    judged(ClassConditional, student, draw, note, carry, loss.judge_value, loss.judge_gradient)
