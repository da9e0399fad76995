"""Conditional Gaussians and flows: what the formulas say, against simulations of many chains and regressions on many draws.

Limits are 6 standard errors: each number is off by more with probability 2e-9, and a few hundred are looked at.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import convolve

from autograder.oracles.conditional import ConditionalGaussian, Normal, ancestral_coefficients, hybrid, illusion
from autograder.oracles.flow import GaussianFlow
from autograder.oracles.schedule import Floats

CHAINS = 20_000
SHAPE = (2, 3, 3)
ALPHA_BARS = (0.05, 0.3, 0.7, 0.95, 1.0)  # from noise to data, the steps of a strided sampler
RANDOM = np.random.default_rng(0)
MEANS = {name: RANDOM.uniform(-1, 1, SHAPE) for name in ("none", "one", "two")}
SYMMETRIC = (lambda s: (s + s[:, ::-1]) / 2)(RANDOM.uniform(0.3, 0.7, SHAPE))
ORACLE = ConditionalGaussian(MEANS, SYMMETRIC)
EVEN = ConditionalGaussian(MEANS, np.full(SHAPE, 0.5))
Eps = Callable[[Floats, float], Floats]


def expect_moments(samples: Floats, expected: Normal) -> None:
    """Mean and standard deviation of each coordinate, within 6 standard errors."""
    spread = np.maximum(expected.std, 1e-9)
    assert (abs(samples.mean(0) - expected.mean) <= 6 * spread / np.sqrt(len(samples))).all()
    assert (abs(samples.std(0) - expected.std) <= 6 * spread / np.sqrt(2 * len(samples)) + 1e-9).all()


def simulated(eps: Eps, start: Floats, mask: Floats | None = None, image: Floats | None = None) -> Floats:
    """Many chains, step by step, by the two-term form of the mean."""
    generator, x = np.random.default_rng(1), start
    for now, before in zip(ALPHA_BARS, ALPHA_BARS[1:]):
        alpha, beta = now / before, 1 - now / before
        clean = (x - np.sqrt(1 - now) * eps(x, now)) / np.sqrt(now)
        mean = np.sqrt(before) * beta / (1 - now) * clean + np.sqrt(alpha) * (1 - before) / (1 - now) * x
        x = mean + np.sqrt((1 - before) / (1 - now) * beta) * generator.standard_normal(x.shape)
        if mask is not None and image is not None:
            x = mask * x + (1 - mask) * (
                np.sqrt(before) * image + np.sqrt(1 - before) * generator.standard_normal(x.shape)
            )
    return x


def predicted(
    oracle: ConditionalGaussian, mean: Floats, start: Normal, mask: Floats | None = None, image: Floats | None = None
) -> Normal:
    state = start
    for now, before in zip(ALPHA_BARS, ALPHA_BARS[1:]):
        a, b, variance = ancestral_coefficients(now, before)
        state = oracle.step(state, now, mean, a, b, np.sqrt(variance))
        state = state if mask is None or image is None else state.forced(mask, image, before)
    return state


def noise() -> Floats:
    return np.random.default_rng(2).standard_normal((CHAINS, *SHAPE))


def test_the_ideal_noise_is_the_regression_of_the_noise_on_x_t() -> None:
    x0 = MEANS["one"] + SYMMETRIC * noise()
    eps = np.random.default_rng(3).standard_normal(x0.shape)
    for alpha_bar in (0.1, 0.5, 0.9):
        xt = np.sqrt(alpha_bar) * x0 + np.sqrt(1 - alpha_bar) * eps
        rest = eps - ORACLE.eps_theta(xt, alpha_bar, "one")
        assert (abs(rest.mean(0)) <= 6 / np.sqrt(CHAINS)).all()
        assert (abs((rest * (xt - xt.mean(0))).mean(0)) <= 6 * xt.std(0) / np.sqrt(CHAINS)).all()


@pytest.mark.parametrize("scale", [0.0, 1.0, 5.0])
def test_guidance(scale: float) -> None:
    def eps(x: Floats, alpha_bar: float) -> Floats:
        none, one = ORACLE.eps_theta(x, alpha_bar, "none"), ORACLE.eps_theta(x, alpha_bar, "one")
        return none + scale * (one - none)

    expected = predicted(ORACLE, ORACLE.guided("one", "none", scale), Normal.standard(SHAPE))
    expect_moments(simulated(eps, noise()), expected)
    assert (abs(expected.mean - predicted(ORACLE, MEANS["two"], Normal.standard(SHAPE)).mean) > 0.01).any()


def test_an_illusion() -> None:
    def flip(x: Floats) -> Floats:
        return x[..., ::-1, :]

    def eps(x: Floats, alpha_bar: float) -> Floats:
        return (ORACLE.eps_theta(x, alpha_bar, "one") + flip(ORACLE.eps_theta(flip(x), alpha_bar, "two"))) / 2

    mean = illusion(MEANS["one"], MEANS["two"], flip)
    expect_moments(simulated(eps, noise()), predicted(ORACLE, mean, Normal.standard(SHAPE)))


def test_a_hybrid() -> None:
    def low_pass(x: Floats) -> Floats:
        kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
        return convolve(x, kernel.reshape(*[1] * (x.ndim - 2), 3, 3), mode="wrap")

    def eps(x: Floats, alpha_bar: float) -> Floats:
        one, two = EVEN.eps_theta(x, alpha_bar, "one"), EVEN.eps_theta(x, alpha_bar, "two")
        return low_pass(one) + two - low_pass(two)

    mean = hybrid(MEANS["one"], MEANS["two"], low_pass)
    expect_moments(simulated(eps, noise()), predicted(EVEN, mean, Normal.standard(SHAPE)))


def test_editing_starts_from_a_noised_image() -> None:
    image = np.random.default_rng(4).uniform(-1, 1, SHAPE)
    start = np.sqrt(ALPHA_BARS[0]) * image + np.sqrt(1 - ALPHA_BARS[0]) * noise()
    expected = predicted(ORACLE, MEANS["two"], Normal.noised(image, ALPHA_BARS[0]))
    expect_moments(simulated(lambda x, a: ORACLE.eps_theta(x, a, "two"), start), expected)


def test_inpainting_forces_the_known_pixels_after_each_step() -> None:
    image, mask = np.random.default_rng(5).uniform(-1, 1, SHAPE), (RANDOM.uniform(size=SHAPE) < 0.5).astype(float)
    expected = predicted(ORACLE, MEANS["one"], Normal.standard(SHAPE), mask, image)
    expect_moments(simulated(lambda x, a: ORACLE.eps_theta(x, a, "one"), noise(), mask, image), expected)
    assert (expected.mean[mask == 0] == image[mask == 0]).all()
    assert (expected.std[mask == 0] == 0).all()


def test_rows_may_have_times_and_classes_of_their_own() -> None:
    x, alpha_bars, classes = noise()[:3], np.array([0.2, 0.5, 0.9]), ["one", "none", "one"]
    rows = ORACLE.eps_of_rows(x, alpha_bars, classes)
    for i in range(3):
        assert np.array_equal(rows[i : i + 1], ORACLE.eps_theta(x[i : i + 1], alpha_bars[i], classes[i]))


# Flows

FLOW = GaussianFlow(SYMMETRIC)


def test_the_ideal_velocity_is_the_regression_of_the_difference_on_x_t() -> None:
    x0, x1 = noise(), MEANS["one"] + SYMMETRIC * np.random.default_rng(6).standard_normal((CHAINS, *SHAPE))
    for t in (0.0, 0.4, 1.0):
        xt = (1 - t) * x0 + t * x1
        rest = x1 - x0 - FLOW.velocity(xt, t, MEANS["one"])
        spread = rest.std(0) + 1e-9
        assert (abs(rest.mean(0)) <= 6 * spread / np.sqrt(CHAINS)).all()
        assert (abs((rest * (xt - xt.mean(0))).mean(0)) <= 6 * spread * xt.std(0) / np.sqrt(CHAINS)).all()


@pytest.mark.parametrize("steps", [1, 5, 50])
@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_eulers_method_with_guidance(steps: int, scale: float) -> None:
    x = noise()
    for i in range(steps):
        none, one = FLOW.velocity(x, i / steps, MEANS["none"]), FLOW.velocity(x, i / steps, MEANS["one"])
        x = x + (none + scale * (one - none)) / steps
    expect_moments(x, FLOW.euler(ORACLE.guided("one", "none", scale), steps))


def test_many_steps_give_the_data() -> None:
    end = FLOW.euler(MEANS["two"], 4000)
    assert abs(end.mean - MEANS["two"]).max() < 2e-3
    assert abs(end.std - SYMMETRIC).max() < 2e-3
    too_many = FLOW.along([i / 50 for i in range(51)], [1 / 50] * 51, MEANS["two"])
    assert abs(too_many.std - FLOW.euler(MEANS["two"], 50).std).max() > 1e-3
