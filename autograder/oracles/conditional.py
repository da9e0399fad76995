"""Gaussian data in classes of one covariance: the ideal noise predictor, and what guidance, editing and illusions then give, exactly.

For x_0 ~ N(μ_c, s²) the ideal ε is k x_t − k √ᾱ μ_c with k = √(1−ᾱ) / (ᾱ s² + 1 − ᾱ), the same k in every class. So whatever is a sum of
such predictors with weights that add up to 1 is the ideal predictor of a Gaussian with the mean that the same sum makes of the μ_c:

    guidance        ε_u + γ (ε_c − ε_u)             μ_u + γ (μ_c − μ_u)                  Ho and Salimans 2022
    an illusion     (ε_1(x) + flip ε_2(flip x))/2   (μ_1 + flip μ_2)/2                   Geng et al. 2024; needs s = flip s
    a hybrid        L ε_1 + (1 − L) ε_2             L μ_1 + (1 − L) μ_2                  Geng et al. 2024; needs one s for all coordinates

A chain of steps a x − b ε + σ z keeps a Gaussian Gaussian, from any start: pure noise, a noised image (SDEdit, Meng et al. 2021), and with
pixels forced after a step (RePaint, Lugmayr et al. 2022). Times are given by ᾱ, so that any schedule and any stride will do.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.oracles.schedule import Floats


@dataclass(frozen=True)
class Normal:
    """N(mean, std²), independently in each coordinate."""

    mean: Floats
    std: Floats

    @classmethod
    def standard(cls, shape: tuple[int, ...]) -> "Normal":
        return cls(np.zeros(shape), np.ones(shape))

    @classmethod
    def noised(cls, image: Floats, alpha_bar: float) -> "Normal":
        """√ᾱ image + √(1−ᾱ) ε: where SDEdit starts."""
        return cls(np.sqrt(alpha_bar) * image, np.full(np.shape(image), np.sqrt(1 - alpha_bar)))

    def affine(self, factor: Floats, offset: Floats, sigma: float = 0.0) -> "Normal":
        """factor x + offset + σ z."""
        return Normal(factor * self.mean + offset, np.sqrt((factor * self.std) ** 2 + sigma**2))

    def forced(self, mask: Floats, image: Floats, alpha_bar: float) -> "Normal":
        """m x + (1 − m) (√ᾱ image + √(1−ᾱ) ε), m of 0 and 1: new content where m is 1."""
        known = Normal.noised(image, alpha_bar)
        return Normal(np.where(mask == 1, self.mean, known.mean), np.where(mask == 1, self.std, known.std))


@dataclass(frozen=True)
class ConditionalGaussian:
    """Data x_0 ~ N(means[condition], std²). One of the conditions is "none", such as the null prompt: a class like any other."""

    means: Mapping[Any, Floats]
    std: Floats

    def slope(self, alpha_bar: float) -> Floats:
        """k, shape of one sample."""
        return np.sqrt(1 - alpha_bar) / (alpha_bar * self.std**2 + 1 - alpha_bar)

    def eps(self, x: Floats, alpha_bar: float, mean: Floats) -> Floats:
        """The ideal ε for x_t = x, (B, …), of the Gaussian with this mean."""
        return self.slope(alpha_bar) * (x - np.sqrt(alpha_bar) * mean)

    def eps_theta(self, x: Floats, alpha_bar: float, condition: Hashable) -> Floats:
        """The ideal ε of one class. Raises KeyError for an unknown one."""
        return self.eps(x, alpha_bar, self.means[condition])

    def eps_of_rows(self, x: Floats, alpha_bars: Floats, conditions: Any) -> Floats:
        """The same where each row, of B, has a time and a class of its own."""
        return np.stack([self.eps_theta(row, a, c) for row, a, c in zip(x, alpha_bars, conditions)])

    def guided(self, condition: Hashable, null: Hashable, scale: float) -> Floats:
        """The mean that belongs to ε_u + γ (ε_c − ε_u)."""
        return self.means[null] + scale * (self.means[condition] - self.means[null])

    def step(self, state: Normal, alpha_bar: float, mean: Floats, a: float, b: float, sigma: float) -> Normal:
        """After a x − b ε + σ z, with the ε of the Gaussian with this mean at ᾱ."""
        slope = self.slope(alpha_bar)
        return state.affine(a - b * slope, b * slope * np.sqrt(alpha_bar) * mean, sigma)


def illusion(mean: Floats, other: Floats, flip: Callable[[Floats], Floats]) -> Floats:
    """The mean that belongs to (ε_1(x) + flip ε_2(flip x))/2. `flip` is its own inverse."""
    return (mean + flip(other)) / 2


def hybrid(low: Floats, high: Floats, low_pass: Callable[[Floats], Floats]) -> Floats:
    """The mean that belongs to the low pass of ε_1 and what the low pass takes from ε_2."""
    return low_pass(low) + high - low_pass(high)


def ancestral_coefficients(now: float, before: float) -> tuple[float, float, float]:
    """(a, b, σ²) of the step from ᾱ = `now` to ᾱ = `before`, over any stride: x_t′ = a x_t − b ε + σ z (DDPM, Eq. 7 and 15), σ² = β̃_t.

    α = now/before and β = 1 − α take the place of α_t and β_t.
    """
    alpha = now / before
    a = 1 / np.sqrt(alpha)
    return float(a), float(a * (1 - alpha) / np.sqrt(1 - now)), float((1 - before) / (1 - now) * (1 - alpha))
