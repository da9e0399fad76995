"""The weights of one layer as those of another that does the same: the same kind, with its input channels in another order, or an equal kind.

A layer is its function. On the shape of its input, a 1×1 convolution, a transposed convolution of a 1×1 map and a convolution whose kernel
is the whole map are linear layers; a transposed convolution of stride 1 is a convolution with its kernel turned by 180°.
Shapes: convolution (out, in, height, width), transposed convolution (in, out, height, width), linear (in, out), as x W + b has it.
"""

import numpy as np

from autograder.judges.architecture.recording import Operation
from autograder.judges.architecture.values import Numbers, Order


def kernel_for(student: Operation, reference: Operation, weight: Numbers, order: Order | None) -> Numbers | None:
    """The reference's `weight` as the student's layer must have it; None where the two layers cannot be the same.

    `order`: of the channels that the student's layer receives, see values.order_of_channels.
    """
    slot = student.slot("weight")
    if slot is None:
        return None
    for kernel in _forms(student, reference, weight, order):
        if kernel.shape == slot.shape:
            return kernel
    return None


def _forms(student: Operation, reference: Operation, weight: Numbers, order: Order | None) -> list[Numbers]:
    ours, theirs = student.family, reference.family
    if theirs in ("conv", "transposed conv") and reference.settings.get("groups", 1) != 1:
        return [weight] if order is None and ours == theirs else []
    axis = 1 if theirs == "conv" else 0
    if order is not None:
        if weight.ndim == 0 or weight.shape[axis] != len(order):
            return []
        weight = np.take(weight, order, axis=axis)
    if ours == theirs:
        return [weight]
    if {ours, theirs} == {"conv", "transposed conv"} and weight.shape[2:] != (1, 1):
        turned = np.flip(weight, (2, 3)).swapaxes(0, 1)
        return [turned] if student.settings.get("stride") == reference.settings.get("stride") == [1, 1] else []
    matrix = _as_linear(reference, weight)
    return [] if matrix is None else _from_linear(student, matrix)


def _as_linear(layer: Operation, weight: Numbers) -> Numbers | None:
    """A layer's weight as that of a linear one, (in, out)."""
    if layer.family == "linear":
        return weight
    if layer.family == "conv":
        whole = layer.shapes[0][-2:] == weight.shape[2:] and not any(layer.settings.get("padding", [0]))
        return weight.reshape(len(weight), -1).T if whole or weight.shape[2:] == (1, 1) else None
    if layer.family == "transposed conv":
        point = layer.shapes[0][-2:] == (1, 1) or weight.shape[2:] == (1, 1)
        return weight.reshape(len(weight), -1) if point else None
    return None


def _from_linear(layer: Operation, matrix: Numbers) -> list[Numbers]:
    slot = layer.slot("weight")
    assert slot is not None
    if matrix.size != np.prod(slot.shape):
        return []
    if layer.family == "linear":
        return [matrix]
    if layer.family == "conv":
        return [matrix.T.reshape(slot.shape)] if matrix.shape[1] == slot.shape[0] else []
    if layer.family == "transposed conv":
        return [matrix.reshape(slot.shape)] if matrix.shape[0] == slot.shape[0] else []
    return []


def bias_for(slot_shape: tuple[int, ...], bias: Numbers) -> Numbers | None:
    """The reference's bias, (out,), in the shape of the student's: of a linear layer for a transposed convolution, each is repeated."""
    size = int(np.prod(slot_shape))
    if size == bias.size:
        return bias.reshape(slot_shape)
    return np.repeat(bias, size // bias.size) if bias.size and size % bias.size == 0 else None


def per_channel(values: Numbers, order: Order | None, shape: tuple[int, ...]) -> Numbers | None:
    """Weights of a normalisation, one for each channel, in the student's order."""
    if order is not None:
        if len(order) != values.size:
            return None
        values = values[order]
    return reshaped(values, shape)


def reshaped(values: Numbers, shape: tuple[int, ...]) -> Numbers | None:
    """The same weights in another shape; None where there are more or fewer."""
    return values.reshape(shape) if values.size == np.prod(shape) else None
