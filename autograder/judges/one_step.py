"""Judgements of x̂_0 = (x_t − √(1 − ᾱ_t) ε_θ)/√ᾱ_t (DDPM, Eq. 15) of a function around a borrowed model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autograder.grading.checks import Floats, Note, expect
from autograder.judges.borrowed import Borrowed
from autograder.judges.strided import IN_HALF, REST, REST_IN_HALF, TOLERANCE
from autograder.oracles.tolerance import near


@dataclass(frozen=True)
class Estimate:
    """One call with x at t. `result`: (C, H, W); `inside`: which of its pixels count."""

    name: str
    model: Borrowed
    t: int
    x: Floats
    result: Floats
    inside: Floats

    @property
    def alpha_bar(self) -> float:
        return float(self.model.alphas_cumprod[self.t])

    @cached_property
    def measured(self) -> tuple[float, float, float]:
        """The weights of x_t and of ε_θ in the result, and what they leave, relative to all."""
        counts = self.inside.astype(bool)
        counts = counts if counts.sum() > 200 else np.ones_like(counts)
        columns = [self.x[counts], self.model.steps[0].asked[0].eps[counts]]
        design, target = np.stack(columns, axis=1), self.result[counts]
        (of_x, of_eps), *_ = np.linalg.lstsq(design.T @ design, design.T @ target, rcond=1e-12)
        left = target - design @ [of_x, of_eps]
        return float(of_x), float(of_eps), float(left.std() / (1e-9 + target.std()))


def expect_steps(estimates: Sequence[Estimate]) -> None:
    for one in estimates:
        expect(one.model.steps, f"{one.name} must ask the network for the noise; yours never asks it.")


def judge_estimate(estimates: Sequence[Estimate], note: Note) -> None:
    """Raises WrongAnswer."""
    expect_steps(estimates)
    note("weights of x", [one.measured[0] for one in estimates], 4e-3)
    note("weights of ε", [one.measured[1] for one in estimates], 4e-3)
    note("rest", [min(one.measured[2], 1.0) for one in estimates], 0.02)
    note.measured_work(_change(estimates, 0.02, 1e-3) or _change(estimates, 0.9, 0.3))
    for one in estimates:
        of_x, of_eps, rest = one.measured
        half = one.model.steps[0].rounded
        where = f"At t = {one.t} x̂_0 of {one.name}"
        expect(
            near(rest, 0, REST_IN_HALF if half else REST),
            f"{where} must be x_t and ε_θ, each times one number; {rest:.1%} of yours is something else. Look at which channels of the answer "
            "are ε_θ, and for what is clamped or rounded.",
        )
        right = 1 / np.sqrt(one.alpha_bar), -np.sqrt(1 / one.alpha_bar - 1)
        for got, expected, symbol in zip((of_x, of_eps), right, ("x_t", "ε_θ")):
            expect(
                near(got, expected, (IN_HALF if half else TOLERANCE) * (1 + abs(expected))),
                f"{where} must hold {symbol} {expected:.4f} times, as x_t = √ᾱ_t x̂_0 + √(1 − ᾱ_t) ε_θ demands; yours holds it {got:.4f} times.",
            )


def _change(estimates: Sequence[Estimate], rest: float, by: float) -> bool:
    """Whether the weights change with t, of the estimates of which not more than `rest` is something else."""
    weights = [one.measured[:2] for one in estimates if one.measured[2] < rest]
    return len(weights) > 1 and bool(np.ptp(weights, axis=0).max() > by)


def judge_asked(estimates: Sequence[Estimate], prompt: str, note: Note) -> None:
    """Raises WrongAnswer unless the network was asked once, with the image, its t and the prompt."""
    expect_steps(estimates)
    note("steps", [len(one.model.steps) for one in estimates], 0)
    note("t told minus t", [one.model.steps[0].t - one.t for one in estimates], 1e-6)
    for one in estimates:
        step = one.model.steps[0]
        expect(len(one.model.steps) == 1, f"{one.name} takes one step; yours asks the network about {len(one.model.steps)} images or times.")
        expect(near(step.t, one.t, 1e-6), f"{one.name} must tell the network its t, {one.t}; yours tells it {step.t:g}.")
        expect(
            near(step.x, one.x, 2e-3 * (1 + abs(one.x))),
            f"{one.name} must give the network the image that it is given; yours differs by up to {abs(step.x - one.x).max():.3f}.",
        )
        told = [asked.prompt for asked in step.asked]
        note("prompt", told == [prompt], 0)
        expect(told == [prompt], f"{one.name} must give the network the prompt that it is given, and no other.")
