"""Outputs and gradients of two networks with the same weights: what values alone do not show, such as a skip that is detached.

A gradient is known by its norm, which is the same in every layout of the weights.
"""

from typing import Any

import numpy as np

from autograder.grading.checks import expect, expect_finite, expect_near
from autograder.judges.architecture.matching import Laid, Matching
from autograder.judges.architecture.names import Names
from autograder.judges.architecture.recording import Operation

ROUNDING = 1e-3  # of the largest number: float32 sums in another order
LOOK_FOR = "Look for .detach(), .data, torch.no_grad or torch.tensor(…) on the way."
OTHER_OUTPUT = "With the same weights and inputs your network must give what the diagram gives; in training mode, on further inputs, it does not."


def expect_gradients(ours: Any, theirs: Any, matching: Matching, names: Names) -> None:
    """What Handle.gradients gives of both networks. Raises WrongAnswer where an output, or the gradient of a weight, is another one."""
    outputs, norms = (ours.get(key) if isinstance(ours, dict) else None for key in ("outputs", "weights"))
    right = isinstance(outputs, list) and isinstance(norms, list) and len(outputs) >= len(theirs["outputs"])
    expect(right, OTHER_OUTPUT)
    assert isinstance(outputs, list)
    assert isinstance(norms, list)
    for got, expected in zip(outputs, theirs["outputs"]):
        numbers = expect_finite(np.asarray(got, dtype=np.float64), "The output")
        expect_near(numbers.ravel(), expected.ravel(), ROUNDING * abs(expected).max(), OTHER_OUTPUT)
    if theirs["given"] is not None:
        fault = _fault(ours.get("given"), theirs["given"], ROUNDING * theirs["given"])
        expect(not fault, f"The gradient must come back through this block, to what goes into it, as in the diagram; yours {fault}. {LOOK_FOR}")
    largest = max((norm for norm in theirs["weights"] if norm is not None), default=0.0)
    for layer, partner in matching.partners:
        for item in (item for item in matching.laid if item.ours in layer.slots):
            expected = _expected(item, theirs["weights"], matching)
            if expected is not None:
                got = norms[item.ours.number] if item.ours.number < len(norms) else None
                fault = _fault(got, expected, ROUNDING * expected + 1e-5 * largest)
                expect(not fault, _sentence(names, layer, partner, fault))


def _sentence(names: Names, layer: Operation, partner: Operation, fault: str) -> str:
    return (
        f"The gradient of {names.what(partner)} in {names.place(partner.place) or 'the network'} must be as in the diagram; yours {fault}"
        f"{names.yours(layer)}. {LOOK_FOR}"
    )


def _expected(item: Laid, norms: list[float | None], matching: Matching) -> float | None:
    """The norm of the reference's gradient; None for running averages, and where one weight serves for several of the student's."""
    if item.theirs is None or np.prod(item.ours.shape) != matching.reference.weights[item.theirs].size:
        return None
    return norms[item.theirs]


def _fault(got: Any, expected: float, within: float) -> str:
    """What is wrong with a norm, or ""."""
    norm = float(got) if isinstance(got, (int, float)) else 0.0
    if abs(norm - expected) <= within:
        return ""
    return "is zero, so training never reaches it" if norm == 0 else "is another one"
