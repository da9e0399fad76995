"""The exact noise predictor for Gaussian data, and the exact distribution that a sampler must then produce.

For x_0 ~ N(μ, s²) in each coordinate, E[ε | x_t] = √(1 − ᾱ_t) (x_t − √ᾱ_t μ) / (ᾱ_t s² + 1 − ᾱ_t). A sampler whose
steps are linear in x_t and ε keeps a Gaussian Gaussian, so mean and variance of its samples follow from a recursion,
for any schedule, without approximation.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from autograder.oracles.schedule import Floats, Schedule


@dataclass(frozen=True)
class GaussianOracle:
    """Data distributed as N(mean, std²), independently in each coordinate. mean, std: shape of one sample."""

    schedule: Schedule
    mean: Floats
    std: Floats

    def eps_theta(self, xt: Floats, t: int) -> Floats:
        """The ideal ε_θ(x_t, t) for x_t of shape (B, …)."""
        slope, offset = self._linear(t)
        return slope * xt + offset

    def _linear(self, t: int) -> tuple[Floats, Floats]:
        alphas_cumprod_t = self.schedule.alphas_cumprod[t]
        slope = np.sqrt(1 - alphas_cumprod_t) / (alphas_cumprod_t * self.std**2 + 1 - alphas_cumprod_t)
        return slope, -slope * np.sqrt(alphas_cumprod_t) * self.mean

    def sampled_moments(self, steps: Iterable[tuple[int, float, float, float]]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the result of x ← a x − b ε_θ(x, t) + σ z over `steps` (t, a, b, σ), from x
        ~ N(0, I).
        """
        mean, variance = np.zeros_like(self.mean), np.ones_like(self.mean)
        for t, a, b, sigma in steps:
            slope, offset = self._linear(t)
            factor = a - b * slope
            mean = factor * mean - b * offset
            variance = factor**2 * variance + sigma**2
        return mean, np.sqrt(variance)
