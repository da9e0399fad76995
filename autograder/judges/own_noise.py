"""Judgements of x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε (DDPM, Eq. 4) of code that draws ε itself.

Two calls with equal random numbers and other images differ by √ᾱ_t times the difference of the images, to rounding, and what is left of one
is the noise. Where equal seeds do not give equal noise, the factor of the image has a standard error, of which six are allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.oracles.tolerance import near

SHAPE = (2, 3, 96, 80)  # of the images: 46,080 numbers
TIMES = (40, 300, 650, 960)  # about which t lie
FACTOR, REST = 8e-4, 5e-3  # a factor that is rounded to half precision is off by 5e-4 at most; from one t to the next it changes by some 1e-3


@dataclass(frozen=True)
class Noising:
    """A function of (image, t, seed). `name`: for sentences."""

    name: str
    call: Callable[[Floats, int, int], Floats]
    alphas_cumprod: Floats


@dataclass(frozen=True)
class Noised:
    """x_t of an image at one t: the factor of the image, with its error, and the noise."""

    t: int
    image: Floats
    factor: float
    error: float
    bend: float  # what the factor leaves of the difference of two calls with equal noise, relative to it
    noise: Floats


def factor_of(difference: Floats, of_images: Floats) -> tuple[float, float, float]:
    """(factor, what it leaves relative to the difference, six standard errors of the factor)."""
    factor = float((difference * of_images).sum() / (of_images**2).sum())
    left = float((difference - factor * of_images).std())
    return factor, left / (1e-9 + float(difference.std())), 6 * left / float(np.sqrt((of_images**2).sum()))


def measure(noising: Noising, draw: Draw, t: int) -> Noised:
    first, second = (draw.uniform(-1, 1, *SHAPE) for _ in range(2))
    seed = draw.seed()
    out = noising.call(first, t, seed)
    factor, rest, error = factor_of(out - noising.call(second, t, seed), first - second)
    bend = 0.0
    if rest < REST:
        error = 0.0
    elif near(noising.call(first, t, seed), out, 1e-4):
        bend, error = rest, 0.0
    return Noised(t, first, factor, error, bend, out - factor * first)


def times(draw: Draw) -> list[int]:
    return [t + draw.integer(-30, 30) for t in TIMES]


def judge_image(noising: Noising, draw: Draw, note: Note) -> None:
    """Raises WrongAnswer."""
    measured = [measure(noising, draw, t) for t in times(draw)]
    note("factors of x_0", [one.factor for one in measured], 2e-3)
    note.measured_work(bool(np.ptp([one.factor for one in measured if not one.error] or [0.0]) > 1e-3))
    note("bend", [one.bend for one in measured], 0.02)
    for one in measured:
        right = float(np.sqrt(noising.alphas_cumprod[one.t]))
        expect(
            near(one.bend, 0, 0.01),
            f"At t = {one.t} {noising.name} must give the image and the noise, each times one number, and does not: {one.bend:.1%} of what the image "
            "changes is something else. Look for what is clamped or rounded.",
        )
        if not near(one.factor, right, FACTOR + one.error):
            raise WrongAnswer(f"At t = {one.t} {noising.name} must hold the image √ᾱ_t = {right:.4f} times; yours holds it {one.factor:.4f} times.")


def judge_noise(noising: Noising, draw: Draw, note: Note) -> None:
    """Whatever the factor of the image is. Raises WrongAnswer."""
    measured = [measure(noising, draw, t) for t in times(draw)]
    note("spreads of the noise", [float(one.noise.std()) for one in measured], 0.04)
    note.measured_work(bool(np.ptp([one.noise.std() for one in measured]) > 0.1))
    note("means of the noise", [float(one.noise.mean()) for one in measured], 0.04)
    for one in measured:
        right = float(np.sqrt(1 - noising.alphas_cumprod[one.t]))
        spread = float(one.noise.std())
        expect(spread > 1e-3, f"At t = {one.t} {noising.name} must add noise of standard deviation √(1 − ᾱ_t) = {right:.4f}; yours adds none.")
        fault = standard_normal_fault(one.noise / right, alpha=1e-9)
        if fault:
            raise WrongAnswer(
                f"At t = {one.t} {noising.name} must add √(1 − ᾱ_t) ε with ε ~ N(0, I), that is with a standard deviation of {right:.4f}; the ε of "
                f"yours is another one: {fault}."
            )


def judge_fresh(noising: Noising, draw: Draw, note: Note) -> None:
    """Raises WrongAnswer where two calls with different seeds, two images of a batch, or two channels of one, get the same noise."""
    one = measure(noising, draw, 500)
    spread = one.noise.std()
    expect(spread > 1e-3, f"{noising.name} must draw new noise at every call; yours adds none.")
    again = correlation(one.noise, noising.call(one.image, one.t, draw.seed()) - one.factor * one.image)
    rows = correlation(one.noise[0], one.noise[1])
    channels = correlation(one.noise[:, 0], one.noise[:, 1])
    note("noise repeated", [again[1], rows[1], channels[1]], 0)
    expect(
        not again[1],
        f"{noising.name} must draw new noise at every call; yours added the same noise again. Look for a seed that is set inside, or for "
        "noise that is kept.",
    )
    expect(not rows[1], f"{noising.name} must draw other noise for every image of a batch; yours adds the same to all.")
    expect(not channels[1], f"{noising.name} must draw other noise for every channel; yours adds the same to all.")
