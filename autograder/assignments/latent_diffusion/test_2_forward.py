"""Task 2: q_sample."""

from autograder.assignments.latent_diffusion.interface import Wisconsin
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.judges import forward_process
from autograder.sandbox.proxies import Student

Q_SAMPLE = "libs/ddpm.py:DDPM.q_sample"


@task("2", points=0.75, region=Q_SAMPLE, shows_work=True)
def test_closed_form(student: Student, draw: Draw, note: Note) -> None:
    """`q_sample` gives x_t = √ᾱ_t x₀ + √(1−ᾱ_t) ε for every t, with the noise that it is given (DDPM, Eq. 4)."""
    forward_process.judge_closed_form(Wisconsin(student), draw, note)


@task("2", points=0.25, region=Q_SAMPLE, false_fail=2e-7, detects="a mean off by 0.08 or a kurtosis off by 0.5 at 8192 numbers")
def test_own_noise(student: Student, draw: Draw, note: Note) -> None:
    """`q_sample` without `noise` draws standard normal noise of its own, for each element, anew at each call."""
    forward_process.judge_own_noise(Wisconsin(student), draw, note)
