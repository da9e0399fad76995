"""What the loops do around their steps: a stand-in takes the steps, and the loop makes images of the last x."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.assignments.latent_diffusion.interface import Wisconsin
from autograder.grading.checks import Floats, Note, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.expectations import f32
from autograder.judges.network import as_state
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle

ROWS = 64
ROUNDING = 1e-5


@dataclass
class Steps:
    """Stands in for the student's step: answers every state with numbers that have nothing to do with it, many of them beyond ±1.

    `first`: the x of the first step; `last`: what the last one answered. Both None where the loop takes its steps itself.
    """

    generator: np.random.Generator
    first: Floats | None = None
    last: Floats | None = None

    def take(self, x: Any, *rest: Any, **more: Any) -> Any:
        state = as_state(x, "x", "The x that each step is given")
        answer = f32(0.9 * self.generator.standard_normal(state.shape))
        self.first = state if self.first is None else self.first
        self.last = answer.astype(np.float64)
        return answer


def judge_images(course: Wisconsin, draw: Draw, note: Note) -> None:
    """The loop returns what postprocess makes of the last x: images in 0 … 1; in the first edition, which has none, in −1 … 1."""
    schedule, shape, steps = course.schedule(draw), (ROWS, *course.sample_shape), Steps(draw.generator)
    network = course.network(schedule, lambda x, t: np.zeros_like(x))
    model = course.build(schedule, network)
    course.replace(model, course.names.p_sample, steps.take)
    lowest = 0.0 if has_postprocess(model) else -1.0
    loop = course.names.p_sample_loop
    images = expect_tensor(course.drawn(model, shape, **course.few_steps), shape, f"The result of {loop}")
    expect(steps.last is not None or network.calls, f"{loop} must make images of what its steps return; yours took no step.")
    note("lowest", images.min(), 1e-3)
    note("highest", images.max(), 1e-3)
    if steps.last is not None:
        expected = steps.last.clip(-1, 1) if lowest < 0 else (steps.last.clip(-1, 1) + 1) / 2
        note("as they must be", near(images, expected, ROUNDING), 0)
        note("as the last x", near(images, steps.last, ROUNDING), 0)
    within = f"{loop} must return images in {lowest:g} … 1, self.postprocess(x)"
    expect(
        images.min() >= lowest - ROUNDING and images.max() <= 1 + ROUNDING,
        f"{within}; yours reach from {images.min():.3f} to {images.max():.3f}.",
    )
    if steps.last is not None:
        expect(near(images, expected, ROUNDING), f"{within} of the last x; yours are other ones, by up to {abs(images - expected).max():.3f}.")


def has_postprocess(model: Handle) -> bool:
    try:
        model.part("postprocess")
    except Raised:
        return False
    return True
