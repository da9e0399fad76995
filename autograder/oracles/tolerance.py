"""The comparisons of numbers that every check and every statistic goes through. NaN and infinities pass none of them."""

from typing import Any

import numpy as np


def finite(values: Any) -> bool:
    """Whether there are numbers, and all are finite."""
    values = np.asarray(values, dtype=np.float64)
    return bool(values.size) and bool(np.isfinite(values).all())


def near(got: Any, expected: Any, within: Any) -> bool:
    """Whether every number of `got` is finite and at most `within` away from `expected`. False for no numbers at all."""
    got, expected = np.asarray(got, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if got.shape != expected.shape and expected.ndim:
        return False
    return finite(got) and finite(expected) and bool((abs(got - expected) <= within).all())


def between(value: float, lower: float, upper: float) -> bool:
    """Whether `value` is finite and lies strictly between the two."""
    return finite(value) and bool(lower < value < upper)
