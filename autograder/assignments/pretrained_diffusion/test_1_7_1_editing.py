"""Task 1-7: SDEdit."""

from autograder.assignments.pretrained_diffusion.editing import SDEdit
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.sandbox.proxies import Student

SDEDIT = "sampling.py:sdedit"


@task("1-7", points=3, region=SDEDIT, false_fail=1e-7, detects="a factor of the image off by 0.2 %", shows_work=True)
def test_start(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`sdedit` begins with its image, noised to timesteps[i_start] (Meng et al. 2021), and leaves the image itself as it is."""
    SDEdit(student, draw, carry).judge_start(note)


@task("1-7", points=3, region=SDEDIT)
def test_denoising(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`sdedit` denoises with guidance from timesteps[i_start] on, with its prompts and its scale, and returns the result."""
    SDEdit(student, draw, carry).judge_denoising(note)
