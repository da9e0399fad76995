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
    """A UNet of one file, made for three channels, with its first call, and then weights drawn anew. `label`: of every image, where it takes some."""

    net: Handle
    seen: Recording
    label: int | None = None

    def __call__(self, x: Floats, *labels: Any) -> Any:
        return self.net.answer(*((x.astype(np.float32), *labels) if labels else self.arguments(x)))

    def arguments(self, x: Floats) -> Arguments:
        return _beside(x, self.label)


def build(student: Student, file: str, draw: Draw) -> Built:
    """Once in a worker, since millions of weights take their time."""

    def make() -> Built:
        net, label = student.module(file).new("UNet"), _label(file, draw)
        seen = watch(net, _beside(draw.normal(ROWS, 3, SIDE, SIDE), label))
        net.draw_weights()
        net.get("training")  # now, and not with what some check asks first
        return Built(net, seen, label)

    return student.once(f"UNet of {file}", make)


def _label(file: str, draw: Draw) -> int | None:
    return draw.integer(0, CLASSES - 1) if file == "conditional" else None


def _beside(x: Floats, label: int | None) -> Arguments:
    return (x.astype(np.float32), *(() if label is None else (np.full(len(x), label),)))


def judge_shapes(student: Student, file: str, draw: Draw, note: Note) -> Built:
    """(B, out_class, H, W) for images of any number of channels; and the answer depends on them. Returns the network for three."""
    grey = draw.normal(ROWS, 1, SIDE, SIDE)
    _expect_images(student.module(file).new("UNet", 5).answer(*_beside(grey, _label(file, draw))), grey, 5, note)
    built, x = build(student, file, draw), draw.normal(ROWS, 3, SIDE, SIDE)
    built.net.later("eval")
    value = built(x)
    depends = isinstance(value, np.ndarray) and abs(value[:1] - value[1:]).max() > 1e-6 * (1 + abs(value).max())
    note.measured_work(bool(depends))
    _expect_images(value, x, 3, note)
    note("depends on the image", depends, 0)
    expect(depends, "The output of UNet must depend on the image; yours gives every image the same.")
    return built


def _expect_images(value: Any, x: Floats, out_class: int, note: Note) -> None:
    note(f"output for {x.shape[1]}", np.shape(value) if isinstance(value, np.ndarray) else (), 0)
    expect_tensor(value, (len(x), out_class, SIDE, SIDE), f"For images of shape {x.shape} and out_class = {out_class}, the output of UNet")


def judge_gradients(built: Built, draw: Draw, note: Note) -> None:
    """Training reaches every layer, and the network is no linear map, whose results have any sign and size."""
    x = draw.normal(ROWS, 3, SIDE, SIDE)
    note("layers made in the first call", len(built.seen.made), 0)
    note("layers that never run", len(built.seen.idle), 0)
    expect_all_trained(built.seen)
    expect_gradients(built.net, built.arguments(x), x.shape, draw)
    built.net.later("eval")
    expect_any_number(expect_bends(built, x))


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
    if not is_meant_as_the_diagram(built.seen):
        judge_links(built.seen, note)
        return
    note.measured_work(True)
    inputs = [built.arguments(draw.normal(ROWS, 3, SIDE, SIDE)) for _ in range(2)]
    theirs = reference.module("unet").new("UNet")
    judge_architecture(built.net, theirs, inputs, draw, note, DIAGRAM, more_biases="any", trained=False)


def is_meant_as_the_diagram(seen: Recording) -> bool:
    """Whether a network has the channels of the diagram, and nothing that the diagram lacks, such as another activation or normalisation."""
    channels = [one.shape[1] for one in seen.layers() if one.kind == "convolution"]
    rows = {one.shape[0] for one in seen.layers()}  # what PyTorch computes for an InstanceNorm is a BatchNorm of one row
    return channels == CHANNELS and {one.kind for one in seen.operations} <= KINDS and len(rows) == 1


def judge_label_effect(student: Student, file: str, draw: Draw, note: Note) -> None:
    """Every label changes the noise found in its own image, and in no other."""
    built = build(student, file, draw)
    built.net.later("eval")
    image = draw.normal(1, 3, SIDE, SIDE)
    shown = built(image)
    note.measured_work(isinstance(shown, np.ndarray) and shown.shape == image.shape)
    judge_labels(built, image, CLASSES, note)
