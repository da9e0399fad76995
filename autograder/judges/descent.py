"""Whether the gradient that a loss sends back is the gradient of its value.

A loss may be right in every value and train nothing, or something else: with a part of it detached, or scaled after the fact. Along the
direction d of its gradient the loss must rise by as much as the gradient says: (L(w + h d) − L(w − h d)) / 2h is Σ gradient · d, up to h². In
other directions a loss of float32 moves by too little to measure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.grading.checks import Floats
from autograder.sandbox.proxies import Handle

STEP = 0.0005  # h, where d is as long as the weights together
ALLOWED = 0.05  # of a slope; a right loss differs by 2 %, from the ReLUs that flip on the way


@dataclass(frozen=True)
class Weight:
    """A tensor of a layer in the worker, by its path, and the numbers that are laid into it."""

    layer: Handle
    path: str
    values: Floats


def gradient_is_of_its_value(loss: Callable[[], Handle], groups: Sequence[Sequence[Weight]]) -> bool:
    """`loss` computes the loss anew, with equal random numbers at every call. The weights are laid in, and each group of them is moved along its
    own part of the gradient. Raises StudentFailure where the code gives no answer.
    """
    for group in groups:
        lay_in(group)
        for weight in group:
            weight.layer.later("zero_grad")
    loss().call("backward")
    gradients = [[weight.layer.get(f"{weight.path}.grad") for weight in group] for group in groups]
    if not all(isinstance(gradient, np.ndarray) for group in gradients for gradient in group):
        return False
    told, measured = [], []
    for group, sent in zip(groups, gradients):
        steepest = np.sqrt(sum(float((gradient**2).sum()) for gradient in sent))
        if not steepest > 0:
            return False
        length = np.sqrt(sum(float((weight.values**2).sum()) for weight in group))
        directions = [gradient * (length / steepest) for gradient in sent]
        values = []
        for h in (STEP, -STEP):
            lay_in([Weight(w.layer, w.path, w.values + h * d) for w, d in zip(group, directions)])
            values.append(float(loss().call("item")))
        lay_in(group)
        told.append(steepest * length)
        measured.append((values[0] - values[1]) / (2 * STEP))
    return bool((np.abs(np.subtract(told, measured)) <= ALLOWED * np.abs(told)).all())


def lay_in(group: Sequence[Weight]) -> None:
    """Give the layers these weights, with the next request."""
    for weight in group:
        weight.layer.later(f"{weight.path}.data.copy_", weight.values.astype(np.float32))
