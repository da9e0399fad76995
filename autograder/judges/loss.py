"""Judgements of the training loss (DDPM, Alg. 1 and Eq. 14)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.grading.checks import Floats, Note, WrongAnswer, any_form, expect, expect_finite
from autograder.grading.seeds import Draw
from autograder.judges.expectations import expect_float32, f32
from autograder.judges.interface import Interface
from autograder.judges.labels import expect_labels
from autograder.judges.network import ROWS, as_state, as_timesteps
from autograder.judges.untold_times import note_factors, rows_told_by, telling
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import (
    ALPHA,
    correlation,
    standard_normal_fault,
    uniform_integers_fault,
    variance_limits,
)
from autograder.oracles.tolerance import between, near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, describe

LOSS_TOLERANCE = 3e-5  # relative; float32 loses some 2e-6, and another noise of the same size is hardly ever as near
# Where the network is not told t, x_0 is so large that float32 rounds the noise in x_t. Other noise is as near once in fifty runs
UNTOLD_TOLERANCE, UNTOLD_RUNS = 3e-4, 4


@dataclass(frozen=True)
class LossRun:
    """One call of the loss, with all that the network saw. t: the rows of the schedule."""

    loss: Handle
    model: Any
    x0: Floats
    eps_hat: Floats
    xt: Floats
    t: Floats
    schedule: Schedule
    told: Floats  # what the network was told as t, (B,); empty where it is told nothing

    @cached_property
    def index(self) -> NDArray[np.int64]:
        """t, kept within the rows that have noise."""
        first = int(np.argmax(self.schedule.alphas_cumprod < 1))
        return np.clip(self.t, first, self.schedule.last).astype(np.int64)

    @cached_property
    def noise(self) -> Floats:
        return self.schedule.noise_in(self.xt, self.x0, self.index)


def run_loss(course: Interface, draw: Draw, shape: tuple[int, ...], note: Note, own_q_sample: bool = True) -> LossRun:
    """Raises WrongAnswer unless the network is called once, with an x_t of the shape that is made of x_0 at some t, and the labels."""
    schedule, name = course.schedule(draw, 15), course.names.compute_loss
    first, last = schedule.first, schedule.last
    told = course.network_is_told_t
    x0 = draw.uniform(-2, 2, *shape) if told else telling(schedule, draw, shape)
    eps_hat, labels = draw.normal(*shape), course.labels(draw, shape[0])
    network = course.answered(lambda call: eps_hat)
    model = course.build(schedule, network)
    if not own_q_sample:

        def q_sample(x0: Any, t: Any, noise: Any = None) -> Any:
            note("noise given to q_sample", noise is not None, 0)
            for what, value in (("x0", x0), ("noise", noise)):
                if what == "x0" or value is not None:
                    as_state(value, what, f"The {what} that {name} gives {course.names.q_sample}")
                    expect_float32(value.dtype.name, f"The {what} that {name} gives {course.names.q_sample}")
            times = as_timesteps(t, len(x0), f"The t that {name} gives {course.names.q_sample}")
            expect((times == times.round()).all(), f"In {name}, t must be integers; yours holds fractions.")
            if times.min() < first or times.max() > last:
                raise WrongAnswer(
                    f"With T = {schedule.num_timesteps}, t must stay in {first} … {last}; "
                    f"yours reaches from {times.min():g} to {times.max():g}."
                )
            noise = draw.normal(*x0.shape) if noise is None else noise.astype(np.float64)
            return schedule.q_sample(x0.astype(np.float64), times.astype(np.int64), noise).astype(np.float32)

        course.replace(model, course.names.q_sample, q_sample)
    course.student.seed = draw.seed()
    loss = course.compute_loss(model, f32(x0), labels)
    note("network calls", len(network.calls), 0)
    expect(network.calls, f"{name} must call {course.names.network} to predict the noise; yours never called it.")
    expect(len(network.calls) == 1, f"{name} must call the network once; yours called it {len(network.calls)} times.")
    xt, times, _ = network.calls[0]
    note("kind of x_t", xt.shape == shape, 0)
    expect(xt.shape == shape, f"{name} must give the network x_t, of shape {shape}; yours gave it shape {xt.shape}.")
    expect_float32(network.dtypes[0], f"The x_t that {name} gives the network")
    expect_labels(course, network.calls, labels, name, note)
    note("x_t is x_0", np.allclose(xt, x0, atol=1e-5), 0)
    _expect_finite_loss(loss.get(""))
    if told:
        distinct, which = np.unique(times, return_inverse=True)
        t = np.array([course.row_of(schedule, time) for time in distinct])[which]
    else:
        value = loss.get("")
        if isinstance(value, np.ndarray) and value.size == 1:
            note.measured_work(is_squared_error_of_noise(float(value.ravel()[0]), eps_hat, x0))
        note_factors(xt, x0, note)
        t = rows_told_by(schedule, xt, x0, name)
    return LossRun(loss, model, x0, eps_hat, xt, t, schedule, times)


def _either_q_sample(course: Interface, note: Note, judge: Callable[[bool], None]) -> None:
    """With the reference in the place of the student's q_sample, or else as it is."""
    if course.names.q_sample:
        any_form(note, [lambda: judge(False), lambda: judge(True)])
    else:
        note("noise given to q_sample", True, 0)  # there is none that could draw its own
        judge(True)


