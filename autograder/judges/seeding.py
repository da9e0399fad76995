"""Judgement of a sampler's seed: the same seed repeats, another differs, whatever state the global generators are in."""

import dataclasses

import numpy as np

from autograder.grading.checks import Floats, Note, expect, expect_finite
from autograder.grading.seeds import Draw
from autograder.judges.interface import Interface
from autograder.judges.network import silent
from autograder.oracles.tolerance import near

ROWS = 16


def judge_seed(course: Interface, draw: Draw, note: Note) -> None:
    """`Interface.seed` of the course gives the seed of each call. Raises WrongAnswer."""
    first, second = draw.integer(1, 2**30), draw.integer(1, 2**30)
    schedule, loop = course.schedule(draw), course.names.p_sample_loop
    shape = course.shape_of_samples(ROWS, draw)
    labels = course.labels_of_samples(draw, shape[0])

    def sampled(seed: int, state: int) -> Floats:
        """One run, with the worker's own generators in this state."""
        network = course.answered(silent, **course.calls_of(schedule))
        model = course.build(schedule, network)
        course.student.seed = state
        answer = dataclasses.replace(course, fixed_seed=seed).p_sample_loop(model, shape, labels)
        course.student.seed = None
        expect(network.calls, f"{loop} must call {course.names.network} in every step; yours never called it.")
        is_tensor = isinstance(answer, np.ndarray) and answer.size > 0
        expect(is_tensor, f"{loop} must return images, a tensor of shape {shape}.")
        return expect_finite(answer, f"The result of {loop}")

    one, again, other = sampled(first, draw.seed()), sampled(first, draw.seed()), sampled(second, draw.seed())
    repeats = one.shape == again.shape and near(one, again, 1e-5 * (1 + abs(one).max()))
    differs = one.shape != other.shape or not near(one, other, 1e-3 * (1e-6 + abs(one).max()))
    note("the same seed repeats", repeats, 0)
    note("another seed differs", differs, 0)
    note.measured_work(bool(repeats and differs))
    expect(repeats, f"The same seed must give the same images; {loop} gives others at the second call. Does it use its argument `seed`?")
    expect(differs, f"Another seed must give other images; {loop} gives the same for two seeds. Does it use its argument `seed`?")
