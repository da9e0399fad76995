"""Exercise 2: DDPM.sample."""

from autograder.assignments.minimal_diffusion.interface import Durham, judged
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import sampling
from autograder.sandbox.proxies import Student

SAMPLE = "ddpm.py:DDPM.sample"


@task("2", points=1, region=SAMPLE, false_fail=5e-8, detects="a mean of x_T off by 0.04, a spread off by 3 %")
def test_start_and_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`sample` starts from fresh noise of shape (n_sample, *size), takes T steps, and returns images of that shape."""
    judged(Durham, student, draw, note, carry, sampling.judge_steps)


@task("2", points=2, region=SAMPLE, false_fail=5e-8, detects="1e-4 of the factor of x_t, 4 % at t = T; 0.1 % of that of ε_θ")
def test_mean_of_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Every step of `sample`, t = T … 1, has the mean (x_t − (1 − α_t)/√(1 − ᾱ_t) ε_θ)/√α_t (DDPM, Eq. 11)."""
    judged(Durham, student, draw, note, carry, sampling.judge_mean)


@task("2", points=2, region=SAMPLE, false_fail=1e-7, detects="σ_t off by 7 % in one step, by 2 % in all")
def test_noise_of_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Every step of `sample` but the last adds fresh noise with σ_t² = β_t, or β̃_t (DDPM, Alg. 2)."""
    judged(Durham, student, draw, note, carry, sampling.judge_noise)
