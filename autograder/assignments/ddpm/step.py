"""Measure what one step of a sampler does: out = a x_t − b ε_θ + noise.

Tolerances: a relative 1e-3 on coefficients, about a hundred times what float32 loses over these short schedules.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.assignments.ddpm.setting import ROWS, Network, Setting, f32
from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_close, expect_tensor
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import Schedule
from autograder.sandbox.proxies import Handle

COEFFICIENT_TOLERANCE = 1e-3
FORMS: tuple[tuple[str, Callable[[int, int], Any]], ...] = (
    ("a tensor of shape (1,)", lambda t, rows: np.array([t])),
    ("a tensor of shape ()", lambda t, rows: np.array(t)),
    ("a tensor of shape (B,)", lambda t, rows: np.full(rows, t)),
    ("an integer", lambda t, rows: t),
)


@dataclass(frozen=True)
class Step:
    """What one step does at one t: out = a x_t − b ε + noise, fitted, with the noise that remains."""

    a: float
    b: float
    noise: Floats  # (B, …), two draws with different seeds
    other_noise: Floats
    network_calls: list[tuple[Floats, Floats]]
    xt: Floats
    error: float  # of a and b: six standard errors, where equal seeds do not give equal noise; else about 0

    @property
    def sigma(self) -> float:
        return float(self.noise.std())


def measure_step(
    setting: Setting, schedule: Schedule, draw: Draw, t: int, take: Callable[[Handle, Floats], Any], what: str
) -> Step:
    """Fit a and b from two calls with equal random numbers. Their difference has no noise in it, so the fit is exact to
    rounding; code that draws from generators of its own gets a fit with a standard error.
    """
    shape = (max(ROWS * 2 // int(np.prod(setting.sample_shape)), 64), *setting.sample_shape)
    eps = draw.normal(*shape)
    network = Network(lambda x, t: eps)
    diffusion = setting.build(schedule, network)
    seeds = (draw.seed(), draw.seed())
    inputs, outputs = [], []
    for seed in (seeds[0], seeds[0], seeds[1]):
        eps = draw.normal(*shape)
        x0 = draw.uniform(-2, 2, *shape)
        xt = schedule.q_sample(x0, np.full(len(x0), t), eps)
        setting.student.seed = seed
        inputs.append((xt, eps))
        outputs.append(expect_tensor(take(diffusion, f32(xt)), shape, what))
    (x_1, e_1), (x_2, e_2), (x_3, e_3) = inputs
    design = np.stack([(x_1 - x_2).ravel(), (e_1 - e_2).ravel()], axis=1)
    difference = (outputs[0] - outputs[1]).ravel()
    (a, minus_b), *_ = np.linalg.lstsq(design, difference, rcond=None)
    b = -minus_b
    error = 6 * float((difference - design @ [a, minus_b]).std() / np.sqrt((design**2).sum(axis=0).min()))
    return Step(
        float(a), float(b), outputs[0] - a * x_1 + b * e_1, outputs[2] - a * x_3 + b * e_3, network.calls, x_1, error
    )


def expect_network_sees(step: Step, t: int, note: Note, what: str) -> None:
    calls = len(step.network_calls)
    note(f"network calls at {t}", calls, 0)
    if step.network_calls:
        note(f"t fed at {t}", step.network_calls[0][1][0], 1e-6)
    expect(calls > 0, f"{what} must call self.network(xt, t) to predict the noise; yours never called it.")
    expect(
        calls <= 3, f"{what} must call the network once; yours called it {calls / 3:.0f} times with different inputs."
    )
    x, times = step.network_calls[0]
    expect(
        x.shape == step.xt.shape,
        f"{what} must give the network x_t, of shape {step.xt.shape}; yours gave it shape {x.shape}.",
    )
    expect_close(times, np.full(len(times), float(t)), f"In {what}, the t that the network is given", tolerance=1e-6)
    note(f"x fed at {t}", x, 1e-3)
    expect_close(x, step.xt, f"In {what}, the x that the network is given", tolerance=1e-4)


def expect_coefficients(step: Step, a: float, b: float, where: str, what: str) -> None:
    """Compare a and b, and say how far off each is."""
    for got, expected, symbol in ((step.a, a, "x_t"), (step.b, b, "−ε_θ")):
        if abs(got - expected) > COEFFICIENT_TOLERANCE * (1 + abs(expected)) + min(step.error, 0.05):
            ratio = f", {got / expected:.4g} times as much" if abs(expected) > 1e-6 else ""
            raise WrongAnswer(
                f"{where}, {what} must hold {symbol} times {expected:.5f}; in yours it is {got:.5f}{ratio}."
            )


def each_form(judge: Callable[[Callable[[int, int], Any]], None]) -> list[Callable[[], None]]:
    return [functools.partial(judge, form) for _, form in FORMS]
