"""The reference network in one call: weights of the grader's in every layer, and every tensor known by its numbers."""

from dataclasses import dataclass, field

import numpy as np

from autograder.grading.seeds import Draw
from autograder.judges.architecture.recording import Operation, Recording
from autograder.judges.architecture.values import Known, Numbers

MOST_DRAWN = 65_537  # a prime: numbers of a larger weight repeat after as many, and no two of its channels are alike


def absorbed_biases(recording: Recording) -> frozenset[int]:
    """Which layers, counted from 0, are directly followed by a batch normalisation: it takes away what their bias adds."""
    normalised = {operation.inputs[0] for operation in recording.layers() if operation.family == "batch norm"}
    return frozenset(i for i, layer in enumerate(recording.layers()) if layer.output in normalised)


@dataclass
class Reference(Recording):
    """Has the `weights` of each layer, by number; `absorbed`: see absorbed_biases.

    `known`: the tensors, each once; `classes`: of the numbers of this call, the index in `known`. Two more kinds of tensors are known, for
    networks that take one step as two: before a bias is added, and with the zeros of a convolution's padding around.
    """

    absorbed: frozenset[int] = frozenset()
    weights: dict[int, Numbers] = field(default_factory=dict)
    known: Known = field(default_factory=Known)
    classes: dict[int, int] = field(default_factory=dict)
    before_bias: dict[int, Operation] = field(default_factory=dict)  # by index in `known`
    padded: dict[int, int] = field(default_factory=dict)  # by index in `known`, that of the tensor without padding

    def __post_init__(self) -> None:
        for number, array in self.values.items():
            self.classes[number] = self.known.add(array)

    def value(self, operation: Operation) -> None:
        if (value := self.values.get(operation.output)) is None:
            return
        self.classes[operation.output] = self.known.add(value)
        self._split(operation, value)

    def _split(self, operation: Operation, value: Numbers) -> None:
        """What the layer would have given before its bias, and may be given in place of its padding."""
        slot = operation.slot("bias")
        if operation.family not in ("conv", "transposed conv", "linear"):
            return
        if slot is not None and (bias := self.weights.get(slot.number)) is not None and bias.any():
            broadcast = bias if operation.family == "linear" else bias.reshape(-1, *[1] * (value.ndim - 2))
            self.before_bias[self.known.add(value - broadcast)] = operation
        width = operation.settings.get("padding", [0])
        given = self.values.get(operation.inputs[0])
        if operation.family == "conv" and any(width) and given is not None and given.ndim == 2 + len(width):
            around = np.pad(given, [(0, 0), (0, 0), *[(w, w) for w in width]])
            self.padded[self.known.add(around)] = self.classes[operation.inputs[0]]

    @property
    def results(self) -> tuple[int, ...]:
        """The outputs of the call, as indices in `known`."""
        return tuple(self.classes[number] for number in self.outputs if number is not None)

    @property
    def output_shapes(self) -> list[tuple[int, ...]]:
        return [self.known.tensors[index].shape for index in self.results]

    def is_absorbed(self, layer: Operation) -> bool:
        """Whether a batch normalisation follows this layer, so that its bias makes no difference."""
        return next(i for i, other in enumerate(self.layers()) if other is layer) in self.absorbed

    def classes_into(self, operation: Operation) -> list[int]:
        """What goes into an operation, as indices in `known`."""
        return [self.classes[number] for number in operation.inputs if number in self.classes]

    def users(self, index: int) -> list[Operation]:
        """The operations that a tensor goes into."""
        return [operation for operation in self.operations if index in self.classes_into(operation)]


def drawn_weights(outline: Recording, absorbed: frozenset[int], draw: Draw) -> dict[int, Numbers]:
    """Random weights for every layer of a network, by number."""
    weights: dict[int, Numbers] = {}
    for i, operation in enumerate(outline.layers()):
        for slot in operation.slots:
            if slot.number not in weights:
                weights[slot.number] = _drawn(draw, operation, slot.role, slot.shape, i in absorbed)
    return weights


def in_short(weight: Numbers) -> Numbers:
    """As much of a drawn weight as a worker needs, which repeats it (sandbox/weights.py)."""
    return weight.ravel()[:MOST_DRAWN] if weight.size > MOST_DRAWN else weight


def _drawn(draw: Draw, operation: Operation, role: str, shape: tuple[int, ...], absorbed: bool) -> Numbers:
    """Random float32 weights that keep the numbers of a network about as large as they are. The shift of a normalisation is so small that an
    activation behind it leaves no channel at 0, which would hide what becomes of it.
    """
    if role == "bias" and "norm" in operation.kind:
        values = draw.uniform(-0.15, 0.15, *shape)
    elif role == "bias":
        values = np.zeros(shape) if absorbed else 0.5 * draw.normal(*shape)
    elif role == "running_mean":
        values = 0.3 * draw.normal(*shape)
    elif role == "running_var" or (role == "weight" and len(shape) == 1):
        values = draw.uniform(0.5, 1.5, *shape)
    else:
        is_sum = role == "weight" and operation.family in ("conv", "transposed conv", "linear")
        inputs = np.prod(shape[1:]) if operation.family == "conv" else shape[0]
        values = draw.normal(min(int(np.prod(shape)), MOST_DRAWN)) / np.sqrt(max(inputs, 1) if is_sum else 1)
    return np.resize(values.astype(np.float32), shape)
