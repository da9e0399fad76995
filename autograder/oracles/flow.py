"""Flow matching between noise and Gaussian data: the ideal velocity, and what Euler's method then gives, exactly.

On the path x_t = (1 − t) x_0 + t x_1 with x_0 ~ N(0, I) and x_1 ~ N(μ, s²), the velocity E[x_1 − x_0 | x_t] is affine in x_t:

    v(x, t) = μ + k (x − t μ),    k = (t s² − (1 − t)) / ((1 − t)² + t² s²)

(Liu et al. 2022, rectified flow; the regression of one Gaussian on another). k does not depend on μ, so guidance v_u + γ (v_c − v_u) is the
velocity that belongs to the mean μ_u + γ (μ_c − μ_u). A step of Euler's method multiplies x − its mean by 1 + h k: the spread of the samples is
the product of these factors, from N(0, I) with t from 0 to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograder.oracles.conditional import Normal
from autograder.oracles.schedule import Floats


@dataclass(frozen=True)
class GaussianFlow:
    """Data of standard deviation `std`, shape of one sample; the mean, of a class or guided, is an argument."""

    std: Floats

    def slope(self, t: float) -> Floats:
        """k at time t in [0, 1]."""
        return (t * self.std**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * self.std**2)

    def velocity(self, x: Floats, t: float, mean: Floats) -> Floats:
        """v(x, t) for x of shape (B, …)."""
        return mean + self.slope(t) * (x - t * mean)

    def euler(self, mean: Floats, steps: int, start: Normal | None = None) -> Normal:
        """What `steps` equal steps of Euler's method from t = 0 make of N(0, I), or of another start."""
        return self.along([i / steps for i in range(steps)], [1 / steps] * steps, mean, start)

    def along(
        self, times: Sequence[float], sizes: Sequence[float], mean: Floats, start: Normal | None = None
    ) -> Normal:
        """The same for steps of any sizes h at any times: x ← x + h v(x, t)."""
        state = start or Normal.standard(np.shape(self.std))
        for t, h in zip(times, sizes):
            slope = self.slope(t)
            state = state.affine(1 + h * slope, h * (mean - slope * t * mean))
        return state
