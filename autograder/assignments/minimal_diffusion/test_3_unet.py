"""Exercise 3: the U-Net, of the diagram or of one's own design."""

from autograder.assignments.minimal_diffusion import unet
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.sandbox.proxies import Student

UNET = "unet.py:UNet"


@task("3", points=1.5, region=UNET)
def test_shapes(student: Student, draw: Draw, note: Note) -> None:
    """`UNet` gives (B, out_class, H, W) for images (B, C, H, W) of any C, and what it gives depends on them."""
    unet.judge_shapes(student, "unet", draw, note)


@task("3", points=1.5, region=UNET)
def test_gradients(student: Student, draw: Draw, note: Note) -> None:
    """Every layer of `UNet` is made in `__init__`, is used, and gets a gradient; and there are activations between them."""
    unet.judge_gradients(unet.build(student, "unet", draw), draw, note)


@task("3", points=2, region=UNET)
def test_links(student: Student, draw: Draw, note: Note, reference: Student) -> None:
    """`UNet` is the one of the diagram; or of your own design, with a link across at every resolution, that of the image included."""
    unet.judge_diagram_or_links(student, reference, draw, note)
