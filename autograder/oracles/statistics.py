"""Tests on random output with stated error rates. Each says how it fails, or None.

`ALPHA` is the probability with which one such test fails a right answer. It is split evenly over the statistics that a test computes
(Bonferroni), and each statistic is compared with its exact or asymptotic null distribution.
"""

from functools import cache

import numpy as np
from scipy.special import chdtri, gammaincinv, ndtri  # scipy.stats takes most of a second to import

from autograder.oracles.schedule import Floats
from autograder.oracles.tolerance import between, finite, near

ALPHA = 1e-8
FEW = 64


@cache
def z_limit(alpha: float = ALPHA) -> float:
    """Two-sided limit of a standard normal statistic; 5.7 at 1e-8."""
    return float(-ndtri(alpha / 2))


@cache
def variance_limits(count: int, alpha: float) -> tuple[float, float]:
    """Two-sided limits of χ²/count with `count` degrees of freedom: of a variance relative to what it must be."""
    return 2 * float(gammaincinv(count / 2, alpha / 2)) / count, float(chdtri(count, alpha / 2)) / count


def standard_normal_fault(z: Floats, alpha: float = ALPHA) -> str | None:
    """What is not standard normal about z, (N, D) with N ≥ 1000 independent rows and D ≥ 1, or None. A few large images, (N, …, H, W) with
    N < FEW and 1000 numbers or more, are looked at line by line.

    Looks at mean, variance, shape, equal rows, and correlation between neighbouring rows and coordinates. Five
    statistics, each at alpha / 6. At N = 4096 and D = 2 a mean off by 0.095, a standard deviation off by 7 %, an excess
    kurtosis of 1 or a correlation of 0.13 is seen at least 99 times of 100.
    """
    z = np.asarray(z, dtype=np.float64)
    if not finite(z):
        return "it holds NaN or infinite values" if z.size else "it holds no numbers"
    if len(z) < FEW and z.ndim > 2:
        if len(z) > 1 and np.ptp(z, axis=0).max() < 1e-6 * max(1.0, abs(z).max()):
            return "every row of the batch gets the same numbers"
        z = z.reshape(-1, z.shape[-1])
    z = z.reshape(len(z), -1)
    count = z.size
    limit = z_limit(alpha / 6)
    spread = z.std()
    if spread < 1e-6:
        return "it is the same number everywhere" if abs(z.mean()) > 1e-6 else "it is zero"
    if np.ptp(z, axis=0).max() < 1e-6 * max(1.0, abs(z).max()):
        return "every row of the batch gets the same numbers"
    if z.shape[1] > 1 and np.ptp(z, axis=1).max() < 1e-6 * max(1.0, abs(z).max()):
        return "every coordinate gets the same number"
    mean = z.mean() * np.sqrt(count)
    if not near(mean, 0, limit * max(1.0, spread)):
        return f"its mean is {z.mean():.3f} and must be 0"
    lower, upper = variance_limits(count, alpha / 6)
    variance = (z**2).mean()
    if not between(variance, lower, upper):
        return f"its standard deviation is {spread:.3f} times what it must be"
    if not near(count * distance_from_normal(z), 0, -2 * np.log(alpha / 6)):  # χ² with two degrees of freedom
        skewness, kurtosis = (z**3).mean() / variance**1.5, (z**4).mean() / variance**2 - 3
        return (
            f"it is not normally distributed (skewness {skewness:.2f}, excess kurtosis {kurtosis:.2f}; both must be 0)"
        )
    lag = (z[1:] * z[:-1]).sum() / np.sqrt((z[1:] ** 2).sum() * (z[:-1] ** 2).sum()) * np.sqrt(z[1:].size)
    if not near(lag, 0, limit):
        return "neighbouring rows of the batch are correlated and must be independent"
    if z.shape[1] > 1:
        across = (z[:, 1:] * z[:, :-1]).sum() / np.sqrt((z[:, 1:] ** 2).sum() * (z[:, :-1] ** 2).sum())
        if not near(across * np.sqrt(z[:, 1:].size), 0, limit):
            return "coordinates are correlated and must be independent"
    return None


