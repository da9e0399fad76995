"""Task 2-4: the U-Net that is told the digit."""

from autograder.assignments.mnist_diffusion import networks
from autograder.assignments.mnist_diffusion.unet_judge import Judge
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.sandbox.proxies import Student

UNET = "unet.py:ClassConditionalUNet"


@task("2-4", points=4, region=UNET, shows_work=True)
def test_class_network(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`ClassConditionalUNet` multiplies the unflattened map, and the output of the first UpBlock, by what it makes of c, and adds what it makes
    of t; where mask is 0, the one-hot vector of c is zero.
    """
    Judge(student, reference, draw, note, carry)(networks.class_conditional(draw))


@task("2-4", points=1, region=UNET)
def test_without_a_mask(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Without a mask, `ClassConditionalUNet` is told all labels."""
    Judge(student, reference, draw, note, carry).without_a_mask(networks.class_conditional(draw))
