"""The tensors of a checkpoint of Stable Diffusion 1.x (Rombach et al. 2022): the names and shapes of the original, narrow levels, and random
numbers that are the same for everybody. Judgements and visible checks share it, so that the kit ships it as it is.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PREFIX = "model.diffusion_model."
LEVELS, BLOCKS = 4, 2
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
