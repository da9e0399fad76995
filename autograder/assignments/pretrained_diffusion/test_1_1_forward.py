"""Task 1-1: the forward process."""

from autograder.assignments.pretrained_diffusion.interface import Course
from autograder.grading.checks import Floats, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import own_noise
from autograder.judges.results import arrays_in, batch_in
from autograder.sandbox.proxies import Student

FORWARD = "sampling.py:forward"


def noised(student: Student, draw: Draw) -> own_noise.Noising:
    course = Course(student, draw)

    def call(image: Floats, t: int, seed: int) -> Floats:
        student.seed = seed
        try:
            return batch_in(arrays_in(student, course.module.new("forward", course.batch(image), t)), image.shape, "forward")
        finally:
            student.seed = None

    return own_noise.Noising("forward", call, course.alphas_cumprod)


@task("1-1", points=3, region=FORWARD, false_fail=1e-7, detects="a factor off by 0.1 %", shows_work=True)
def test_image(student: Student, draw: Draw, note: Note) -> None:
    """`forward` holds the image √ᾱ_t times, for every t (DDPM, Eq. 4)."""
    own_noise.judge_image(noised(student, draw), draw, note)


@task("1-1", points=3, region=FORWARD, false_fail=1e-7, detects="a factor off by 2 %")
def test_noise(student: Student, draw: Draw, note: Note) -> None:
    """`forward` adds √(1 − ᾱ_t) ε with ε ~ N(0, I), for every t (DDPM, Eq. 4)."""
    own_noise.judge_noise(noised(student, draw), draw, note)


@task("1-1", points=1, region=FORWARD, false_fail=1e-8, detects="any repetition")
def test_fresh(student: Student, draw: Draw, note: Note) -> None:
    """`forward` draws new noise at every call, for every image and channel."""
    own_noise.judge_fresh(noised(student, draw), draw, note)


@task("1-1", points=1, region=FORWARD)
def test_untouched(student: Student, draw: Draw, note: Note) -> None:
    """`forward` leaves the image that it is given as it is."""
    course = Course(student, draw)
    image = draw.uniform(-1, 1, 1, 3, 64, 64)
    given = course.batch(image)
    batch_in(arrays_in(student, course.module.new("forward", given, 500)), image.shape, "forward")
    course.expect_kept(given, image, "forward", note)
