"""Outputs and gradients of two networks with the same weights: what values alone do not show, such as a skip that is detached."""

from typing import Any

import numpy as np

from autograder.grading.checks import expect, expect_finite, expect_near
from autograder.judges.architecture.matching import Laid, Matching
from autograder.judges.architecture.names import Names
from autograder.judges.architecture.values import Numbers

ROUNDING = 1e-3  # of the largest number: float32 sums in another order
OTHER_OUTPUT = "With the same weights and inputs your network must give what the diagram gives; in training mode, on further inputs, it does not."


def expect_gradients(ours: Any, theirs: Any, matching: Matching, names: Names) -> None:
    """What Handle.gradients gives of both networks. Raises WrongAnswer where an output, or the gradient of a weight, is another one."""
    for got, expected in zip(ours["outputs"], theirs["outputs"]):
        numbers = expect_finite(np.asarray(got, dtype=np.float64), "The output")
        expect_near(numbers.ravel(), expected.ravel(), ROUNDING * abs(expected).max(), OTHER_OUTPUT)
    largest = max((float(abs(g).max()) for g in theirs["weights"] if g is not None), default=0.0)
    for layer, partner in matching.partners:
        for item in (item for item in matching.laid if item.ours in layer.slots):
            expected = _converted(item, theirs["weights"])
            if expected is not None:
                fault = _fault(ours["weights"][item.ours.number], expected, largest)
                expect(not fault, _sentence(names, layer, partner, fault))


def _sentence(names: Names, layer: Any, partner: Any, fault: str) -> str:
    return (
        f"The gradient of {names.what(partner)} in {names.place(partner.place) or 'the network'} must be as in the diagram; yours {fault}"
        f"{names.yours(layer)}. Look for .detach(), .data, torch.no_grad or torch.tensor(…) on the way."
    )


def _converted(item: Laid, gradients: list[Numbers | None]) -> Numbers | None:
    """The reference's gradient in the student's layout; None for running averages, and where one weight serves for several of the student's."""
    gradient = None if item.theirs is None else gradients[item.theirs]
    return None if gradient is None or np.prod(item.ours.shape) != gradient.size else item.convert(gradient)


def _fault(got: Any, expected: Numbers, largest: float) -> str:
    """What is wrong with a gradient, or ""."""
    mine = got if isinstance(got, np.ndarray) and got.shape == expected.shape else np.zeros_like(expected)
    if (abs(mine - expected) <= ROUNDING * abs(expected).max() + 1e-5 * largest).all():
        return ""
    return "is another one" if mine.any() else "is zero, so training never reaches it"
