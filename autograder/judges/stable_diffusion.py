"""Judgements of a U-Net that is loaded from a checkpoint of Stable Diffusion 1.x (Rombach et al. 2022), by what it computes.

The checkpoints have the names of the original one, narrow levels, and random numbers that are the same for everybody; each tensor of
OF_CHECKPOINT shows in the output. The solution, which is loaded from the same checkpoint beside the student's code, gives what must come for
secret inputs. That it computes what other implementations do is the business of tests.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_tensor
from autograder.grading.reference import Reference
from autograder.grading.seeds import Draw
from autograder.judges.expectations import f32
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Student

PREFIX = "model.diffusion_model."
LEVELS, BLOCKS = 4, 2
TOLERANCE = 1e-4  # relative to the spread of an output; two implementations differ by some 3e-6
Shapes = Iterator[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Sizes:
    """Of a checkpoint. Every group norm has 32 groups, so that no level is narrower than 32 channels."""

    width: int = 32
    mults: tuple[int, ...] = (1, 2, 1, 1)
    context: int = 24
    channels_in: int = 4
    channels_out: int = 4

    @property
    def time(self) -> int:
        return 4 * self.width


# A group of one channel forgets what is added to it, a bias or the time; those of OF_CHECKPOINT have two.
OF_OUTPUTS, OF_CHECKPOINT = Sizes(), Sizes(width=64, mults=(1, 1, 1, 1), context=16, channels_in=5)


# The names and shapes of a checkpoint


def _layer(name: str, *shape: int, bias: bool = True) -> Shapes:
    yield f"{name}.weight", shape
    if bias:
        yield f"{name}.bias", shape[:1]


def _residual(name: str, channels_in: int, channels_out: int, sizes: Sizes) -> Shapes:
    yield from _layer(f"{name}.in_layers.0", channels_in)
    yield from _layer(f"{name}.in_layers.2", channels_out, channels_in, 3, 3)
    yield from _layer(f"{name}.emb_layers.1", channels_out, sizes.time)
    yield from _layer(f"{name}.out_layers.0", channels_out)
    yield from _layer(f"{name}.out_layers.3", channels_out, channels_out, 3, 3)
    if channels_in != channels_out:
        yield from _layer(f"{name}.skip_connection", channels_out, channels_in, 1, 1)


def _transformer(name: str, c: int, sizes: Sizes) -> Shapes:
    inner = f"{name}.transformer_blocks.0"
    yield from _layer(f"{name}.norm", c)
    yield from _layer(f"{name}.proj_in", c, c, 1, 1)
    for attention, other in (("attn1", c), ("attn2", sizes.context)):
        yield from _layer(f"{inner}.{attention}.to_q", c, c, bias=False)
        yield from _layer(f"{inner}.{attention}.to_k", c, other, bias=False)
        yield from _layer(f"{inner}.{attention}.to_v", c, other, bias=False)
        yield from _layer(f"{inner}.{attention}.to_out.0", c, c)
    yield from _layer(f"{inner}.ff.net.0.proj", 8 * c, c)
    yield from _layer(f"{inner}.ff.net.2", c, 4 * c)
    for i in (1, 2, 3):
        yield from _layer(f"{inner}.norm{i}", c)
    yield from _layer(f"{name}.proj_out", c, c, 1, 1)


def shapes(sizes: Sizes) -> Shapes:
    """The name, without PREFIX, and the shape of every tensor of the U-Net."""
    widths = [sizes.width * mult for mult in sizes.mults]
    yield from _layer("time_embed.0", sizes.time, sizes.width)
    yield from _layer("time_embed.2", sizes.time, sizes.time)
    yield from _layer("input_blocks.0.0", sizes.width, sizes.channels_in, 3, 3)
    stored, number, c = [sizes.width], 1, sizes.width
    for level, width in enumerate(widths):
        for _ in range(BLOCKS):
            yield from _residual(f"input_blocks.{number}.0", c, width, sizes)
            if level < LEVELS - 1:
                yield from _transformer(f"input_blocks.{number}.1", width, sizes)
            c, number = width, number + 1
            stored.append(c)
        if level < LEVELS - 1:
            yield from _layer(f"input_blocks.{number}.0.op", c, c, 3, 3)
            number += 1
            stored.append(c)
    yield from _residual("middle_block.0", c, c, sizes)
    yield from _transformer("middle_block.1", c, sizes)
    yield from _residual("middle_block.2", c, c, sizes)
    for number in range(LEVELS * (BLOCKS + 1)):
        level, last = LEVELS - 1 - number // (BLOCKS + 1), number % (BLOCKS + 1) == BLOCKS
        yield from _residual(f"output_blocks.{number}.0", c + stored.pop(), widths[level], sizes)
        c = widths[level]
        if level < LEVELS - 1:
            yield from _transformer(f"output_blocks.{number}.1", c, sizes)
        if last and level > 0:
            yield from _layer(f"output_blocks.{number}.{1 if level == LEVELS - 1 else 2}.conv", c, c, 3, 3)
    yield from _layer("out.0", sizes.width)
    yield from _layer("out.2", sizes.channels_out, sizes.width, 3, 3)


@functools.lru_cache(maxsize=2)  # those of one submission
def weights(sizes: Sizes) -> Mapping[str, NDArray[np.float32]]:
    """The tensors of the U-Net by their whole names. Factors of norms are about 1; other weights keep the spread of what they multiply."""
    random, found = np.random.default_rng(1112), {}
    for name, shape in shapes(sizes):
        drawn = random.standard_normal(shape, dtype=np.float32)
        scale = 0.2 if len(shape) == 1 else float(np.prod(shape[1:])) ** -0.5
        of_norm = len(shape) == 1 and name.endswith("weight")
        found[PREFIX + name] = np.float32(scale) * drawn + np.float32(of_norm)
    return found


def others() -> dict[str, NDArray[np.float32]]:
    """What else a checkpoint holds, as far as names go."""
    names = (
        "alphas_cumprod", "betas", "model_ema.decay", "model_ema.diffusion_modelout2bias", "first_stage_model.encoder.conv_in.weight",
        "first_stage_model.post_quant_conv.bias", "cond_stage_model.transformer.text_model.final_layer_norm.weight",
    )  # fmt: skip
    return {name: np.ones(3, dtype=np.float32) for name in names}


# The judgements


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
