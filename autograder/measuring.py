"""What hidden judgements and visible checks both measure with: numbers in, numbers or a sentence out.

The kit ships this file, so that no equation, no tolerance of a coefficient and no secret stands in it: only how a step, a loop or a time is
looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def has_a_time_for_each_row(shape: tuple[int, ...], rows: int) -> bool:
    """Whether a tensor of this shape may hold t: one for all rows, or one for each."""
    return shape == () or (shape[0] in (1, rows) and set(shape[1:]) <= {1})  # (), (1,), (B,), (B, 1), (B, 1, 1, 1)


def times_of_rows(t: Any, rows: int) -> Floats:
    """The time of each row, from numbers of such a shape."""
    return np.broadcast_to(np.asarray(t, dtype=np.float64).ravel(), (rows,)).copy()


@dataclass(frozen=True)
class Fit:
    """One step as a x_t − b ε + noise, from three calls. `rest`: standard deviation of what the fit leaves; `error`: of a and b, six standard
    errors, about 0 where equal seeds give equal noise. noise: (B, …), of the first call and of the third.
    """

    a: float
    b: float
    rest: float
    error: float
    noise: Floats
    other_noise: Floats

    @property
    def sigma(self) -> float:
        return float(self.noise.std())


def fit_step(inputs: Sequence[tuple[Floats, Floats]], outputs: Sequence[Floats]) -> Fit:
    """`inputs`: x_t and ε of three calls, of which the first two have equal random numbers, so that their difference has no noise in it."""
    (x_1, e_1), (x_2, e_2), (x_3, e_3) = inputs
    design = np.stack([(x_1 - x_2).ravel(), (e_1 - e_2).ravel()], axis=1)
    difference = (outputs[0] - outputs[1]).ravel()
    (a, minus_b), *_ = np.linalg.lstsq(design, difference, rcond=None)
    b = -minus_b
    rest = float((difference - design @ [a, minus_b]).std())
    error = 6 * rest / float(np.sqrt((design**2).sum(axis=0).min()))
    noise, other_noise = outputs[0] - a * x_1 + b * e_1, outputs[2] - a * x_3 + b * e_3
    return Fit(float(a), float(b), rest, error, noise, other_noise)


@dataclass(frozen=True)
class LoopStep:
    """One step of a loop: what it was given, and what a stand-in for it answered; of a network's call only x and t are known."""

    x: Floats
    t: float
    t_prev: float | None = None
    eta: float | None = None
    out: Floats | None = None


def chain_fault(steps: Sequence[LoopStep], result: Floats, what: str) -> str | None:
    """A sentence where a step did not get the result of the one before, or the last result is not returned. Nothing is said of steps whose
    answer is not known.
    """
    for previous, step in zip(steps, steps[1:]):
        if previous.out is not None and not _equal(step.x, previous.out):
            return f"In {what}, the step at t = {step.t:.0f} must get what the step before it returned; yours got something else."
    last = steps[-1]
    if last.out is not None and not _equal(result, last.out):
        return f"{what} must return what its last step, at t = {last.t:.0f}, returned; yours returned something else."
    return None


def descent_fault(times: Sequence[float], allowed: range, count: int, what: str) -> str | None:
    """A sentence where times are no descent through the range. Any sequence that descends, stays in range, begins near its end, ends near
    its beginning, and has no large gap is right.
    """
    shown, size, first, last = listed(times), len(allowed), allowed[0], allowed[-1]
    if not all(t == round(t) and t in allowed for t in times):
        return f"{what} must use integer t in {first} … {last}; yours used {shown}."
    gaps = [earlier - later for earlier, later in zip(times, times[1:])]
    if not all(gap > 0 for gap in gaps):
        return f"{what} must go from large t to small t; yours went {shown}."
    stride = size // count
    reach = size - 1 - stride * count
    if times[0] - first < size - 1 - stride - max(reach, 0) - stride // 2:
        return f"{what} must begin close to T − 1; yours began at t = {times[0]:.0f}."
    if times[-1] - first >= size / count:
        return f"{what} must end close to t = {first}; yours ended at t = {times[-1]:.0f}."
    if not all(gap <= 2 * stride for gap in gaps):
        return f"{what} must spread its steps evenly; yours went {shown}."
    return None


def listed(times: Sequence[float]) -> str:
    shown = [f"{t:g}" for t in times]
    return ", ".join(shown if len(shown) <= 12 else [*shown[:5], "…", *shown[-5:]])


def _equal(one: Floats, other: Floats) -> bool:
    """Of one shape, finite, and equal to 1e-4, which is what float32 loses on the way."""
    return one.shape == other.shape and bool(one.size) and bool((abs(one - other) <= 1e-4).all())
