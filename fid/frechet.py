r"""Fréchet distance between the Gaussians of two feature sets, in float64, without a matrix square root.

    FID = ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁ Σ₂)^{1/2}            (Heusel et al. 2017, Eq. 6)

Write Σ₁ = AᵀA and Σ₂ = BᵀB, where A and B are the centred rows over √(n−1), or any other factor. Then Σ₁Σ₂ has the
nonzero eigenvalues of (A Bᵀ)(A Bᵀ)ᵀ, so

    tr (Σ₁ Σ₂)^{1/2} = ‖A Bᵀ‖_*   (the nuclear norm: the sum of singular values).

A Bᵀ is as small as the smaller sets: 500 × 1500 instead of 2048 × 2048. Its singular values carry full precision, where
the eigenvalues of its Gram matrix, and the square root of the product Σ₁Σ₂, lose half of the digits or more when the
covariances are rank-deficient. Since tr Σ₁ + tr Σ₂ − 2 ‖A Bᵀ‖_* = min over orthogonal U of ‖A − U B‖², it is never negative.

Nothing here imports torch.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from fid.errors import UserError

Array = np.ndarray


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of a feature set, the covariance as a factor.

    mean: (D,) float64. factor: (r, D) float64 with factorᵀ factor = covariance (normalised by n − 1). n: the number of rows.
    """

    mean: Array
    factor: Array
    n: int

    @property
    def trace(self) -> float:
        """tr Σ, the sum of the squares of the factor."""
        return float(np.einsum("ij,ij->", self.factor, self.factor))

    @property
    def covariance(self) -> Array:
        """Σ, (D, D) float64."""
        return self.factor.T @ self.factor


def check_features(features: Array, what: str = "the features") -> Array:
    """`features` as (n, D) float64; UserError where they are no finite matrix of at least two rows."""
    features = np.asarray(features)
    if features.ndim != 2 or features.shape[1] < 1:
        raise UserError(f"{what} must be a matrix of images × dimensions, but have the shape {features.shape}.")
    if features.shape[0] < 2:
        raise UserError(f"{what} come from {features.shape[0]} image(s), and a covariance needs at least 2.")
    features = features.astype(np.float64, copy=False)
    bad = ~np.isfinite(features).all(axis=1)
    if bad.any():
        raise UserError(
            f"{what} hold NaN or infinity in {bad.sum()} row(s), the first of them row {int(np.argmax(bad))}, counted from 0."
        )
    return features


def moments(features: Array, what: str = "the features") -> Moments:
    """Mean and factor of `features` (n, D): the centred rows over √(n−1), or the triangle of their QR where n > D.

    Raises UserError for NaN, infinity, a wrong rank, or fewer than two rows.
    """
    features = check_features(features, what)
    n = len(features)
    mean = features.mean(axis=0)
    return Moments(mean, triangular((features - mean) / np.sqrt(n - 1)), n)


def triangular(factor: Array) -> Array:
    """A factor of the same covariance with at most D rows: R of the QR where the factor (r, D) is taller than wide."""
    if factor.shape[0] <= factor.shape[1]:
        return factor
    return scipy.linalg.qr(factor, mode="r", check_finite=False)[0][: factor.shape[1]]


def frechet_distance(first: Moments, second: Moments) -> float:
    """Squared Fréchet (2-Wasserstein) distance between two Gaussians, the FID. ≥ 0; 0 for equal moments up to rounding.

    The rounding error is about 1e-15 (tr Σ₁ + tr Σ₂). Raises UserError where the dimensions differ.
    """
    if first.mean.shape != second.mean.shape:
        raise UserError(
            f"The features have {first.mean.shape[0]} and {second.mean.shape[0]} dimensions; they come from different networks."
        )
    shift = first.mean - second.mean
    spread = first.trace + second.trace - 2.0 * nuclear_norm(first.factor @ second.factor.T)
    return max(float(shift @ shift) + spread, 0.0)


def nuclear_norm(matrix: Array) -> float:
    """The sum of the singular values."""
    if not matrix.any():
        return 0.0
    return float(scipy.linalg.svdvals(matrix, check_finite=False).sum())


def fid_of_features(first: Array, second: Array) -> float:
    """FID between two feature matrices (n₁, D) and (n₂, D), n ≥ 2 each."""
    return frechet_distance(moments(first, "the first features"), moments(second, "the second features"))


def group_jackknife(features: Array, reference: Moments, groups: int = 20) -> tuple[float, float]:
    """FID of `features` (n, D) against `reference`, and its standard error over draws of the n images.

    The images, in an order fixed by a seed, are cut into `groups` equal parts; FID is computed with each part left out, and

        se² = (G−1)/G Σ_g (FID₋g − mean)².

    Why not the bootstrap: FID has a bias that grows as 1/n, and a resample with replacement holds only 63 % distinct images,
    so every bootstrap FID, and with it the interval, lies far above the FID. Leaving out a part changes n by 1/G, the same
    for all parts, so the bias drops out of the differences. Between equal distributions FID is quadratic in what was drawn, and the jackknife
    says √2 of the true error, on the safe side. The reference counts as fixed: the error is that of
    another 500 samples from the same model, not of another reference.

    Cost: all cross matrices come from one, C = A Bᵀ. With its LQ factorisation C = L Q, a deletion and the new centring are row
    operations on L, which is n × min(n, r).
    """
    features = check_features(features)
    n = len(features)
    groups = min(groups, n // 2)
    if groups < 2:
        return frechet_distance(moments(features), reference), float("nan")
    mean = features.mean(axis=0)
    rows = features - mean
    cross = rows @ reference.factor.T
    if cross.shape[1] > cross.shape[0]:
        cross = scipy.linalg.qr(cross.T, mode="r", check_finite=False)[0][: cross.shape[0]].T
    squares = np.einsum("ij,ij->i", rows, rows)

    def distance_of(kept: Array) -> float:
        m = len(kept)
        centre = rows[kept].mean(axis=0)
        trace = (squares[kept].sum() - m * (centre @ centre)) / (m - 1)
        norm = nuclear_norm((cross[kept] - cross[kept].mean(axis=0)) / np.sqrt(m - 1))
        shift = mean + centre - reference.mean
        return max(float(shift @ shift) + trace + reference.trace - 2.0 * norm, 0.0)

    order = np.random.default_rng(0).permutation(n)
    parts = np.array_split(order, groups)
    left_out = np.array([distance_of(np.setdiff1d(order, part)) for part in parts])
    error = np.sqrt((groups - 1) / groups * ((left_out - left_out.mean()) ** 2).sum())
    return distance_of(np.arange(n)), float(error)
