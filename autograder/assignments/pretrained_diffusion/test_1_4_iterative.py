"""Task 1-4: the sampling loop."""

from autograder.assignments.pretrained_diffusion.interface import PLAIN, PROMPT, SHAPE, Course, timesteps
from autograder.grading.checks import Note, expect, task
from autograder.grading.seeds import Draw
from autograder.judges import strided
from autograder.sandbox.proxies import Student

LOOP = "sampling.py:iterative_denoise"


def run(student: Student, draw: Draw, i_start: int = 2, name: str = "iterative_denoise") -> strided.Run:
    return Course(student, draw).run(name, draw.normal(*SHAPE), i_start, timesteps(draw, 7), lambda: PLAIN)


@task("1-4", points=4, region=LOOP)
def test_visits(student: Student, draw: Draw, note: Note) -> None:
    """`iterative_denoise` starts from its image at timesteps[i_start], and asks the network at each of the timesteps from there, but the last."""
    for i_start in (2, 0):
        found = run(student, draw, i_start)
        assert found.model.start is not None
        strided.expect_first(found, found.model.start, note)
        strided.expect_visits(found, note)


@task("1-4", points=7, region=LOOP, shows_work=True)
def test_mean(student: Student, draw: Draw, note: Note) -> None:
    """Every step of `iterative_denoise` has the mean √ᾱ_t′ β/(1 − ᾱ_t) x̂_0 + √α (1 − ᾱ_t′)/(1 − ᾱ_t) x_t, and its result is the last x."""
    strided.expect_mean(run(student, draw), note)


@task("1-4", points=2, region=LOOP)
def test_asked(student: Student, draw: Draw, note: Note) -> None:
    """In every step `iterative_denoise` gives the network its prompt."""
    strided.expect_asked(run(student, draw), note)


@task("1-4", points=4, region=LOOP)
def test_noise(student: Student, draw: Draw, note: Note) -> None:
    """Every step of `iterative_denoise` adds noise once, by add_variance, with the variance that the network has predicted in this step."""
    strided.expect_noise(run(student, draw), note, {"": strided.variance_of(PROMPT)}, "the one that the network has predicted beside ε in this step")


@task("1-4", points=1, region=LOOP)
def test_untouched(student: Student, draw: Draw, note: Note) -> None:
    """`iterative_denoise` leaves the image that it is given as it is."""
    found = run(student, draw)
    expect(found.steps, "iterative_denoise must ask the network in every step; yours never asks it.")
    found.expect_kept(note)
