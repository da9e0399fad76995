"""EDM in closed form (Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022): the preconditioning of Table 1,
the steps of Eq. 5, and the probability flow of Gaussian data, dx/dσ = (x − D(x; σ))/σ (Eq. 1 and 3 with σ(t) = t).

For data N(μ, s²) the ideal denoiser is D(x; σ) = μ + s²/(s² + σ²) (x − μ), and along the flow x − μ is proportional to √(s² + σ²).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.oracles.schedule import Floats


@dataclass(frozen=True)
class Preconditioning:
    """Table 1, column "Ours", for data of this standard deviation. σ: a number or an array, whose shape the result has."""

    sigma_data: float

    def _total(self, sigma: Any) -> Any:
        return np.asarray(sigma, dtype=np.float64) ** 2 + self.sigma_data**2

    def c_skip(self, sigma: Any) -> Any:
        return self.sigma_data**2 / self._total(sigma)

    def c_out(self, sigma: Any) -> Any:
        return sigma * self.sigma_data / np.sqrt(self._total(sigma))

    def c_in(self, sigma: Any) -> Any:
        return 1 / np.sqrt(self._total(sigma))

    def c_noise(self, sigma: Any) -> Any:
        return np.log(sigma) / 4

    def weight(self, sigma: Any) -> Any:
        """λ(σ), of the loss."""
        return self._total(sigma) / (sigma * self.sigma_data) ** 2


def rho_steps(count: int, sigma_min: float, sigma_max: float, rho: float) -> Floats:
    """Eq. 5 without the 0 at its end: (count,), from sigma_max to sigma_min. count: 2 or more."""
    share = np.arange(count) / (count - 1)
    roots: Floats = sigma_max ** (1 / rho) + share * (sigma_min ** (1 / rho) - sigma_max ** (1 / rho))
    return roots**rho


@dataclass(frozen=True)
class GaussianDenoiser:
    """Data N(mean, std²), independently in each coordinate; each of the shape of a sample, or (B, …) where it differs by row."""

    mean: Floats
    std: Floats

    def denoised(self, x: Floats, sigma: Any) -> Floats:
        """D(x; σ) for x, (B, …). σ: a number, or of a shape that multiplies x."""
        result: Floats = self.mean + self.std**2 / (self.std**2 + np.asarray(sigma) ** 2) * (x - self.mean)
        return result

    def slope(self, x: Floats, sigma: float) -> Floats:
        """dx/dσ = (x − D(x; σ))/σ."""
        return (x - self.denoised(x, sigma)) / sigma

    def flow(self, x: Floats, sigma: float, to: float) -> Floats:
        """Where the flow leads from x at σ: the exact solution."""
        result: Floats = self.mean + np.sqrt((self.std**2 + to**2) / (self.std**2 + sigma**2)) * (x - self.mean)
        return result

    def heun(self, x: Floats, sigmas: Floats) -> Floats:
        """What Algorithm 1 without churn makes of x at σ_0: Heun's method, and Euler's where the step leads to 0."""
        for now, following in zip(sigmas, sigmas[1:]):
            d = self.slope(x, now)
            step = x + (following - now) * d
            if following > 0:
                step = x + (following - now) * (d + self.slope(step, following)) / 2
            x = step
        return x
