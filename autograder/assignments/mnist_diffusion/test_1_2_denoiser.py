"""Task 1-2: the noise of one strength, and the loss of the denoiser."""

import contextlib

from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import denoising
from autograder.judges.denoising import Denoiser
from autograder.sandbox.proxies import Student

ADD_NOISE, LOSS = "denoising.py:add_noise", "denoising.py:denoising_loss"


def denoiser(student: Student, sample_shape: tuple[int, ...]) -> Denoiser:
    return Denoiser(student, sample_shape, file="denoising", add_noise="add_noise", loss="denoising_loss", network="unet")


@task("1-2", points=3, region=ADD_NOISE, shows_work=True, false_fail=5e-8, detects="2 % of σ; x times 0.94; a mean of ε of 0.03")
def test_noise(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`add_noise` gives z = x + σ ε with new standard normal ε for every number, and does not clamp z."""
    denoising.judge_noise(denoiser(student, sample_shape), draw, note)


@task("1-2", points=1, region=ADD_NOISE)
def test_without_noise(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """At σ = 0 `add_noise` gives x itself, and it never changes the x that it is given."""
    denoising.judge_without_noise(denoiser(student, sample_shape), draw, note)


@task("1-2", points=1.5, region=LOSS, false_fail=5e-8, detects="2 % of σ; x times 0.94; a mean of ε of 0.03")
def test_noised_images(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """`denoising_loss` gives the network z = x + σ ε, with new noise at every call."""
    course = denoiser(student, sample_shape)
    with _noise_that_is_right(course, draw, carry):
        denoising.judge_input(course, draw, note)


@task("1-2", points=2.5, region=LOSS, shows_work=True)
def test_denoising_loss(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """The loss is the mean of ‖D(z) − x‖² over everything, and its gradient reaches the network."""
    course = denoiser(student, sample_shape)
    with _noise_that_is_right(course, draw, carry):
        denoising.judge_value(course, draw, note)


def _noise_that_is_right(course: Denoiser, draw: Draw, carry: Carry) -> contextlib.AbstractContextManager[None]:
    """The student's add_noise, or, where it is known to be wrong, the reference's in its place."""
    return course.noise_of_reference(draw) if carry.stands_in_for(ADD_NOISE) else contextlib.nullcontext()
