"""Durham's U-Net: the sizes and names of its diagram, and which network is judged by it.

The handout welcomes a design of one's own. So a network is compared with the diagram where it has its channels and nothing that it lacks, and
else judged by what holds of every U-Net. Where labels enter is free: a conditional network is never compared.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.assignments.minimal_diffusion.interface import CLASSES
from autograder.grading.checks import Floats, Note, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.architecture import Diagram, judge_architecture
from autograder.judges.architecture.properties import (
    expect_all_trained,
    expect_any_number,
    expect_bends,
    expect_gradients,
    expect_links,
    judge_labels,
    watch,
)
from autograder.judges.architecture.recording import Arguments, Recording
from autograder.sandbox.proxies import Handle, Student

SIDE, ROWS, LEVELS = 32, 2, 2  # of the images, how many; a design of one's own has two levels at least
CHANNELS = [72, 96, 128, 196, 256, 256, 196, 128, 96, 3]
KINDS = {"convolution", "native_batch_norm", "relu", "cat", "add", "slice"}  # the diagram's operations, and those of mistakes in it
NUMBERS = ("first", "second", "third", "fourth")
DIAGRAM = Diagram(
    {f"downs.{i}": f"the {number} down block" for i, number in enumerate(NUMBERS)}
    | {f"ups.{i}": f"the {number} up block" for i, number in enumerate(NUMBERS)}
    | {"bottleneck": "the bottleneck", "head": "the last convolution"}
)


@dataclass(frozen=True)
class Built:
    """A UNet of one file, and a label, where it takes some: the same for every image."""

    net: Handle
    label: int | None = None

    def __call__(self, x: Floats, *labels: Any) -> Any:
        return self.net.answer(*((x.astype(np.float32), *labels) if labels else self.arguments(x)))

    def arguments(self, x: Floats) -> Arguments:
        return (x.astype(np.float32), *(() if self.label is None else (np.full(len(x), self.label),)))


def build(student: Student, file: str, draw: Draw, *settings: int) -> Built:
    net = student.module(file).new("UNet", *settings)
    return Built(net, draw.integer(0, CLASSES - 1) if file == "conditional" else None)


def judge_shapes(student: Student, file: str, draw: Draw, note: Note) -> Built:
    """(B, out_class, H, W) for images of any number of channels; and the answer depends on them. Returns the network for three."""
    for channels, out_class, settings in ((1, 5, (5,)), (3, 3, ())):
        built = build(student, file, draw, *settings)
        x = draw.normal(ROWS, channels, SIDE, SIDE)
        value = built(x)
        note(f"output for {channels}", np.shape(value) if isinstance(value, np.ndarray) else (), 0)
        what = f"For images of shape {x.shape} and out_class = {out_class}, the output of UNet"
        expect_tensor(value, (ROWS, out_class, SIDE, SIDE), what)
    built.net.draw_weights()
    built.net.later("eval")
    value = built(x)
    depends = isinstance(value, np.ndarray) and abs(value[0] - value[1]).max() > 1e-6 * (1 + abs(value).max())
    note("depends on the image", depends, 0)
    note.measured_work(bool(depends))
    expect(depends, "The output of UNet must depend on the image; yours gives every image the same.")
    return built


def judge_gradients(built: Built, draw: Draw, note: Note) -> Recording:
    """Training reaches every layer, and the network is no linear map, whose results have any sign and size."""
    x = draw.normal(ROWS, 3, SIDE, SIDE)
    seen = watch(built.net, built.arguments(x))
    note("layers made in the first call", len(seen.made), 0)
    note("layers that never run", len(seen.idle), 0)
    expect_all_trained(seen)
    built.net.draw_weights()
    expect_gradients(built.net, built.arguments(x), x.shape, draw)
    built.net.later("eval")
    expect_any_number(expect_bends(built, x))
    return seen


def judge_links(seen: Recording, note: Note) -> None:
    """What the way down has at a resolution reaches the way up there, and the image itself the last layers."""
    maps = [one for one in seen.operations if one.kind == "convolution" and len(one.shape) == 4]
    note("channels of the maps", [one.shape[1] for one in maps], 0)
    note("sides of the maps", [one.shape[3] for one in maps], 0)
    note.measured_work(len(maps) > 2 and len({one.shape[3] for one in maps}) > 1)
    sides = expect_links(seen)
    lowest = SIDE >> LEVELS
    told = ", ".join(f"{side} × {side}" for side in sides)
    expect(sides[0] <= lowest, f"UNet must go down to {lowest} × {lowest} or smaller; yours has maps of {told} alone.")


def judge_diagram_or_links(student: Student, reference: Student, draw: Draw, note: Note) -> None:
    """The diagram, where it is meant; else links as in every U-Net."""
    built = build(student, "unet", draw)
    inputs = [built.arguments(draw.normal(2, 3, SIDE, SIDE)) for _ in range(2)]
    seen = watch(built.net, inputs[0])
    if not is_meant_as_the_diagram(seen):
        judge_links(seen, note)
        return
    note.measured_work(True)
    theirs = build(reference, "unet", draw).net
    judge_architecture(built.net, theirs, inputs, draw, note, DIAGRAM, more_biases="any", trained=False)


def is_meant_as_the_diagram(seen: Recording) -> bool:
    """Whether a network has the channels of the diagram, and nothing that the diagram lacks, such as another activation or normalisation."""
    channels = [one.shape[1] for one in seen.layers() if one.kind == "convolution"]
    rows = {one.shape[0] for one in seen.layers()}  # what PyTorch computes for an InstanceNorm is a BatchNorm of one row
    return channels == CHANNELS and {one.kind for one in seen.operations} <= KINDS and len(rows) == 1


def judge_label_effect(student: Student, file: str, draw: Draw, note: Note) -> None:
    """Every label changes the noise found in its own image, and in no other."""
    built = build(student, file, draw)
    image = draw.normal(1, 3, SIDE, SIDE)
    shown = built(np.repeat(image, ROWS, axis=0))
    note.measured_work(isinstance(shown, np.ndarray) and shown.shape[1:] == image.shape[1:])
    built.net.draw_weights()
    built.net.later("eval")
    judge_labels(built, image, CLASSES, note)