def _expect_finite_loss(value: Any) -> None:
    """Whatever form the loss has; the form is the business of the check of its value."""
    if isinstance(value, (float, np.ndarray)):
        expect_finite(np.asarray(value), "The loss")


def _loss_value(name: str, run: LossRun, note: Note) -> float:
    value = run.loss.get("")
    if isinstance(value, np.ndarray):
        note("loss", value, 1e-3)
    expect(
        isinstance(value, np.ndarray),
        f"{name} must return a tensor with one number; yours returned {describe(value)}.",
    )
    expect(
        value.size == 1,
        f"{name} must return one number, the mean over everything; yours returned {describe(value)}.",
    )
    return float(expect_finite(value, "The loss").ravel()[0])


def is_squared_error_of_noise(value: float, eps_hat: Floats, x0: Floats) -> bool:
    """Whether a loss may be the mean of (ε_θ − ε)² for some standard normal ε, which is that of ε_θ² plus 1, to five standard errors."""
    if np.isclose(value, ((eps_hat - x0) ** 2).mean(), rtol=LOSS_TOLERANCE):
        return False
    squares = eps_hat**2
    error = np.sqrt((2 + 4 * squares.mean()) / squares.size)  # of the mean of ε² − 2 ε ε_θ
    return bool(abs(value - squares.mean() - 1) < 5 * error)


def judge_value(course: Interface, draw: Draw, note: Note, shape: tuple[int, ...] | None = None) -> None:
    shape, name = shape or (256, *course.sample_shape), course.names.compute_loss

    def changes_its_ratio(ratio: float, own_q_sample: bool) -> bool:
        """Whether the loss is another multiple of the right one at the next call, as with noise that has nothing to do with that in x_t."""
        again = run_loss(course, draw, shape, Note(), own_q_sample)
        value, expected = _loss_value(name, again, Note()), float(((again.noise - again.eps_hat) ** 2).mean())
        return is_squared_error_of_noise(value, again.eps_hat, again.x0) and not near(value / expected, ratio, 1e-3)

    def judge(own_q_sample: bool) -> None:
        run = run_loss(course, draw, shape, note, own_q_sample)
        known = not own_q_sample or standard_normal_fault(run.noise) is None  # else no loss can be right
        if known:
            note.inputs |= {"x0": run.x0, "noise": run.noise, "eps_hat": run.eps_hat, "xt": run.xt}
            note.inputs["noise_level"] = 1 - run.schedule.alphas_cumprod[run.index]
        value = _loss_value(name, run, note)
        expected = float(((run.noise - run.eps_hat) ** 2).mean())
        squared_error = is_squared_error_of_noise(value, run.eps_hat, run.x0)
        note.measured_work(squared_error)
        usual = [((run.eps_hat - target) ** 2).mean() for target in (run.noise, -run.noise, run.xt)]
        unlike = known and not np.isclose(value, usual, rtol=LOSS_TOLERANCE).any()
        note("of another noise", unlike and squared_error and changes_its_ratio(value / expected, own_q_sample), 0)
        note("loss ratio", value / expected, 5e-3)
        note("against x0", value / ((run.x0 - run.eps_hat) ** 2).mean(), 5e-3)
        if course.network_is_told_t:
            _expect_loss(value, expected, LOSS_TOLERANCE)
            return
        _expect_loss(value, expected, UNTOLD_TOLERANCE)
        for _ in range(UNTOLD_RUNS - 1):
            again = run_loss(course, draw, shape, Note(), own_q_sample)
            _expect_loss(
                _loss_value(name, again, Note()), float(((again.noise - again.eps_hat) ** 2).mean()), UNTOLD_TOLERANCE
            )

    _either_q_sample(course, note, judge)


def _expect_loss(value: float, expected: float, tolerance: float) -> None:
    if not near(value, expected, tolerance * expected):
        raise WrongAnswer(
            f"The loss must be the mean of (ε − ε_θ)² with the ε that is inside the x_t given to the network, {expected:.5f}; "
            f"yours is {value:.5f}, {value / expected:.4g} times as much."
        )


