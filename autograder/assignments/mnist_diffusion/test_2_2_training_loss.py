"""Task 2-2: the schedule and the training loss of time_conditional.py."""

from autograder.assignments.mnist_diffusion.interface import TimeConditional, judged
from autograder.assignments.mnist_diffusion.schedule import judge_schedule
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import loss, times
from autograder.sandbox.proxies import Student

FORWARD = "time_conditional.py:ddpm_forward"


@task("2-2", points=3, region="time_conditional.py:ddpm_schedule", shows_work=True)
def test_schedule(student: Student, draw: Draw, note: Note) -> None:
    """`ddpm_schedule` gives β_t, evenly spaced from beta1 to beta2, α_t = 1 − β_t and the product ᾱ_t, as T or T + 1 entries."""
    judge_schedule(student, draw, note)


@task("2-2", points=3, region=FORWARD, false_fail=5e-8, detects="4e-4 of √ᾱ_t and 6 % of √(1 − ᾱ_t) at one t; 1.4 % of √(1 − ᾱ_t) at all")
def test_noised_images(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`ddpm_forward` gives the network x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε, with fresh standard normal ε (DDPM, Eq. 4)."""
    judged(TimeConditional, student, draw, note, carry, loss.judge_noise)


@task("2-2", points=2, region=FORWARD, false_fail=2e-8, detects="a missing end; one t that comes up half as often as it must")
def test_times(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """t is drawn uniformly for each image and anew at every call, from all rows of the tables that belong to a step."""
    judged(TimeConditional, student, draw, note, carry, loss.judge_timesteps)


@task("2-2", points=1, region=FORWARD, false_fail=1e-9, detects="any difference")
def test_time_told(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The network is told the t of each image, as t/T, or as the sampler tells it."""
    judged(TimeConditional, student, draw, note, carry, times.judge_in_loss)


@task("2-2", points=3, region=FORWARD)
def test_loss_value(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The loss is the mean of (ε − ε_θ)² over everything, and its gradient reaches the network (DDPM, Eq. 14)."""
    judged(TimeConditional, student, draw, note, carry, loss.judge_value, loss.judge_gradient)
