"""Measure what one step of a sampler does: out = a x_t − b ε_θ + noise.

Tolerances: a relative 1e-3 on coefficients, about a hundred times what float32 loses over these short schedules. Where equal seeds do
not give equal noise, the results of many calls are averaged until six standard errors of a and b are 1e-3 for points, 2e-3 for images,
whose smaller range takes 16 times as many.
"""

import contextlib
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from autograder.grading.checks import Floats, Note, NotFinite, WrongAnswer, expect, expect_close, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.expectations import expect_float32, expect_kept, f32, follows_the_schedule
from autograder.judges.interface import Form, Interface
from autograder.judges.network import ROWS, Call, Network, silent
from autograder.measuring import fit_step
from autograder.oracles.schedule import Schedule
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle

COEFFICIENT_TOLERANCE = 1e-3
BEND_TOLERANCE = 1e-3  # float32 leaves some 1e-6
NO_NOISE = 1e-3  # below this standard deviation a step adds none; the smallest right one is some 0.03
MOST_NUMBERS = 1 << 18  # of one batch of noise that is averaged
MOST_REPEATS = 400  # calls that are averaged; points take up to 40, images, with their smaller range, up to 160
STRONG = 30.0  # times as much of ε as usual, where noise is averaged out: it leaves √ᾱ x_0 as the part of x_t that is hard to see
Key = TypeVar("Key")
Take = Callable[[Any, Floats], Any]  # (model, x_t) → the result of a step


@dataclass(frozen=True)
class Step:
    """What one step does at one t: out = a x_t − b ε + noise, fitted, with the noise that remains."""

    a: float
    b: float
    noise: Floats  # (B, …), two draws with different seeds
    other_noise: Floats
    network_calls: list[Call]
    xt: Floats
    error: float  # of a and b: six standard errors, where equal seeds do not give equal noise; 0 where they do
    average: Callable[[], tuple[float, float, float]]  # a, b and their error, measured better
    dtype: str = "float32"  # of the x that the network was given
    bend: float = 0.0  # how far the step is from a x_t − b ε + noise with the same a and b everywhere

    @property
    def sigma(self) -> float:
        """The standard deviation of the noise, also of one that is a single number for all of x_t."""
        return float(np.sqrt(self.noise.var() + (self.noise.mean() - self.other_noise.mean()) ** 2 / 2))


