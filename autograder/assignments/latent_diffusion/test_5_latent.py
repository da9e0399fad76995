"""Task 5: the loss and the loop around an autoencoder."""

from autograder.assignments.latent_diffusion import latent
from autograder.assignments.latent_diffusion.interface import Wisconsin
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.sandbox.proxies import Student

LOSS, LOOP = "libs/ddpm.py:DDPM.compute_loss", "libs/ddpm.py:DDPM.p_sample_loop"


@task("5", points=0.5, region=LOSS, false_fail=2e-8, detects="a spread of ε off by 7 %", shows_work=True)
def test_latents_are_noised(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """With `use_vae`, `compute_loss` encodes the images, adds noise to the latents, and compares the network's answer with that noise."""
    latent.judge_loss(Wisconsin(student), draw, note, carry)


@task("5", points=0.5, region=LOOP, false_fail=2e-8, detects="a mean of x_T off by 0.09, a spread off by 7 %", shows_work=True)
def test_latents_are_decoded(student: Student, draw: Draw, note: Note) -> None:
    """With `use_vae`, `p_sample_loop` draws latents, decodes the last ones as they are, once, and returns the images."""
    latent.judge_loop(Wisconsin(student), draw, note)