def distance_from_normal(z: Floats) -> float:
    """The squared distance of the mean of exp(2iz) from exp(−2), less what mean and variance of z explain.

    Real and imaginary part are each divided by their variance for one number (after Epps and Pulley, 1983). The
    distance sees about as much as skewness and kurtosis do, and is light-tailed where those are not: one large number
    alone makes the kurtosis of 1000 exceed a normal limit.
    """
    center = np.exp(-2)
    even = np.cos(2 * z).mean() - center + 2 * center * ((z**2).mean() - 1)
    odd = np.sin(2 * z).mean() - 2 * center * z.mean()
    return float(even**2 / ((1 - center**2) ** 2 / 2 - 8 * center**2) + odd**2 / ((1 - center**4) / 2 - 4 * center**2))


def correlation(a: Floats, b: Floats, alpha: float = ALPHA) -> tuple[float, bool]:
    """Correlation of two arrays about 0, and whether it is too large at alpha for independent ones of which one is normal.

    It is too large, and NaN, where either holds NaN or infinite values.
    """
    a, b = np.ravel(a), np.ravel(b)
    if not (finite(a) and finite(b)):
        return float("nan"), True
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    if scale == 0:
        return 0.0, False
    value = float((a * b).sum() / scale)
    return value, not near(value * np.sqrt(a.size), 0, z_limit(alpha))


def uniform_integers_fault(values: Floats, size: int, alpha: float = ALPHA, first: int = 0) -> str | None:
    """What is wrong with `values` as N uniform integers of first … last, `size` in all, or None. Needs some 200 values for each integer.

    The range is checked exactly (a right program misses one end with probability 2 (1 − 1/size)^N), the rest by twice
    Pearson's χ² limit at alpha: values drawn in antithetic pairs, t and first + last − t, have up to twice the variance and
    are right too. At N = 16384 and size 15 an integer that comes up half as often as it must is seen at least 99 times
    of 100, and a missing end always.
    """
    values = np.asarray(values, dtype=np.float64).ravel()
    if not values.size:
        return "it holds no values"
    if not finite(values) or (values != np.round(values)).any():
        return "it holds values that are not integers"
    last = first + size - 1
    if values.min() < first or values.max() > last:
        return f"it reaches from {values.min():.0f} to {values.max():.0f}, and must stay in {first} … {last}"
    counts = np.bincount(values.astype(np.int64) - first, minlength=size)
    if np.count_nonzero(counts) == 1:
        return f"every row has the same value, {values[0]:.0f}"
    if counts[0] == 0 or counts[-1] == 0:
        missing = [str(end) for end in (first, last) if counts[end - first] == 0]
        return f"{' and '.join(missing)} never comes up, and must be as likely as any other of {first} … {last}"
    expected = len(values) / size
    statistic = ((counts - expected) ** 2 / expected).sum()
    if not near(statistic, 0, 2 * chdtri(size - 1, alpha)):
        rarest, commonest = int(counts.argmin()), int(counts.argmax())
        return (
            f"it is not uniform ({first + rarest} came up {counts[rarest]} times, "
            f"{first + commonest} came up {counts[commonest]} times, of {len(values)})"
        )
    return None


def moments_fault(samples: Floats, mean: Floats, std: Floats, alpha: float = ALPHA) -> str | None:
    """How samples, (N, …), differ from N(mean, std²) in mean or spread of a coordinate, or None. Two statistics a coordinate."""
    samples = np.asarray(samples, dtype=np.float64)
    if not finite(samples):
        return "your samples hold NaN or infinite values"
    count, coordinates = len(samples), max(1, mean.size)
    limit = z_limit(alpha / (2 * coordinates))
    means = samples.mean(axis=0)
    if not near(means, mean, limit * std / np.sqrt(count)):
        return f"the mean of your samples is {_short(means)} and must be {_short(mean)}"
    lower, upper = np.sqrt(variance_limits(count - 1, alpha / (2 * coordinates)))
    spreads = samples.std(axis=0, ddof=1)
    if not near(spreads, (lower + upper) / 2 * std, (upper - lower) / 2 * std):
        return f"the standard deviation of your samples is {_short(spreads)} and must be {_short(std)}"
    return None


def _short(values: Floats) -> str:
    flat = np.ravel(values)[:4]
    return "(" + ", ".join(f"{value:.3f}" for value in flat) + (", …" if np.size(values) > 4 else "") + ")"