def judge_noise(course: Interface, draw: Draw, note: Note) -> None:
    def judge(own_q_sample: bool) -> None:
        rows = ROWS if course.network_is_told_t else 4 * ROWS  # schedules of a course's own may be long
        run, again = (run_loss(course, draw, (rows, *course.sample_shape), note, own_q_sample) for _ in range(2))
        note("ε spread", run.noise.std(), 0.05)
        note("ε repeats", float(correlation(run.noise, again.noise)[1]), 0)
        fault = standard_normal_fault(run.noise)
        expect(
            fault is None,
            "The x_t given to the network must be √ᾱ_t x_0 + √(1 − ᾱ_t) ε with standard normal ε, "
            f"but of that ε {fault}.",
        )
        expect(
            not correlation(run.noise, again.noise)[1],
            f"{course.names.compute_loss} must draw new noise at every call; yours used the same noise again.",
        )
        _expect_level_at_every_t(run)

    _either_q_sample(course, note, judge)


def _expect_level_at_every_t(run: LossRun) -> None:
    alpha = ALPHA / run.schedule.num_timesteps
    for t in np.unique(run.index):
        of_t = run.noise[run.index == t]
        variance, level = float((of_t**2).mean()), np.sqrt(1 - run.schedule.alphas_cumprod[t])
        if not between(variance, *variance_limits(of_t.size, alpha)):
            raise WrongAnswer(
                f"At t = {t}, the noise in the x_t given to the network must have standard deviation √(1 − ᾱ_t) = {level:.4f}; "
                f"yours has {np.sqrt(variance) * level:.4f}."
            )


def judge_timesteps(course: Interface, draw: Draw, note: Note) -> None:
    def judge(own_q_sample: bool) -> None:
        run, again = (run_loss(course, draw, (4 * ROWS, *course.sample_shape), note, own_q_sample) for _ in range(2))
        first, last = run.schedule.first, run.schedule.last
        size = run.schedule.num_timesteps
        note.inputs["schedule"] = run.schedule
        note("range of t", (run.t.min() - first, run.t.max() - first - size), 0)
        note("range of t again", (again.t.min() - first, again.t.max() - first - size), 0)
        note("kinds of t", min(len(np.unique(run.t)), size + 1), 0)
        kinds = len(np.unique(run.t))
        expect(
            kinds > (size - 1) / 2 or kinds == 1,
            f"With T = {size}, t must be drawn for each row, but in a batch of {len(run.t)} rows yours takes {kinds} different values only.",
        )
        fault = uniform_integers_fault(run.t, size, first=first)
        expect(
            fault is None,
            f"With T = {size}, t must be drawn for each row, uniformly from {first} … {last}, but {fault}.",
        )
        expect(
            not np.array_equal(run.t, again.t),
            f"{course.names.compute_loss} must draw a new t for each row at every call; yours drew the same ones again.",
        )

    _either_q_sample(course, note, judge)


def judge_gradient(course: Interface, draw: Draw, note: Note) -> None:
    def judge(own_q_sample: bool) -> None:
        run = run_loss(course, draw, (256, *course.sample_shape), note, own_q_sample)
        value = _loss_value(course.names.compute_loss, run, Note())
        try:
            run.loss.call("backward")
        except Raised as error:
            note("backward", 0, 0)
            if "grad" not in error.text:
                raise
            raise WrongAnswer("The loss must carry a gradient back to the network; yours is cut off from it.") from None
        gradient = course.network_gradient(run.model)
        expect(
            isinstance(gradient, np.ndarray) and gradient.size == 1,
            "The loss must carry a gradient back to the network; yours gives it none.",
        )
        expect(gradient.size, "The loss must carry a gradient back to the network; yours gives it an empty one.")
        got = float(expect_finite(gradient, "The gradient of the loss with respect to the network").ravel()[0])
        # With d = ε_θ − ε and ε_θ scaled by s: loss(s) = c mean((s ε_θ − ε)²), so d loss / d s at 1 is 2 c mean(d ε_θ) for the c the loss has.
        difference = run.eps_hat - run.noise
        right = float((difference**2).mean())
        expected = 2 * float((difference * run.eps_hat).mean()) * value / right
        note("gradient ratio", got / expected if expected else 0.0, 5e-3)
        expect(
            got != 0 or abs(expected) < 1e-6, "The loss must carry a gradient back to the network; yours gives it zero."
        )
        tolerance = LOSS_TOLERANCE if course.network_is_told_t else UNTOLD_TOLERANCE
        expect(
            near(got, expected, 5e-3 * (1 + abs(expected))) or not near(value, right, tolerance * right),
            "The gradient that the loss gives the network is not that of the mean of (ε − ε_θ)²; look for a part that is detached.",
        )

    _either_q_sample(course, note, judge)
