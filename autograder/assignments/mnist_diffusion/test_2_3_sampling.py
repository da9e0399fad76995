"""Task 2-3: the sampler of time_conditional.py."""

from autograder.assignments.mnist_diffusion.interface import TimeConditional, judge_time_told, judged
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import sampling, seeding
from autograder.sandbox.proxies import Student

SAMPLE = "time_conditional.py:ddpm_sample"


@task("2-3", points=2, region=SAMPLE, false_fail=5e-8, detects="a mean of x_T off by 0.04, a spread off by 3 %")
def test_start_and_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`ddpm_sample` starts from noise of the size img_wh, takes T steps, the last one included, and returns images of that size."""
    judged(TimeConditional, student, draw, note, carry, sampling.judge_steps)


@task("2-3", points=3, region=SAMPLE, false_fail=5e-8, detects="1e-4 of the factor of x_t; 0.1 % of that of ε_θ")
def test_mean_of_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Every step has the mean that x̂_0 and x_t give it (DDPM, Eq. 7), which is that of ε_θ (Eq. 11)."""
    judged(TimeConditional, student, draw, note, carry, sampling.judge_mean)


@task("2-3", points=2.5, region=SAMPLE, false_fail=1e-7, detects="σ_t off by 7 % in one step, by 2 % in all")
def test_noise_of_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Every step but the last adds fresh noise with σ_t² = β_t, or β̃_t (DDPM, Alg. 2)."""
    judged(TimeConditional, student, draw, note, carry, sampling.judge_noise)


@task("2-3", points=1.5, region=SAMPLE, false_fail=1e-9, detects="any difference")
def test_time_told(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """In every step the network is told the time that the training told it at the same noise."""
    judge_time_told(TimeConditional, student, draw, note, carry, loss="time_conditional.py:ddpm_forward")


@task("2-3", points=1, region=SAMPLE, false_fail=1e-9, detects="any difference")
def test_seed(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The same seed gives the same images, and another seed gives others."""
    judged(TimeConditional, student, draw, note, carry, seeding.judge_seed)
