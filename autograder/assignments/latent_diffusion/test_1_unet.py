"""Task 1: the decoder half of UNet.forward."""

from autograder.assignments.latent_diffusion import unet
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.sandbox.proxies import Student

FORWARD = "libs/unet.py:UNet.forward"


@task("1", points=0.75, region=FORWARD, shows_work=True)
def test_decoder(student: Student, reference: Student, draw: Draw, note: Note) -> None:
    """Each level of the decoder takes [x, what the encoder stored], then its ResBlock, its SpatialTransformer and its Upsample, if it has them."""
    unet.judge(student, reference, draw, note, mults=(1, 2), attention=(0,))


@task("1", points=0.25, region=FORWARD)
def test_other_sizes(student: Student, reference: Student, draw: Draw, note: Note) -> None:
    """The decoder works for any number of levels, with and without attention, and for images that are not square."""
    unet.judge(student, reference, draw, note, mults=(1, 2, 2), attention=())
