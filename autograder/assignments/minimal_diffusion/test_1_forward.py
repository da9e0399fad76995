"""Exercise 1: the schedule, and the loss in DDPM.forward."""

from autograder.assignments.minimal_diffusion import schedule
from autograder.assignments.minimal_diffusion.interface import Durham, judged
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import loss
from autograder.sandbox.proxies import Student

FORWARD = "ddpm.py:DDPM.forward"


@task("1", points=1, region="ddpm.py:schedule", shows_work=True)
def test_schedule(student: Student, draw: Draw, note: Note) -> None:
    """The tables hold β_t, α_t, ᾱ_t and what follows from them for t = 1 … T, with entry t for t."""
    schedule.judge_tables(Durham(student), draw, note)


@task(
    "1",
    points=1.5,
    region=FORWARD,
    false_fail=5e-8,
    detects="4e-4 of √ᾱ_t and 6 % of √(1 − ᾱ_t) at one t, or 2e-3 and 35 % where T is 400; 1.4 % of √(1 − ᾱ_t) at all",
)
def test_noised_images(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The network is given x_t = √ᾱ_t x + √(1 − ᾱ_t) ε, with fresh standard normal ε (DDPM, Eq. 4)."""
    judged(Durham, student, draw, note, carry, loss.judge_noise)


@task("1", points=1, region=FORWARD, false_fail=2e-8, detects="a missing end; where T is short, one t that comes up half as often as it must")
def test_times(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """t is drawn uniformly from 1 … T, both included, for each image and anew at every call."""
    judged(Durham, student, draw, note, carry, loss.judge_timesteps)


@task("1", points=1.5, region=FORWARD)
def test_loss_value(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The loss is the mean of (ε − ε_θ)² over everything, and its gradient reaches the network (DDPM, Eq. 14)."""
    judged(Durham, student, draw, note, carry, loss.judge_value, loss.judge_gradient)
