"""Task 1-7-2: inpainting."""

from autograder.assignments.pretrained_diffusion.inpainting import inpainted
from autograder.assignments.pretrained_diffusion.interface import PROMPT
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import strided
from autograder.sandbox.proxies import Student

INPAINT = "sampling.py:inpaint"


@task("1-7-2", points=1.5, region=INPAINT, false_fail=1e-7, detects="a spread off by 7 %")
def test_visits(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """`inpaint` starts from pure noise at timesteps[0], and asks the network at each of the timesteps but the last, with both prompts."""
    found = inpainted(student, draw, carry)
    found.expect_start(note)
    strided.expect_visits(found.run, note)
    strided.expect_asked(found.run, note)


@task("1-7-2", points=2, region=INPAINT)
def test_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Where the mask is 1, every step of `inpaint` is that of task 1-6."""
    found = inpainted(student, draw, carry)
    strided.look_for_work(found.run, note)
    found.expect_forced(Note())
    strided.expect_weights(found.run, note, "the noise must be ε_u + γ (ε_c − ε_u)")
    strided.expect_mean(found.run, note)


@task("1-7-2", points=3.5, region=INPAINT, false_fail=1e-7, detects="a factor of the image off by 0.08, a noise level off by 7 %", shows_work=True)
def test_known_pixels(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Where the mask is 0, `inpaint` sets x_t′ to the original, noised to t′, after every step, the last too (RePaint, Eq. 8)."""
    inpainted(student, draw, carry).expect_known(note)


@task("1-7-2", points=1, region=INPAINT)
def test_noise(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Every step of `inpaint` adds noise once, by add_variance, with the variance of the prompt; image and mask stay as they are."""
    found = inpainted(student, draw, carry)
    strided.expect_noise(found.run, note, {"": strided.variance_of(PROMPT)}, "the one that is predicted for the prompt in this step")
    found.run.expect_kept(note)
