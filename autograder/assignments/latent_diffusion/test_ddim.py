"""The bonus task "ddim": faster sampling. Its α_t is DDPM's ᾱ_t."""

import numpy as np

from autograder.assignments.latent_diffusion import latent, samples
from autograder.assignments.latent_diffusion.interface import WisconsinDDIM
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import ddim_loop, ddim_step
from autograder.sandbox.proxies import Student

STEP, LOOP = "libs/ddim.py:DDIM.p_sample", "libs/ddim.py:DDIM.p_sample_loop"


@task("ddim", points=0.25, region=STEP)
def test_step_calls_the_network(student: Student, draw: Draw, note: Note) -> None:
    """`DDIM.p_sample` calls the network once, with x_t, the labels and t."""
    ddim_step.judge_network_call(WisconsinDDIM(student), draw, note)


@task("ddim", points=1, region=STEP, shows_work=True)
def test_step_deterministic(student: Student, draw: Draw, note: Note) -> None:
    """With η = 0, `DDIM.p_sample` gives √ᾱ_prev x̂₀ + √(1−ᾱ_prev) ε_θ with x̂₀ = (x_t − √(1−ᾱ_t) ε_θ)/√ᾱ_t, and no noise (DDIM, Eq. 12)."""
    ddim_step.judge_deterministic(WisconsinDDIM(student), draw, note)


@task("ddim", points=0.4, region=STEP, shows_work=True)
def test_last_step(student: Student, draw: Draw, note: Note) -> None:
    """For t_prev = −1, clean data with ᾱ = 1, `DDIM.p_sample` gives the estimate of x₀ itself, for every η."""
    ddim_step.judge_last_step(WisconsinDDIM(student), draw, note)


@task("ddim", points=0.1, region=STEP)
def test_step_of_latents(student: Student, draw: Draw, note: Note) -> None:
    """With `use_vae`, `DDIM.p_sample` takes the same step: latents reach beyond ±1, and nothing clamps them."""
    course = WisconsinDDIM(student)
    latent.judge_last_step(course, draw, note, lambda model, x, t: course.ddim_p_sample(model, x, t, np.full_like(t, -1), 0.0))


@task("ddim", points=0.75, region=STEP, false_fail=6e-7, detects="5 % of σ_t, 0.1 % of a coefficient", shows_work=True)
def test_step_stochastic(student: Student, draw: Draw, note: Note) -> None:
    """With 0 < η ≤ 1, `DDIM.p_sample` adds normal noise of standard deviation σ_t(η) and shortens the direction to x_t to match
    (DDIM, Eq. 12 and 16).
    """
    ddim_step.judge_stochastic(WisconsinDDIM(student), draw, note)


@task("ddim", points=1, region=LOOP, false_fail=6e-7, detects="a mean of x_T off by 0.09, a spread off by 7 %", shows_work=True)
def test_loop_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`DDIM.p_sample_loop` starts from N(0, I), takes just num_steps steps from large t to small, with the labels, ends at clean data, and
    passes η on.
    """
    ddim_loop.judge_steps(WisconsinDDIM(student), draw, note, carry)


@task("ddim", points=0.5, region=LOOP, shows_work=True)
def test_images(student: Student, draw: Draw, note: Note) -> None:
    """What `DDIM.p_sample_loop` returns are images in 0 … 1, in pixel space and, with use_vae, of decoded latents."""

    samples.judge_images(WisconsinDDIM(student), draw, note)
    latent.judge_loop(WisconsinDDIM(student), draw, note)
