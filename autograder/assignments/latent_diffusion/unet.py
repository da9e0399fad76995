"""Is the decoder of UNet.forward the one of the handout? Words, sizes, inputs."""

from dataclasses import dataclass
from functools import cached_property

from autograder.grading.checks import Note, WrongAnswer, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.architecture import Diagram, judge_architecture
from autograder.judges.architecture.recording import Arguments
from autograder.judges.expectations import f32
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Student

TOLERANCE = 1e-4  # relative: the same operations on the same weights, in float32

_PARTS = ("the ResBlock", "the SpatialTransformer", "the sampling")


def _blocks(levels: int) -> dict[str, str]:
    words = {"conv_in": "conv_in", "time_embd": "time_embd", "label_embd": "label_embd", "final_conv": "final_conv"}
    words |= {"mid_res_block1": "mid_res_block1", "mid_attn": "mid_attn", "mid_res_block2": "mid_res_block2"}
    for half in ("encoder", "decoder"):
        for level in range(levels):
            for part, what in enumerate(_PARTS):
                words[f"{half}.{level}.{part}"] = f"{what} of {half}[{level}]"
    return words


@dataclass(frozen=True)
class Case:
    """A U-Net of these levels, and the arguments of three calls, on images that are not square; one of a single image."""

    draw: Draw
    mults: tuple[int, ...]
    attention: tuple[int, ...]

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Channels of the images, and classes."""
        return self.draw.integer(2, 3), self.draw.integer(4, 7)

    def build(self, module: Handle) -> Handle:
        channels, classes = self.sizes
        levels = {"dim_mults": list(self.mults), "attn_levels": list(self.attention)}
        return module.new("UNet", 8, 6, classes, in_channels=channels, **levels, num_groups=4, num_heads=2)

    @cached_property
    def inputs(self) -> list[Arguments]:
        (channels, classes), side = self.sizes, 2 ** len(self.mults)
        return [
            (
                f32(self.draw.normal(rows, channels, side, side + side // 2)),
                self.draw.generator.permutation(classes)[:rows],
                self.draw.generator.permutation(100)[:rows],
            )
            for rows in (2, 1, 2)
        ]

    @property
    def diagram(self) -> Diagram:
        return Diagram(_blocks(len(self.mults)), ("x", "label", "time"), maps=True)


def judge_by_names(student: Student, reference: Student, case: Case, note: Note) -> None:
    """With the reference's weights in the layers of the same names, which are given, the outputs agree. Where the student's network has other
    layers, they are matched by what they receive. Raises WrongAnswer, in the names of the handout.
    """
    network, right = (case.build(one.module("libs.unet")) for one in (student, reference))
    right.draw_weights()
    weights = reference.module("builtins").call("dict", right.new("state_dict"))
    try:
        network.call("load_state_dict", weights)
    except Raised:
        judge_by_calls(student, reference, case, note)
        return
    for arguments in case.inputs:
        expected = right.answer(*arguments)
        try:
            got = expect_tensor(network.answer(*arguments), expected.shape, "The output of UNet")
            note("output", got, 1e-3)
            if near(got, expected, TOLERANCE * (1 + abs(expected).max())):
                continue
        except (Raised, WrongAnswer):
            judge_by_calls(student, reference, case, note)  # which says where
            raise
        judge_by_calls(student, reference, case, note)
        raise WrongAnswer(
            "Each layer of your decoder receives what it should, but with the channels in another order, which matters to trained weights: "
            "concatenate x first, and what the encoder stored second."
        )


def judge_by_calls(student: Student, reference: Student, case: Case, note: Note) -> None:
    """The layers are matched by what they receive, whatever their names are; gradients must agree, too. Raises WrongAnswer."""
    network, right = (case.build(one.module("libs.unet")) for one in (student, reference))
    judge_architecture(network, right, case.inputs, case.draw, note, case.diagram)
