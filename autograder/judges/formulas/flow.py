"""The loss of flow matching along straight lines (judges/flow.py).

Its numbers: of inputs["x_1"], ["t"], ["steps"], "range of t", "middle of t", "kinds of t"; "factor of x_1, early t", "spread of the rest, …",
"mean of the rest, …", and the same for late t; "x_0 repeats"; and "loss", of inputs["x_1"], ["x_0"], ["x_t"], ["answer"].
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake
from autograder.judges.formulas.regression import REDUCTIONS

LATEST = 0.98


def _path_numbers(p: Any, note: Note) -> Numbers:
    found: dict[str, Any] = dict(p.times(note.inputs["steps"]))
    x_1, t = note.inputs["x_1"], note.inputs["t"]
    for name, rows in (("early", t < 0.5), ("late", (t >= 0.5) & (t <= LATEST))):
        if f"factor of x_1, {name} t" in note.values:
            found |= _shares(p, x_1[rows], t[rows].reshape(-1, 1, 1, 1), name)
    return found | {"x_0 repeats": p.repeated()}


def _shares(p: Any, x_1: Any, t: Any, name: str) -> Numbers:
    """What is left beside x_1 times its mean factor: the noise, with its own mean and spread, and how far the factor is from that mean."""
    data, noise, (mean, spread), clean = p.data(t), p.noise(t), p.kind(), x_1 - x_1.mean()
    factor = (data * x_1 * clean).sum() / (x_1 * clean).sum()
    left = (data - factor) * x_1
    average = (noise * mean + left).mean()
    squares = ((noise * mean + left) ** 2 + (noise * spread) ** 2).mean()
    return {
        f"factor of x_1, {name} t": factor,
        f"mean of the rest, {name} t": average,
        f"spread of the rest, {name} t": np.sqrt(squares - average**2),
    }


def _loss_numbers(p: Any, note: Note) -> Numbers:
    found: dict[str, Any] = {}
    if {"t", "steps"} <= note.inputs.keys() and "range of t" in note.values:
        found |= _path_numbers(p, note)
    if {"x_0", "x_t", "answer"} <= note.inputs.keys() and "loss" in note.values:
        v = SimpleNamespace(**note.inputs)
        found["loss"] = p.reduced(v, v.answer - p.target(v))
    return found


def _uniform(low: float, high: float, kinds: int = 3) -> Numbers:
    quarters = [low + share * (high - low) for share in (0.25, 0.5, 0.75)]
    return {"range of t": (low, high), "middle of t": quarters, "kinds of t": kinds}


FLOW_LOSS = Algorithm(
    parts=dict(
        times=lambda steps: _uniform(0, 1),
        data=lambda t: t,
        noise=lambda t: 1 - t,
        kind=lambda: (0.0, 1.0),  # mean and standard deviation of x_0
        repeated=lambda: False,
        target=lambda v: v.x_1 - v.x_0,
        reduced=lambda v, difference: (difference**2).mean(),
    ),
    measure=_loss_numbers,
    mistakes=(
        mistake(
            "t-not-divided",
            "Your network seems to be given the number of a step. It is to be told the time, from 0 to 1: look at what t is divided by.",
            times=lambda steps: {"range of t": (0, steps - 1), "kinds of t": 3},
        ),
        mistake(
            "t-in-half-of-the-range",
            "Your t seems to come from one half of 0 … 1 only. Print its smallest and its largest value.",
            times=lambda steps: _uniform(0, 0.5),
        ),
        mistake("t-in-half-of-the-range", times=lambda steps: _uniform(0.5, 1)),
        mistake(
            "t-crowded-at-the-start",
            "Your t seems to be squared somewhere, so that small values come up too often. t is to be uniform in 0 … 1.",
            times=lambda steps: {"range of t": (0, 1), "middle of t": (0.0625, 0.25, 0.5625), "kinds of t": 3},
        ),
        mistake(
            "one-t-for-the-batch",
            "All images of a batch seem to get the same t, which makes the loss jump from step to step. Look at the shape of the t that you draw.",
            times=lambda steps: {"kinds of t": 1},
        ),
        mistake(
            "data-and-noise-swapped",
            "x_0 and x_1 seem to be swapped in your x_t: at t = 1 it is noise. In flow matching t = 0 is noise and t = 1 is data.",
            data=lambda t: 1 - t,
            noise=lambda t: t,
        ),
        mistake(
            "path-with-roots",
            "Your x_t seems to be mixed with square roots, as in DDPM. The path of flow matching is a straight line.",
            data=np.sqrt,
            noise=lambda t: np.sqrt(1 - t),
        ),
        mistake(
            "noise-not-scaled",
            "The noise in your x_t seems to be as strong for every t. Look at what stands before x_0.",
            noise=lambda t: np.ones_like(t),
        ),
        mistake(
            "data-not-scaled",
            "The data in your x_t seem to be as strong for every t. Look at what stands before x_1.",
            data=lambda t: np.ones_like(t),
        ),
        mistake(
            "uniform-start",
            "Your x_0 seems to come from a uniform distribution. Compare the names of the random functions.",
            kind=lambda: (0.5, 12**-0.5),
        ),
        mistake(
            "network-fed-data",
            "Your network seems to be given the clean x_1. It is to be asked at x_t.",
            data=lambda t: np.ones_like(t),
            noise=lambda t: np.zeros_like(t),
        ),
        mistake(
            "network-fed-noise",
            "Your network seems to be given the noise x_0. It is to be asked at x_t.",
            data=lambda t: np.zeros_like(t),
            noise=lambda t: np.ones_like(t),
        ),
        mistake(
            "same-noise-at-every-call",
            "Your x_0 seems to be the same at every call. Look for a seed that is set, or for noise that is kept.",
            repeated=lambda: True,
        ),
        mistake(
            "target-reversed",
            "Your target seems to point from the data to the noise. The velocity is that of the path from t = 0 to t = 1: look at its direction.",
            target=lambda v: v.x_0 - v.x_1,
        ),
        mistake(
            "target-is-noise",
            "Your loss seems to compare with the noise x_0, as DDPM does. In flow matching the network gives a velocity.",
            target=lambda v: v.x_0,
        ),
        mistake(
            "target-is-data",
            "Your loss seems to compare with the data x_1. In flow matching the network gives a velocity.",
            target=lambda v: v.x_1,
        ),
        mistake(
            "target-from-here",
            "Your target seems to be the way that is left, from x_t to x_1. It is to be the velocity of the path, from x_0 to x_1.",
            target=lambda v: v.x_1 - v.x_t,
        ),
        mistake(
            "target-is-x-t",
            "Your loss seems to compare with x_t, which the network was given. In flow matching the network gives a velocity.",
            target=lambda v: v.x_t,
        ),
        *REDUCTIONS,
    ),
)
