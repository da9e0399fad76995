"""The variance schedule of DDPM and the closed forms that follow from it, in float64, independent of any course's
code.

A schedule is a table of β_t. t is the row: α_t = 1 − β_t, ᾱ_t the product of all α up to and with row t. A course may count from 0
or from 1: the times that are trained and sampled are `first` … `last`, and a row before `first` is only what the last step of a sampler
leads to. DDPM: Ho et al. 2020. DDIM: Song et al. 2021, whose α is ᾱ.
"""

from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Schedule:
    """betas: (rows,), each 0 … 1. ᾱ is 1 before the first row; a table that has ᾱ_0 = 1 in it begins with β_0 = 0."""

    def __init__(self, betas: Any, first: int = 0):
        self.betas: Floats = np.asarray(betas, dtype=np.float64)
        self.first, self.last = first, len(self.betas) - 1

    @property
    def times(self) -> range:
        """Those that are trained and sampled, first … last."""
        return range(self.first, self.last + 1)

    @property
    def num_timesteps(self) -> int:
        return len(self.times)

    @cached_property
    def alphas(self) -> Floats:
        return 1 - self.betas

    @cached_property
    def alphas_cumprod(self) -> Floats:
        return np.multiply.accumulate(self.alphas)

    @cached_property
    def alphas_cumprod_prev(self) -> Floats:
        """ᾱ_{t−1}, which is 1 at t = 0."""
        return np.concatenate([[1.0], self.alphas_cumprod[:-1]])

    @cached_property
    def posterior_variance(self) -> Floats:
        """β̃_t = (1 − ᾱ_{t−1}) / (1 − ᾱ_t) β_t (DDPM, Eq. 7); 0 at t = 0."""
        level = 1 - self.alphas_cumprod
        return np.divide(1 - self.alphas_cumprod_prev, level, out=np.zeros_like(level), where=level > 0) * self.betas

    def q_sample(self, x0: Floats, t: NDArray[np.int64], noise: Floats) -> Floats:
        """x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε (DDPM, Eq. 4). t: (B,)."""
        alphas_cumprod_t = _per_row(self.alphas_cumprod[t], x0)
        return np.sqrt(alphas_cumprod_t) * x0 + np.sqrt(1 - alphas_cumprod_t) * noise

    def noise_in(self, xt: Floats, x0: Floats, t: NDArray[np.int64]) -> Floats:
        """The ε for which q_sample(x_0, t, ε) is x_t."""
        alphas_cumprod_t = _per_row(self.alphas_cumprod[t], x0)
        return (xt - np.sqrt(alphas_cumprod_t) * x0) / np.sqrt(1 - alphas_cumprod_t)

    def p_coefficients(self, t: int) -> tuple[float, float]:
        """(a, b) of the reverse mean a x_t − b ε (DDPM, Eq. 11)."""
        a = 1 / np.sqrt(self.alphas[t])
        return float(a), float(a * self.betas[t] / np.sqrt(1 - self.alphas_cumprod[t]))

    def ddim_coefficients(self, t: int, t_prev: int, eta: float) -> tuple[float, float, float]:
        """(a, b, σ) of the step a x_t − b ε + σ z (DDIM, Eq. 12 and 16). A negative t_prev stands for clean data."""
        now = self.alphas_cumprod[t]
        before = self.alphas_cumprod[t_prev] if t_prev >= 0 else 1.0
        sigma = eta * np.sqrt(max((1 - before) / (1 - now) * (1 - now / before), 0.0))
        a = np.sqrt(before / now)
        b = a * np.sqrt(1 - now) - np.sqrt(max(1 - before - sigma**2, 0.0))
        return float(a), float(b), float(sigma)


class EvenlySpaced(Schedule):
    """β from beta_1 to beta_T over num_timesteps, evenly spaced ("linear") or evenly spaced in √β ("quad"), with t from 0."""

    def __init__(
        self,
        num_timesteps: int,
        beta_1: float = 1e-4,
        beta_T: float = 0.02,
        mode: Literal["linear", "quad"] = "linear",
    ):
        self.beta_1, self.beta_T, self.mode = beta_1, beta_T, mode
        if mode == "quad":
            roots = np.linspace(beta_1**0.5, beta_T**0.5, num_timesteps, dtype=np.float64)
            super().__init__(roots * roots)
        else:
            super().__init__(np.linspace(beta_1, beta_T, num_timesteps, dtype=np.float64))

    def __repr__(self) -> str:
        return f"{self.num_timesteps} steps, β from {self.beta_1:g} to {self.beta_T:g}, {self.mode}"


def _per_row(values: Floats, x: Floats) -> Floats:
    return values.reshape(-1, *[1] * (x.ndim - 1))
