"""Task 1-3: the estimate of x_0 in one step."""

import numpy as np

from autograder.assignments.pretrained_diffusion.interface import PROMPT, SAMPLE_PROMPT, SHAPE, Course
from autograder.grading.checks import Note, expect, task
from autograder.grading.seeds import Draw
from autograder.judges import one_step
from autograder.sandbox.proxies import Student

ONE_STEP = "sampling.py:one_step_denoise"
TIMES = (60, 250, 500, 750, 930)


def estimates(student: Student, draw: Draw) -> list[one_step.Estimate]:
    found = []
    for about in TIMES:
        course, t, x = Course(student, draw, titles={SAMPLE_PROMPT: PROMPT}), about + draw.integer(-40, 40), draw.normal(*SHAPE)
        result, inside = course.image(course.call("one_step_denoise", course.given(x), t, course.embedding(PROMPT), shows=False), "one_step_denoise")
        found.append(one_step.Estimate("one_step_denoise", course.model, t, x, result, inside))
    return found


@task("1-3", points=6, region=ONE_STEP, shows_work=True)
def test_estimate(student: Student, draw: Draw, note: Note) -> None:
    """`one_step_denoise` gives x̂_0 = (x_t − √(1 − ᾱ_t) ε_θ)/√ᾱ_t, for every t (DDPM, Eq. 15)."""
    one_step.judge_estimate(estimates(student, draw), note)


@task("1-3", points=3, region=ONE_STEP)
def test_asked(student: Student, draw: Draw, note: Note) -> None:
    """`one_step_denoise` asks the network about its image, its t and its prompt, once."""
    one_step.judge_asked(estimates(student, draw), PROMPT, note)


@task("1-3", points=1, region=ONE_STEP)
def test_untouched(student: Student, draw: Draw, note: Note) -> None:
    """`one_step_denoise` leaves the image that it is given as it is."""
    course, x = Course(student, draw, titles={SAMPLE_PROMPT: PROMPT}), draw.normal(*SHAPE)
    given = course.given(x)
    course.call("one_step_denoise", given, 500, course.embedding(PROMPT), shows=False)
    expect(course.model.steps, "one_step_denoise must ask the network for the noise; yours never asks it.")
    course.expect_kept(given, np.array(x[None]), "one_step_denoise", note)
