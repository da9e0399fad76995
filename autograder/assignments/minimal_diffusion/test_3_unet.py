"""Exercise 3: the U-Net, of the diagram or of one's own design."""

from autograder.assignments.minimal_diffusion import unet
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.sandbox.proxies import Student

UNET = "unet.py:UNet"


@task("3", points=1.5, region=UNET)
def test_shapes(student: Student, draw: Draw, note: Note) -> None:
    """`UNet` gives (B, out_class, H, W) for images (B, C, H, W) of any C, with layers made in `__init__`, all of them in use."""
    unet.judge_shapes(student, "unet", draw, note)


@task("3", points=1.5, region=UNET)
def test_gradients(student: Student, draw: Draw, note: Note) -> None:
    """A gradient reaches every layer of `UNet`, and there are activations between them."""
    unet.judge_gradients(student, "unet", draw, note)


@task("3", points=2, region=UNET)
def test_links(student: Student, draw: Draw, note: Note) -> None:
    """`UNet` has a link across at every resolution, that of the image included; with the channels of the diagram, it is the diagram."""
    unet.judge_links(student, "unet", draw, note)
