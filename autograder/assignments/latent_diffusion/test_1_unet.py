"""Task 1: the decoder half of UNet.forward."""

from autograder.assignments.latent_diffusion import unet
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.sandbox.proxies import Student

FORWARD = "libs/unet.py:UNet.forward"


@task("1", points=0.75, region=FORWARD, shows_work=True)
def test_decoder(student: Student, reference: Student, draw: Draw, note: Note) -> None:
    """Each level of the decoder takes [x, what the encoder stored], then its ResBlock, its SpatialTransformer and its Upsample, if it has them."""
    unet.judge_by_names(student, reference, unet.Case(draw, (1, 2), (0, 1)), note)


@task("1", points=0.25, region=FORWARD)
def test_other_sizes(student: Student, reference: Student, draw: Draw, note: Note) -> None:
    """The decoder works for any number of levels, without attention too, and gradients reach every layer through it."""
    unet.judge_by_calls(student, reference, unet.Case(draw, (1, 2, 2), ()), note)
