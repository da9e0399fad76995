"""Task 2-4: the U-Net that is told the digit."""

import contextlib

from autograder.assignments.mnist_diffusion import networks
from autograder.assignments.mnist_diffusion.interface import given_in
from autograder.assignments.mnist_diffusion.unet_judge import Judge
from autograder.grading.checks import Carry, Note, WrongAnswer, task
from autograder.grading.seeds import Draw
from autograder.judges.signature import Given
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Student

UNET, FORWARD = "unet.py:ClassConditionalUNet", "class_conditional.py:ddpm_forward"
ROWS = 32  # none of them is dropped, or all are, with probability 5e-10


@task("2-4", points=4, region=UNET, shows_work=True)
def test_class_network(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`ClassConditionalUNet` multiplies the unflattened map, and the output of the first UpBlock, by what it makes of c, and adds what it makes
    of t; where mask is 0, the one-hot vector of c is zero.
    """
    Judge(student, reference, draw, note, carry)(networks.class_conditional(draw))


@task("2-4", points=0.5, region=UNET)
def test_without_a_mask(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Without a mask, `ClassConditionalUNet` is told all labels."""
    Judge(student, reference, draw, note, carry).without_a_mask(networks.class_conditional(draw))


@task("2-4", points=0.5, region=UNET)
def test_network_and_loss(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """A label that the conditional `ddpm_forward` drops does not reach `ClassConditionalUNet`: both say in the same way that it is not told."""

    def calls(whose: Student) -> list[Given]:
        return given_in(whose, draw, carry, lambda course: course.given_in_loss(draw, ROWS, 0.5))

    asked: list[Given] = []
    if not carry.stands_in_for(FORWARD):
        with contextlib.suppress(WrongAnswer, Raised):
            asked = calls(student)
    Judge(student, reference, draw, note, carry).hears_no_dropped_label(asked or calls(reference), "ddpm_forward", carry.knows_wrong(UNET))
