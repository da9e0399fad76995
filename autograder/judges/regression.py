"""Judgement of a loss that is the mean squared error of a network's answer against a target that the grader knows: its value and gradient.

The denoiser's loss is one (target x), and that of flow matching (target x_1 − x_0). The loss of DDPM, whose target is the noise, is judged
by loss.py, with all that it shares with a schedule.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_finite
from autograder.oracles.statistics import ALPHA, z_limit
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, describe

TOLERANCE = 3e-5  # relative; the sum of 50,000 squares in float32 loses some 1e-6
GRADIENT = 5e-3


@dataclass(frozen=True)
class Target:
    """What an answer is compared with. `unknown`: where a standard normal number belongs to it that is not known, and is not in `values`."""

    values: Floats
    unknown: NDArray[np.bool_]

    @classmethod
    def known(cls, values: Floats) -> "Target":
        return cls(values, np.zeros(values.shape, dtype=bool))

    def mean_square(self, answer: Floats) -> tuple[float, float]:
        """Of answer − target: what it is, or is expected to be, and by how much it may be another, with probability ALPHA.

        k squares of normal numbers with means m are beyond k + Σm² ± 2 √((k + 2 Σm²) x) + 2 x with probability e^−x (Birgé 2001).
        """
        squares, count = (answer - self.values) ** 2, int(self.unknown.sum())
        x = -np.log(ALPHA / 2) if count else 0.0
        error = 2 * np.sqrt((count + 2 * squares[self.unknown].sum()) * x) + 2 * x
        return float((squares.sum() + count) / squares.size), float(error / squares.size)

    def gradient(self, answer: Floats) -> tuple[float, float]:
        """The same of the mean of (s answer − target)², differentiated by s, at 1."""
        product = (answer - self.values) * answer
        return float(2 * product.mean()), float(2 * z_limit() * np.sqrt((answer[self.unknown] ** 2).sum()) / answer.size)


def value_of(loss: Handle, name: str, note: Note) -> float:
    """The number that the function `name` returned. Raises WrongAnswer for anything else than a tensor with one finite number."""
    value = loss.get("")
    if not isinstance(value, np.ndarray):
        hint = " (is there a `return`?)" if value is None else ""
        raise WrongAnswer(f"{name} must return a tensor with one number; yours returned {describe(value)}{hint}.")
    note("loss", value, 1e-3)
    expect(value.size == 1, f"{name} must return one number, the mean over everything; yours returned {describe(value)}.")
    return float(expect_finite(value, "The loss").ravel()[0])


def expect_mean_square(value: float, answer: Floats, target: Target, equation: str, tolerance: float = TOLERANCE) -> None:
    """`equation`: what the loss must be, in a sentence: "the mean of ‖D(z) − x‖²". tolerance: relative."""
    expected, error = target.mean_square(answer)
    if not near(value, expected, tolerance * expected + error):
        here = f"about {expected:.3f}" if error else f"{expected:.5f}"
        raise WrongAnswer(f"The loss must be {equation}, {here} here; yours is {value:.5f}, {value / expected:.4g} times as much.")


def expect_gradient(loss: Handle, network: Handle, answer: Floats, target: Target, equation: str, note: Note) -> None:
    """`network`: the grader's, in the worker, whose answers are multiplied by its only weight, 1."""
    try:
        loss.call("backward")
    except Raised as error:
        note("backward", 0, 0)
        if "grad" not in error.text:
            raise
        raise WrongAnswer("The loss must carry a gradient back to the network; yours is cut off from it.") from None
    got, (expected, error_of_it) = _gradient(network), target.gradient(answer)
    note("gradient ratio", got / expected if expected else 0.0, GRADIENT)
    expect(got != 0 or abs(expected) < 1e-6, "The loss must carry a gradient back to the network; yours gives it zero.")
    expect(
        near(got, expected, GRADIENT * (1 + abs(expected)) + error_of_it),
        f"The gradient that the loss gives the network is not that of {equation}; look for a part that is detached.",
    )


def _gradient(network: Handle) -> float:
    gradient: Any = network.get("scale.grad")
    expect(
        isinstance(gradient, np.ndarray) and gradient.size == 1,
        "The loss must carry a gradient back to the network; yours gives it none.",
    )
    return float(expect_finite(gradient, "The gradient of the loss with respect to the network").ravel()[0])
