"""Is the decoder of UNet.forward the one of the handout? Words, sizes, inputs."""

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.seeds import Draw
from autograder.judges.architecture import Diagram, judge_architecture
from autograder.sandbox.proxies import Handle, Student

_PARTS = ("the ResBlock", "the SpatialTransformer", "the sampling")


def _blocks(levels: int) -> dict[str, str]:
    words = {"conv_in": "conv_in", "time_embd": "time_embd", "label_embd": "label_embd", "final_conv": "final_conv"}
    words |= {"mid_res_block1": "mid_res_block1", "mid_attn": "mid_attn", "mid_res_block2": "mid_res_block2"}
    for half in ("encoder", "decoder"):
        for level in range(levels):
            for part, what in enumerate(_PARTS):
                words[f"{half}.{level}.{part}"] = f"{what} of {half}[{level}]"
    return words


def judge(student: Student, reference: Student, draw: Draw, note: Note, mults: tuple[int, ...], attention: tuple[int, ...]) -> None:
    """Raises WrongAnswer, in the names of the handout, where the student's network computes something else."""
    channels, classes = draw.integer(2, 3), draw.integer(4, 7)
    side = 2 ** (len(mults) - 1)

    def build(module: Handle) -> Handle:
        return module.new("UNet", 8, 6, classes, in_channels=channels, dim_mults=list(mults), attn_levels=list(attention), num_groups=4, num_heads=2)

    inputs = []
    for rows in (2, 1, 2):
        x = draw.normal(rows, channels, 2 * side, 3 * side).astype(np.float32)
        inputs.append((x, draw.generator.permutation(classes)[:rows], draw.generator.permutation(100)[:rows]))
    diagram = Diagram(_blocks(len(mults)), ("x", "label", "time"), maps=True)
    judge_architecture(build(student.module("libs.unet")), build(reference.module("libs.unet")), inputs, draw, note, diagram)