def measure_step(
    course: Interface,
    schedule: Schedule,
    draw: Draw,
    t: int,
    take: Take,
    what: str,
    note: Note,
) -> Step:
    """Fit a and b from two calls with equal random numbers. Their difference has no noise in it, so the fit is exact to
    rounding; code that draws from generators of its own gets a fit with a standard error, and code that bends the step, such as by
    clamping, a noise that is measured by itself, from calls that differ in the seed only.
    """
    shape = (max(ROWS * 2 // int(np.prod(course.sample_shape)), 64), *course.sample_shape)
    eps = draw.normal(*shape)
    network = course.answered(lambda call: eps)
    model = course.build(schedule, network)
    seeds = (draw.seed(), draw.seed())
    inputs, outputs = [], []

    def call(seed: int, xt: Floats) -> Floats:
        course.student.seed = seed
        answer = take(model, f32(xt))
        got = expect_tensor(answer, shape, what)
        if answer.dtype != np.float32:
            note("bytes of a number", answer.dtype.itemsize, 0)
            _expect_usable_dtype(model, network, take, xt, answer.dtype, what)
        return got

    for seed in (seeds[0], seeds[0], seeds[1]):
        eps = draw.normal(*shape)
        x0 = draw.uniform(-course.data_limit, course.data_limit, *shape)
        xt = schedule.q_sample(x0, np.full(len(x0), t), eps)
        inputs.append((xt, eps))
        outputs.append(call(seed, xt))
    calls, dtypes = list(network.calls), list(network.dtypes)
    fit = fit_step(inputs, outputs)
    x_1, noise, other_noise = inputs[0][0], fit.noise, fit.other_noise
    bend = error = 0.0
    if not near(fit.rest, 0, 1e-4):
        eps = inputs[0][1]
        if near(call(seeds[0], x_1), outputs[0], 1e-6):  # equal seeds do give equal noise
            bend = fit.rest
            noise, other_noise = ((call(draw.seed(), x_1) - call(draw.seed(), x_1)) / np.sqrt(2) for _ in range(2))
        else:
            error = fit.error
    dtype = next((name for name in dtypes if name != "float32"), "float32")
    average = functools.partial(_average, course, schedule, draw, t, take, what, fit.rest / np.sqrt(2))
    return Step(fit.a, fit.b, noise, other_noise, calls, x_1, error, average, dtype, bend)


def _average(
    course: Interface,
    schedule: Schedule,
    draw: Draw,
    t: int,
    take: Take,
    what: str,
    sigma: float,
) -> tuple[float, float, float]:
    """a, b and six standard errors of both, from the mean of so many calls on the same x_t and ε that noise of `sigma` averages out. Raises
    WrongAnswer where it is too strong for that.

    With x_t = √ᾱ x_0 + √(1 − ᾱ) ε the step is (a √ᾱ) x_0 + (a √(1 − ᾱ) − b) ε. Each x_0 lies at an end of the range of the data, where
    it tells most of a.
    """
    shape = (MOST_NUMBERS // int(np.prod(course.sample_shape)), *course.sample_shape)
    alpha_bar = schedule.alphas_cumprod[t]
    x0 = course.data_limit * (1.0 - 2.0 * draw.generator.integers(0, 2, shape))
    eps = STRONG * draw.normal(*shape)
    xt = np.sqrt(alpha_bar) * x0 + np.sqrt(1 - alpha_bar) * eps
    design = np.stack([x0.ravel(), eps.ravel()], axis=1)
    # The variance of a is at most that of the coefficient of x_0, divided by ᾱ; that of b at most the sum of both.
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    one_call = 6 * sigma * (errors[0] / np.sqrt(alpha_bar) + errors[1])
    enough = COEFFICIENT_TOLERANCE * max(1.0, 2.0 / course.data_limit)
    repeats = int(np.ceil((one_call / enough) ** 2))
    if repeats > MOST_REPEATS:
        raise WrongAnswer(
            f"{what} cannot be measured: equal seeds do not give equal noise, and your noise is too strong to be averaged out. "
            "Draw it with torch.randn_like(xt)."
        )
    model = course.build(schedule, course.answered(lambda call: eps))
    total = np.zeros(shape)
    for _ in range(repeats):
        course.student.seed = draw.seed()
        with course.student.dropped():
            total += expect_tensor(take(model, f32(xt)), shape, what)
    (of_x0, of_eps), *_ = np.linalg.lstsq(design, (total / repeats).ravel(), rcond=None)
    a = of_x0 / np.sqrt(alpha_bar)
    return float(a), float(a * np.sqrt(1 - alpha_bar) - of_eps), float(one_call / np.sqrt(repeats))


def measure_each(
    keys: Iterable[Key], measure: Callable[[Key], Step], place: Callable[[Key], str]
) -> tuple[dict[Key, Step], dict[Key, Raised | NotFinite]]:
    """The steps that gave finite numbers, and why the others gave none, told with their `place`: one crash at an end hides nothing else.

    Raises what the first step gave where none gave numbers.
    """
    steps: dict[Key, Step] = {}
    failures: dict[Key, Raised | NotFinite] = {}
    for key in keys:
        try:
            steps[key] = measure(key)
        except (Raised, NotFinite) as failure:
            failures[key] = failure
    if failures and not steps:
        raise next(iter(failures.values()))
    for key, error in failures.items():
        if isinstance(error, Raised):
            error.args = (f"{place(key)}: {error}",)
    return steps, failures


def expect_measured(failures: dict[Key, Raised | NotFinite]) -> None:
    """Raises the first of the failures; NaN before a crash, since it is a wrong answer."""
    for error in sorted(failures.values(), key=lambda error: not isinstance(error, NotFinite)):
        raise error


def _expect_usable_dtype(model: Any, network: Network, take: Take, xt: Floats, dtype: Any, what: str) -> None:
    """Another dtype than that of x_t is right only where the next step can go on with it: gives the network float32 again."""
    before = len(network.calls)
    take(model, xt.astype(dtype))
    del network.calls[before:]
    if network.dtypes and network.dtypes.pop() != "float32":
        raise WrongAnswer(
            f"{what} must be like x_t, float32; yours is {np.dtype(dtype).name}, which the network cannot take in the next step."
        )


def expect_network_sees(course: Interface, schedule: Schedule, step: Step, t: int, note: Note, what: str) -> None:
    calls = len(step.network_calls)
    note(f"network calls at {t}", calls, 0)
    if step.network_calls:
        note(f"t fed at {t}", step.network_calls[0][1][0], 1e-6)
    expect(calls > 0, f"{what} must call {course.names.network} to predict the noise; yours never called it.")
    expect(
        calls <= 3, f"{what} must call the network once; yours called it {calls / 3:.0f} times with different inputs."
    )
    x, times, _ = step.network_calls[0]
    if step.dtype != "float32":
        note(f"float32 for the network at {t}", 0, 0)
    expect_float32(step.dtype, f"The x_t that {what} gives the network")
    expect(
        x.shape == step.xt.shape,
        f"{what} must give the network x_t, of shape {step.xt.shape}; yours gave it shape {x.shape}.",
    )
    expected = course.time_for_network(schedule, np.full(len(times), float(t)))
    expect_close(times, expected, f"In {what}, the t that the network is given", tolerance=1e-6)
    note(f"x fed at {t}", x, 1e-3)
    expect_close(x, step.xt, f"In {what}, the x that the network is given", tolerance=1e-4)


def expect_coefficients(step: Step, a: float, b: float, where: str, what: str) -> None:
    """Compare a and b, and say how far off each is; before that, whether they are the same for every element."""
    if not near(step.bend, 0, BEND_TOLERANCE):
        raise WrongAnswer(
            f"{where}, {what} must be x_t and ε_θ, each times one number, and is not: with the same noise, yours is up to "
            f"{3 * step.bend:.3f} from any such sum. Look for what is clamped, rounded or normalised."
        )
    _expect_both((step.a, step.b), (a, b), step.error, where, what)
    if step.error > COEFFICIENT_TOLERANCE:
        *measured, error = step.average()
        _expect_both((measured[0], measured[1]), (a, b), error, where, what)


def _expect_both(got: tuple[float, float], expected: tuple[float, float], error: float, where: str, what: str) -> None:
    for mine, right, symbol in zip(got, expected, ("x_t", "−ε_θ")):
        if not near(mine, right, COEFFICIENT_TOLERANCE * (1 + abs(right)) + error):
            ratio = f", {mine / right:.4g} times as much" if abs(right) > 1e-6 else ""
            raise WrongAnswer(
                f"{where}, {what} must hold {symbol} times {right:.5f}; in yours it is {mine:.5f}{ratio}."
            )


def coefficients_follow_the_schedule(steps: dict[int, Step]) -> bool:
    """Whether a, b or σ, by t, come from the schedule and are not those of an argument, of noise or of a network's answer."""
    coefficients = [(step.a, step.b, step.sigma) for step in steps.values()]
    errors = [(min(step.error, 0.05), min(step.error, 0.05), 0.04 * step.sigma + 1e-3) for step in steps.values()]
    return follows_the_schedule([*steps], coefficients, errors)


def expect_untouched(
    course: Interface,
    schedule: Schedule,
    draw: Draw,
    times: dict[str, int],
    take: Callable[[Any, Handle, dict[str, Any]], Any],
    what: str,
    note: Note,
    keep_x: bool = False,
) -> None:
    """One row is stepped, too, and the tensors of timesteps that the step is given, and x_t where `keep_x`, hold the same numbers
    afterwards: the schedule's own timesteps may be among them. A form of t that the code refuses by raising is not looked at.
    """
    for form in course.forms:
        with contextlib.suppress(Raised):
            _expect_untouched(
                course, schedule, draw, {n: form(t, 1) for n, t in times.items()}, take, what, note, keep_x
            )


def _expect_untouched(
    course: Interface,
    schedule: Schedule,
    draw: Draw,
    given: dict[str, Any],
    take: Callable[[Any, Handle, dict[str, Any]], Any],
    what: str,
    note: Note,
    keep_x: bool,
) -> None:
    x = draw.normal(1, *course.sample_shape)
    tensors = course.student.module("torch")
    kept = {name: tensors.later("clone", t) for name, t in given.items() if isinstance(t, np.ndarray)}
    x_t = tensors.later("clone", f32(x))
    model = course.build(schedule, course.answered(silent))
    expect_tensor(take(model, x_t, {**given, **kept}), x.shape, f"The result of {what} for one row")
    for name, tensor in kept.items():
        message = (
            f"{what} must leave the tensor {name} that it is given as it is; yours changes it in place, so that its "
            "caller's is changed too."
        )
        expect_kept(tensor, given[name], name, note, message)
    if keep_x:
        message = (
            f"{what} must leave the x_t that it is given as it is; yours changes it in place, "
            "so that a second call starts from other numbers."
        )
        expect_kept(x_t, f32(x), "x_t", note, message)


def each_form(course: Interface, judge: Callable[[Form], Any]) -> list[Callable[[], Any]]:
    return [functools.partial(judge, form) for form in course.forms]
