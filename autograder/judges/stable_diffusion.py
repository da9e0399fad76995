"""Judgements of a U-Net that is loaded from a checkpoint of Stable Diffusion 1.x (Rombach et al. 2022), by what it computes.

The checkpoints are those of visible_checkpoint.py; each tensor of OF_CHECKPOINT shows in the output. The solution, which is loaded from the
same checkpoint beside the student's code, gives what must come for secret inputs. That it computes what other implementations do is the
business of tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_tensor
from autograder.grading.reference import Reference
from autograder.grading.seeds import Draw
from autograder.judges.expectations import f32
from autograder.judges.visible_checkpoint import (
    BLOCKS,
    LEVELS,
    OF_CHECKPOINT,
    OF_OUTPUTS,
    PREFIX,
    Sizes,
    others,
    shapes,
    weights,
)
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Student

TOLERANCE = 1e-4  # relative to the spread of an output; two implementations differ by some 3e-6


@dataclass(frozen=True)
class Loaded:
    """What the course calls its functions, around one submission and the solution beside it."""

    student: Student
    reference: Reference
    file: str = "libs.stable_diffusion"
    load: str = "load_stable_diffusion"
    network: str = "SDUNet"

    def checkpoint(self, student: Student, sizes: Sizes) -> Handle:
        """A new dictionary of the tensors, of which the worker holds one copy."""
        kept = student.once(f"checkpoint {sizes}", lambda: student.namespace(tensors=dict(weights(sizes))).part("tensors"))
        return kept.new("copy")

    def model(self, student: Student, sizes: Sizes, more: Mapping[str, Any] | None = None) -> Handle:
        """The network, loaded from a checkpoint with `more` in it; once in a worker."""

        def make() -> Handle:
            tensors = self.checkpoint(student, sizes)
            if more:
                tensors.call("update", dict(more))
            return student.module(self.file).new(self.load, tensors)

        return student.once(f"network {sizes}", make)


def judge_outputs(course: Loaded, draw: Draw, note: Note) -> None:
    """One latent, with a short context."""
    _judge_output(course, OF_OUTPUTS, (1, 4, 16, 16), 5, draw, note)


def judge_batches(course: Loaded, draw: Draw, note: Note) -> None:
    """Two latents that are not square, each with a time and a context of its own, of another length."""
    _judge_output(course, OF_OUTPUTS, (2, 4, 8, 24), 3, draw, note)


def judge_whole_checkpoint(course: Loaded, draw: Draw, note: Note) -> None:
    """Loaded from a checkpoint of other sizes that holds more than the U-Net."""
    _judge_output(course, OF_CHECKPOINT, (1, 5, 8, 16), 4, draw, note, others())


def _judge_output(
    course: Loaded, sizes: Sizes, shape: tuple[int, ...], length: int, draw: Draw, note: Note, more: Mapping[str, Any] | None = None
) -> None:
    x, context = draw.normal(*shape), draw.normal(shape[0], length, sizes.context)
    time = draw.generator.integers(200, 1000, shape[0])
    given = f32(x), f32(context), time
    answer = course.model(course.student, sizes, more).answer(*given)
    expected = np.asarray(course.model(course.reference, sizes, more).answer(*given), dtype=np.float64)
    got = expect_tensor(answer, (shape[0], sizes.channels_out, *shape[2:]), f"The output of {course.network} for x of shape {shape}")
    note("output", got, 2e-3)
    note("end of the output", got.ravel()[-64:], 2e-3)
    if not near(got, expected, TOLERANCE * expected.std()):
        raise WrongAnswer(_fault(course, got, expected, shape))


def _fault(course: Loaded, got: Floats, expected: Floats, shape: tuple[int, ...]) -> str:
    off = float(np.sqrt(((got - expected) ** 2).mean()) / expected.std())
    return (
        f"For the same weights, the output of {course.network} for x of shape {shape} must be that of Stable Diffusion's U-Net; yours is off by "
        f"{off:.2g} of its spread."
    )


def judge_names(course: Loaded, draw: Draw, note: Note) -> None:
    """A tensor that is missing, and one that belongs nowhere, is an error that names it."""
    names = [name for name, shape in shapes(OF_OUTPUTS) if "transformer_blocks" in name and not name.startswith("input_blocks.1.")]
    missing = names[draw.integer(0, len(names) - 1)]
    tensors = course.checkpoint(course.student, OF_OUTPUTS)
    tensors.call("pop", PREFIX + missing)
    _expect_named(course, tensors, missing, "is missing", note)
    unknown = f"output_blocks.{LEVELS * (BLOCKS + 1)}.0.in_layers.{draw.integer(0, 9)}.weight"
    tensors = course.checkpoint(course.student, OF_OUTPUTS)
    tensors.call("update", {PREFIX + unknown: np.ones(32, dtype=np.float32)})
    _expect_named(course, tensors, unknown, "belongs nowhere", note)


def _expect_named(course: Loaded, tensors: Handle, name: str, what: str, note: Note) -> None:
    try:
        course.student.module(course.file).new(course.load, tensors)
    except Raised as error:
        if error.type_name == "NotImplementedError":
            raise
        note(f"error for what {what}", name in error.text, 0)
        said = f"{error.type_name}: {error.text[:200]}"
        expect(name in error.text, f"Where {name} {what}, {course.load} must raise an error that names it; yours raises {said}")
        return
    note(f"error for what {what}", -1, 0)
    raise WrongAnswer(f"Where {name} {what}, {course.load} must raise an error that names it; yours raises none.")
