"""Task 4: compute_loss."""

from autograder.assignments.latent_diffusion import given
from autograder.assignments.latent_diffusion.interface import Wisconsin
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.judges import loss
from autograder.sandbox.proxies import Student

LOSS = "libs/ddpm.py:DDPM.compute_loss"


@task("4", points=0.3, region=LOSS, false_fail=5e-8, detects="a spread of ε off by 4 %")
def test_noise(student: Student, draw: Draw, note: Note) -> None:
    """`compute_loss` gives the network x_t = √ᾱ_t x₀ + √(1−ᾱ_t) ε, with fresh standard normal ε, and the labels."""
    loss.judge_noise(Wisconsin(student), draw, note)


@task("4", points=0.2, region=LOSS, false_fail=2e-8, detects="where t is drawn inside, one t that comes up half as often as it must")
def test_times(student: Student, draw: Draw, note: Note) -> None:
    """The network is told the t that `compute_loss` is given (or, where it draws t itself, a t of 0 … T−1 for each image)."""
    given.judge_times(Wisconsin(student), draw, note)


@task("4", points=0.3, region=LOSS, shows_work=True)
def test_value(student: Student, draw: Draw, note: Note) -> None:
    """The loss is the mean of (ε − ε_θ)² over everything (DDPM, Eq. 14)."""
    loss.judge_value(Wisconsin(student), draw, note)


@task("4", points=0.1, region=LOSS)
def test_gradient(student: Student, draw: Draw, note: Note) -> None:
    """The gradient of the loss reaches the network."""
    loss.judge_gradient(Wisconsin(student), draw, note)


@task("4", points=0.1, region=LOSS)
def test_given_noise(student: Student, draw: Draw, note: Note) -> None:
    """With `noise`, `compute_loss` uses that and draws none of its own."""
    given.judge_noise(Wisconsin(student), draw, note)
