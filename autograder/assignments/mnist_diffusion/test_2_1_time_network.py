"""Task 2-1: the U-Net that is told the time. In the newer edition, of the profile "flow", time multiplies."""

from autograder.assignments.mnist_diffusion import networks
from autograder.assignments.mnist_diffusion.unet_judge import Judge
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.sandbox.proxies import Student

UNET = "unet.py:TimeConditionalUNet"


@task("2-1", points=3, region="unet.py:FCBlock", shows_work=True)
def test_fc_block(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`FCBlock` is Linear(in_channels, out_channels), GELU and Linear(out_channels, out_channels)."""
    Judge(student, reference, draw, note, carry)(networks.fully_connected(draw))


@task("2-1", points=7, region=UNET, shows_work=True)
def test_time_is_added(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`TimeConditionalUNet` is the U-Net of the first diagram, with t in it: one FCBlock's output is added to the unflattened map, one's to
    the output of the first UpBlock.
    """
    Judge(student, reference, draw, note, carry)(networks.time_conditional(draw))


@task("2-1", points=7, region=UNET, shows_work=True)
def test_time_multiplies(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`TimeConditionalUNet` is the U-Net of the first diagram, with t in it: the unflattened map is multiplied by one FCBlock's output, the
    output of the first UpBlock by one's.
    """
    Judge(student, reference, draw, note, carry, multiplied=True)(networks.time_conditional(draw))
