"""Measures beside FID: kernel distance, density and coverage, near duplicates. Deterministic, float64, without torch."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from fid.errors import UserError
from fid.frechet import Array, check_features


@dataclass(frozen=True)
class Estimate:
    """A figure with its standard error."""

    value: float
    standard_error: float


def kernel_distance(features: Array, reference: Array, groups: int = 20) -> Estimate:
    """KID: the unbiased squared MMD with the kernel (x·y/D + 1)³ (Bińkowski et al. 2018, Sec. 4), on all images instead of random subsets.

    features: (n, D), reference: (m, D), n and m ≥ 2. May be negative, since it is unbiased. The standard error is a group jackknife over
    `features`, with the reference fixed, as in `fid.frechet.group_jackknife`.
    """
    features, reference = check_features(features), check_features(reference, "the reference features")
    if features.shape[1] != reference.shape[1]:
        raise UserError(
            f"The features have {features.shape[1]} and {reference.shape[1]} dimensions; they come from different networks."
        )
    n, m, dimension = len(features), len(reference), features.shape[1]

    def kernel(x: Array, y: Array) -> Array:
        return (x @ y.T / dimension + 1.0) ** 3

    within = kernel(features, features)
    np.fill_diagonal(within, 0.0)
    across = kernel(features, reference).mean(axis=1)
    own = kernel(reference, reference)
    own_mean = (own.sum() - np.trace(own)) / (m * (m - 1))

    def statistic(kept: Array) -> float:
        k = len(kept)
        return float(within[np.ix_(kept, kept)].sum() / (k * (k - 1)) + own_mean - 2.0 * across[kept].mean())

    groups = min(groups, n // 2)
    order = np.random.default_rng(0).permutation(n)
    if groups < 2:
        return Estimate(statistic(order), float("nan"))
    left_out = np.array([statistic(np.setdiff1d(order, part)) for part in np.array_split(order, groups)])
    error = np.sqrt((groups - 1) / groups * ((left_out - left_out.mean()) ** 2).sum())
    return Estimate(statistic(order), float(error))


def density_and_coverage(features: Array, reference: Array, k: int = 5) -> tuple[float, float]:
    """Density and coverage (Naeem et al. 2020, Eq. 3 and 4), each with the ball of the k-th nearest neighbour round every reference image.

    Density: how many balls hold a sample, over k; about 1 for real images, more where samples crowd. Coverage: the share of balls that hold
    a sample; about 1 − 2⁻ᵏ for as many real images. Where the sets differ in size, the first rows of the larger are taken.
    """
    features, reference = check_features(features), check_features(reference, "the reference features")
    size = min(len(features), len(reference))
    features, reference = features[:size], reference[:size]
    k = min(k, size - 1)
    radius = np.sort(cdist(reference, reference), axis=1)[:, k]
    inside = cdist(reference, features) < radius[:, None]
    return float(inside.sum() / (k * size)), float(inside.any(axis=1).mean())


def nearest_distances(features: Array) -> Array:
    """Distance of each row of (n, D) to the nearest other row, (n,)."""
    distances = cdist(features, features)
    np.fill_diagonal(distances, np.inf)
    return distances.min(axis=1)
