"""The networks of CS180, project 5B: their sizes and words, how the classes of unet.py are built, and in which forms they take t, c and mask."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.grading.seeds import Draw
from autograder.judges.architecture import Diagram, Form, as_given
from autograder.judges.architecture.recording import Arguments
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle

SIDE, CLASSES = 28, 10  # of the digits, since code may hold the numbers
ROWS = (2, 1, 2)  # of the calls: in training mode, in evaluation mode, and for gradients
ROWS_WITH_LABELS = (3, 1, 2)  # two of the three labels are told


@dataclass(frozen=True)
class Case:
    """What a class is judged on. `build`: from its module, by its name; `told`: how it is built and called, for a sentence; `inputs`: of three
    calls, in the form of the handout; `forms`: in which it may take them.
    """

    name: str
    build: Callable[[Handle, str], Handle]
    told: str
    inputs: Sequence[Arguments]
    diagram: Diagram
    forms: Sequence[Form] = (as_given,)


@dataclass(frozen=True)
class Sizes:
    """C, D and the number of classes, none of them the course's own."""

    channels: int
    hidden: int
    classes: int

    @classmethod
    def drawn(cls, draw: Draw) -> "Sizes":
        return cls(draw.integer(2, 3), draw.integer(6, 9), draw.integer(4, 7))

    def told(self) -> str:
        return f"(in_channels={self.channels}, num_classes={self.classes}, num_hiddens={self.hidden})"


# The blocks


def block(name: str, draw: Draw, side: int, sizes: tuple[int, ...] = ()) -> Case:
    """A block that is built with `sizes`, its channels, on maps of this side."""
    x = _images(draw, sizes[0] if sizes else draw.integer(3, 6), side)
    diagram = Diagram({"": name, "layers": name} | PARTS.get(name, {}), ("x",))
    forms = (as_given, _as_vectors) if side == 1 else (as_given,)
    told = f"{name}({', '.join(map(str, sizes))}), called with x of shape {x[0][0].shape}"
    return Case(name, lambda module, name: module.new(name, *sizes), told, x, diagram, forms)


def fully_connected(draw: Draw) -> Case:
    sizes = draw.integer(3, 5), draw.integer(6, 9)
    x = [(draw.normal(rows, sizes[0]).astype(np.float32),) for rows in ROWS]
    told = f"FCBlock{sizes}, called with x of shape {x[0][0].shape}"
    diagram = Diagram({"": "FCBlock", "layers": "FCBlock"}, ("x",))
    return Case("FCBlock", lambda module, name: module.new(name, *sizes), told, x, diagram, (as_given, _as_maps))


def _as_vectors(given: Arguments) -> Arguments:
    return (given[0][:, :, 0, 0],)


def _as_maps(given: Arguments) -> Arguments:
    return (given[0][:, :, None, None],)


def _images(draw: Draw, channels: int, side: int, rows: Sequence[int] = ROWS) -> list[Arguments]:
    return [(draw.normal(count, channels, side, side).astype(np.float32),) for count in rows]


# The networks


def unconditional(draw: Draw) -> Case:
    sizes, name = Sizes.drawn(draw), "UnconditionalUNet"
    x = _images(draw, sizes.channels, SIDE)
    told = f"{name}(in_channels={sizes.channels}, num_hiddens={sizes.hidden}), called with x of shape {x[0][0].shape}"
    diagram = Diagram(_with_parts(TRUNK), ("x",), maps=True)
    return Case(name, lambda module, name: module.new(name, sizes.channels, sizes.hidden), told, x, diagram)


def time_conditional(draw: Draw) -> Case:
    """t, in 0 … 1, is another one for each image."""
    sizes, name = Sizes.drawn(draw), "TimeConditionalUNet"
    inputs = [(x, _times(draw, len(x))) for (x,) in _images(draw, sizes.channels, SIDE)]
    told = f"{name}{sizes.told()}, called with x of shape {inputs[0][0].shape} and t of shape {inputs[0][1].shape}"
    diagram = Diagram(_with_parts(TRUNK | OF_TIME), ("x", "t"), maps=True)
    return Case(name, partial(_conditional, sizes), told, inputs, diagram, tuple(map(_with_time, TIMES)))


