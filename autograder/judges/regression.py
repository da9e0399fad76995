"""Judgement of a loss that is the mean squared error of a network's answer against a target that the grader knows: its value and gradient.

The denoiser's loss is one (target x), and that of flow matching (target x_1 − x_0). The loss of DDPM, whose target is the noise, is judged
by loss.py, with all that it shares with a schedule.
"""

from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_finite
from autograder.oracles.statistics import z_limit
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, describe

TOLERANCE = 3e-5  # relative; the sum of 50,000 squares in float32 loses some 1e-6
GRADIENT = 5e-3


def value_of(loss: Handle, name: str, note: Note) -> float:
    """The number that the function `name` returned. Raises WrongAnswer for anything else than a tensor with one finite number."""
    value = loss.get("")
    if not isinstance(value, np.ndarray):
        hint = " (is there a `return`?)" if value is None else ""
        raise WrongAnswer(f"{name} must return a tensor with one number; yours returned {describe(value)}{hint}.")
    note("loss", value, 1e-3)
    expect(value.size == 1, f"{name} must return one number, the mean over everything; yours returned {describe(value)}.")
    return float(expect_finite(value, "The loss").ravel()[0])


def mean_square(answer: Floats, target: Floats) -> float:
    return float(((answer - target) ** 2).mean())


def expect_mean_square(value: float, answer: Floats, target: Floats, equation: str) -> None:
    """`equation`: what the loss must be, in a sentence: "the mean of ‖D(z) − x‖²"."""
    expected = mean_square(answer, target)
    if not near(value, expected, TOLERANCE * expected):
        raise WrongAnswer(
            f"The loss must be {equation}, {expected:.5f} here; yours is {value:.5f}, {value / expected:.4g} times as much."
        )


def may_be_mean_square(value: float, answer: Floats, known: Floats) -> bool:
    """Whether `value` may be the mean of (answer − known + ε)² for some standard normal ε that is not known: to a probability of 1e-8."""
    rest = answer - known
    expected, error = float((rest**2).mean() + 1), np.sqrt((2 + 4 * (rest**2).mean()) / rest.size)
    return near(value, expected, z_limit() * error)


def expect_gradient(loss: Handle, network: Handle, answer: Floats, target: Floats, equation: str, note: Note) -> None:
    """The gradient of the mean of (s answer − target)² with respect to s, at 1: `network` is the grader's, in the worker, with s as its only
    weight.
    """
    try:
        loss.call("backward")
    except Raised as error:
        note("backward", 0, 0)
        if "grad" not in error.text:
            raise
        raise WrongAnswer("The loss must carry a gradient back to the network; yours is cut off from it.") from None
    got = _gradient(network)
    expected = 2 * float(((answer - target) * answer).mean())
    note("gradient ratio", got / expected if expected else 0.0, GRADIENT)
    expect(got != 0 or abs(expected) < 1e-6, "The loss must carry a gradient back to the network; yours gives it zero.")
    expect(
        near(got, expected, GRADIENT * (1 + abs(expected))),
        f"The gradient that the loss gives the network is not that of {equation}; look for a part that is detached.",
    )


def _gradient(network: Handle) -> float:
    gradient: Any = network.get("scale.grad")
    expect(
        isinstance(gradient, np.ndarray) and gradient.size == 1,
        "The loss must carry a gradient back to the network; yours gives it none.",
    )
    return float(expect_finite(gradient, "The gradient of the loss with respect to the network").ravel()[0])