def class_conditional(draw: Draw, sizes: Sizes | None = None) -> Case:
    """Each image has another label and t; of several, some labels are told and some are not."""
    sizes, name = sizes or Sizes.drawn(draw), "ClassConditionalUNet"
    inputs = []
    for (x,) in _images(draw, sizes.channels, SIDE, ROWS_WITH_LABELS):
        mask = draw.generator.permutation(np.arange(1, len(x) + 1) % 2).astype(np.float32)
        labels = draw.generator.permutation(sizes.classes)[: len(x)]
        inputs.append((x, labels, _times(draw, len(x)), mask))
    told = f"{name}{sizes.told()}, called with x of shape {inputs[0][0].shape}, and c, t and mask of shape {inputs[0][1].shape}"
    diagram = Diagram(_with_parts(TRUNK | OF_CLASS), ("x", "c", "t", "mask"), made=ONE_HOT, maps=True)
    return Case(name, partial(_conditional, sizes), told, inputs, diagram, forms_of_labels(sizes.classes))


def _times(draw: Draw, rows: int) -> NDArray[np.float32]:
    return draw.uniform(0.05, 0.95, rows).astype(np.float32)


def _conditional(sizes: Sizes, module: Handle, name: str) -> Handle:
    """By the names of the handout's arguments, by their places, or, where no label is told, without the number of classes. Raises what comes
    of the places.
    """
    three = sizes.channels, sizes.classes, sizes.hidden
    calls: list[Callable[[], Handle]] = [
        lambda: module.new(name, **dict(zip(("in_channels", "num_classes", "num_hiddens"), three))),
        lambda: module.new(name, *three),
    ]
    if name != "ClassConditionalUNet":
        calls.append(lambda: module.new(name, sizes.channels, sizes.hidden))
    errors = []
    for call in calls:
        try:
            return call()
        except Raised as error:
            errors.append(error)
            if error.type_name != "TypeError":
                break
    raise errors[min(1, len(errors) - 1)]


# Forms

TIMES: tuple[Callable[[Any], Any], ...] = (
    lambda t: t,
    lambda t: t.reshape(-1, 1),
    lambda t: t.reshape(-1, 1, 1, 1),
)
MASKS: tuple[Callable[[Any], Any], ...] = (
    lambda mask: mask,
    lambda mask: mask.astype(bool),
    lambda mask: mask.astype(np.int64),
    lambda mask: mask.reshape(-1, 1),
    lambda mask: mask.reshape(-1, 1).astype(bool),
)


def _with_time(form: Callable[[Any], Any]) -> Form:
    return lambda given: (given[0], form(given[1]))


def forms_of_labels(classes: int) -> tuple[Form, ...]:
    """c as numbers or as one-hot vectors, with t and mask in their forms; and without a mask, the one-hot vectors being zero where it is 0."""

    def one_hot(labels: Any) -> Any:
        return np.eye(classes, dtype=np.float32)[labels]

    def whole(label: Callable[[Any], Any], time: Callable[[Any], Any], mask: Callable[[Any], Any]) -> Form:
        return lambda given: (given[0], label(given[1]), time(given[2]), mask(given[3]))

    def zeroed(time: Callable[[Any], Any]) -> Form:
        return lambda given: (given[0], one_hot(given[1]) * given[3][:, None], time(given[2]))

    labels: tuple[Callable[[Any], Any], ...] = (lambda c: c, one_hot)
    return (*(whole(*three) for three in itertools.product(labels, TIMES, MASKS)), *map(zeroed, TIMES))


# The words of the diagrams, by the paths in the solution

_TWO = ("the first Conv", "the second Conv")
PARTS = {
    "ConvBlock": {"layers.0": _TWO[0], "layers.1": _TWO[1]},
    "DownBlock": {"layers.0": "the DownConv", "layers.1.layers.0": _TWO[0], "layers.1.layers.1": _TWO[1]},
    "UpBlock": {"layers.0": "the UpConv", "layers.1.layers.0": _TWO[0], "layers.1.layers.1": _TWO[1]},
}
TRUNK = {
    "first": "the first ConvBlock", "down1": "the first DownBlock", "down2": "the second DownBlock", "flatten": "Flatten",
    "unflatten": "Unflatten", "up1": "the first UpBlock", "up2": "the second UpBlock", "last": "the last ConvBlock", "out": "the last Conv2d",
}  # fmt: skip
OF_TIME = {"t1": "the first FCBlock", "t2": "the second FCBlock"}
OF_CLASS = {f"{letter}{i + 1}": f"the {which} FCBlock of {letter}" for letter in "tc" for i, which in enumerate(("first", "second"))}

ONE_HOT = {("c",): "the one-hot vectors of c", ("c", "mask"): "the one-hot vectors of c, zero where mask is 0"}


def _with_parts(blocks: dict[str, str]) -> dict[str, str]:
    """The blocks, and what is inside of them, "the UpConv of the first UpBlock"."""
    parts = {
        f"{path}.{inner}": f"{what} of {words}"
        for path, words in blocks.items()
        for inner, what in PARTS.get(words.rpartition(" ")[2], {}).items()
    }
    return blocks | parts
