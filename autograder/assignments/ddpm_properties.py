"""What is true of every right DDPM and DDIM implementation, as judgements of a DiffusionModule that runs in a worker.

Shared by all assignments with the KAIST interface; `sample_shape` is (2,) for points and (C, H, W) for images. The network is always answered by the grader,
so each judgement is about one region alone. Inputs look like real data: x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε with |x_0| ≤ 2, so that clamping x_0 outside the range
of the data does no harm. Tolerances: a relative 1e-3 on coefficients, about a hundred times what float32 loses over these short schedules.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.grading.checks import Carry, Floats, Note, WrongAnswer, any_form, expect, expect_close, expect_tensor
from autograder.grading.seeds import Draw
from autograder.oracles.gaussian import GaussianOracle
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import correlation, moments_fault, standard_normal_fault, uniform_integers_fault
from autograder.sandbox.launcher import GraderHangup, Raised
from autograder.sandbox.proxies import Handle, Student, describe

ROWS = 4096
COEFFICIENT_TOLERANCE = 1e-3
FORMS: tuple[tuple[str, Callable[[int, int], Any]], ...] = (
    ("a tensor of shape (1,)", lambda t, rows: np.array([t])),
    ("a tensor of shape ()", lambda t, rows: np.array(t)),
    ("a tensor of shape (B,)", lambda t, rows: np.full(rows, t)),
    ("an integer", lambda t, rows: t),
)


@dataclass
class Network:
    """A noise predictor that the grader answers, and that remembers every call. Equal calls in a row count once."""

    eps_theta: Callable[[Floats, int], Floats]
    mixed: Callable[[Floats, Floats], Floats] | None = None  # answers when the rows have different times
    calls: list[tuple[Floats, Floats]] = field(default_factory=list)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        values = [*args, *kwargs.values()]
        if len(values) != 2 or not isinstance(values[0], np.ndarray):
            raise GraderHangup(f"the network takes x and t, and was called with {len(values)} arguments")
        if kwargs and not args:
            values = [kwargs.get("x", values[0]), kwargs.get("t", values[1])]
        x = np.asarray(values[0], dtype=np.float64)
        t = as_timesteps(values[1], len(x))
        if (
            not self.calls
            or self.calls[-1][0].shape != x.shape
            or not (np.array_equal(self.calls[-1][0], x) and np.array_equal(self.calls[-1][1], t))
        ):
            self.calls.append((x, t))
        answer = self.eps_theta(x, int(t[0])) if self.mixed is None else self.mixed(x, t)
        return answer.astype(np.float32)


def as_timesteps(value: Any, rows: int) -> Floats:
    """The time of each row, from any accepted form. Raises GraderHangup for anything else."""
    if (
        isinstance(value, np.ndarray)
        and value.dtype.kind in "iufb"
        and (value.ndim == 0 or value.shape in ((1,), (rows,), (rows, 1), (1, 1)))
    ):
        return np.broadcast_to(value.astype(np.float64).ravel(), (rows,)).copy()
    if isinstance(value, (int, float)):
        return np.full(rows, float(value))
    raise GraderHangup(f"t must be an integer or a tensor of shape (), (1,) or (B,), and is {describe(value)}")


@dataclass(frozen=True)
class Setting:
    """How to build the student's DiffusionModule around a schedule and a network, and the shape of one sample."""

    student: Student
    sample_shape: tuple[int, ...]

    def build(self, schedule: Schedule, network: Network) -> Handle:
        ddpm = self.student.module("ddpm")
        settings = dict(beta_1=schedule.beta_1, beta_T=schedule.beta_T, mode=schedule.mode)
        scheduler = ddpm.new("BaseScheduler", schedule.num_timesteps, **settings)
        return ddpm.new("DiffusionModule", self.student.network(network), scheduler)


# q_sample


def q_sample_closed_form(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()
    diffusion = setting.build(schedule, Network(lambda x, t: x))
    for shape in (setting.sample_shape, (3, 4, 5)):
        t = np.tile(np.arange(schedule.num_timesteps), 3)
        x0, noise = 2 * draw.normal(len(t), *shape), draw.normal(len(t), *shape)
        got = expect_tensor(diffusion.call("q_sample", _f32(x0), t, _f32(noise)), x0.shape, "x_t")
        note(f"x_t {len(shape)}", got, 1e-4)
        expect_close(
            got, schedule.q_sample(x0, t, noise), "x_t", tolerance=1e-4, where=[f"at t = {step}" for step in t]
        )


def q_sample_own_noise(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()
    diffusion = setting.build(schedule, Network(lambda x, t: x))
    shape = (ROWS, *setting.sample_shape)
    t = np.full(ROWS, schedule.num_timesteps - 1)
    draws = []
    for _ in range(2):
        setting.student.seed = draw.seed()
        draws.append(expect_tensor(diffusion.call("q_sample", np.zeros(shape, np.float32), t), shape, "x_t"))
    note("spread", draws[0].std(), 0.05)
    scaled = draws[0] / max(draws[0].std(), 1e-12)
    fault = standard_normal_fault(scaled)
    expect(
        fault is None,
        f"Called without noise, q_sample must draw standard normal noise of its own, one number for each element of x0, but {fault}.",
    )
    expect(
        not correlation(*draws)[1],
        "Called without noise twice, q_sample must draw new noise each time; yours used the same noise again.",
    )


# One step of a sampler


@dataclass(frozen=True)
class Step:
    """What one step does at one t: out = a x_t − b ε + noise, fitted, with the noise that remains."""

    a: float
    b: float
    noise: Floats  # (B, …), two draws with different seeds
    other_noise: Floats
    network_calls: list[tuple[Floats, Floats]]
    xt: Floats

    @property
    def sigma(self) -> float:
        return float(self.noise.std())


def measure_step(
    setting: Setting, schedule: Schedule, draw: Draw, t: int, take: Callable[[Handle, Floats], Any], what: str
) -> Step:
    """Fit a and b from two calls with equal random numbers; the difference of the two has no noise in it, so the fit is exact to rounding."""
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
        outputs.append(expect_tensor(take(diffusion, _f32(xt)), shape, what))
    (x_1, e_1), (x_2, e_2), (x_3, e_3) = inputs
    design = np.stack([(x_1 - x_2).ravel(), (e_1 - e_2).ravel()], axis=1)
    (a, minus_b), *_ = np.linalg.lstsq(design, (outputs[0] - outputs[1]).ravel(), rcond=None)
    b = -minus_b
    return Step(float(a), float(b), outputs[0] - a * x_1 + b * e_1, outputs[2] - a * x_3 + b * e_3, network.calls, x_1)


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
        if abs(got - expected) > COEFFICIENT_TOLERANCE * (1 + abs(expected)):
            ratio = f", {got / expected:.4g} times as much" if abs(expected) > 1e-6 else ""
            raise WrongAnswer(
                f"{where}, {what} must hold {symbol} times {expected:.5f}; in yours it is {got:.5f}{ratio}."
            )


# p_sample


def _p_attempts(setting: Setting, judge: Callable[[Callable[[int, int], Any]], None]) -> list[Callable[[], None]]:
    return [functools.partial(judge, form) for _, form in FORMS]


def _p_step(setting: Setting, schedule: Schedule, draw: Draw, t: int, form: Callable[[int, int], Any]) -> Step:
    return measure_step(setting, schedule, draw, t, lambda d, x: d.call("p_sample", x, form(t, len(x))), "x_{t−1}")


def _some_timesteps(schedule: Schedule) -> tuple[int, ...]:
    last = schedule.num_timesteps - 1
    return (last, last // 2, 1, 0)


def p_sample_network(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        for t in _some_timesteps(schedule):
            expect_network_sees(_p_step(setting, schedule, draw, t, form), t, note, "p_sample")

    any_form(note, _p_attempts(setting, judge))


def p_sample_mean(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        steps = {t: _p_step(setting, schedule, draw, t, form) for t in _some_timesteps(schedule)}
        for t, step in steps.items():
            note(f"a at {t}", step.a, 2e-3)
            note(f"b at {t}", step.b, 2e-3)
        for t, step in steps.items():
            expect_coefficients(step, *schedule.p_coefficients(t), f"At t = {t}", "the mean of p_sample")
            offset = step.noise.mean()
            expect(
                abs(offset) < 6 * step.sigma / np.sqrt(step.noise.size) + 1e-3,
                f"At t = {t}, the mean of p_sample must depend on x_t and ε_θ only; yours is off by {offset:.4f}.",
            )

    any_form(note, _p_attempts(setting, judge))


def p_sample_noise(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()
    choices = {"β_t": np.sqrt(schedule.betas), "β̃_t": np.sqrt(schedule.posterior_variance)}

    def judge(form: Callable[[int, int], Any]) -> None:
        steps = {t: _p_step(setting, schedule, draw, t, form) for t in _some_timesteps(schedule)}
        for t, step in steps.items():
            note(f"σ at {t}", step.sigma, 0.04 * step.sigma + 1e-4)
        expect(
            steps[0].sigma < 1e-3,
            f"At t = 0, the last step, p_sample must add no noise; yours adds noise of standard deviation {steps[0].sigma:.4f}.",
        )
        faults = {name: _noise_fault(steps, sigmas) for name, sigmas in choices.items()}
        if all(faults.values()):
            nearest = min(faults, key=lambda name: abs(np.log(max(steps[1].sigma, 1e-9) / choices[name][1])))
            raise WrongAnswer(
                f"{faults[nearest]} (measured against σ_t² = {nearest}; the paper's other choice does not fit either)."
            )

    any_form(note, _p_attempts(setting, judge))


def _noise_fault(steps: dict[int, Step], sigmas: Floats) -> str | None:
    for t, step in steps.items():
        if t == 0:
            continue
        if step.sigma < 1e-3:
            return f"At t = {t} p_sample must add noise of standard deviation {sigmas[t]:.4f}; yours adds none"
        fault = standard_normal_fault(step.noise / sigmas[t])
        if fault:
            return f"At t = {t} the noise that p_sample adds must be normal with standard deviation {sigmas[t]:.4f}, but {fault}"
        if correlation(step.noise, step.other_noise)[1]:
            return f"At t = {t} p_sample must draw new noise at every call; yours used the same noise again"
    return None


def p_sample_rows(setting: Setting, draw: Draw, note: Note) -> None:
    """Rows of one batch at different t. Code that takes one t for the whole batch, and says so by raising, is right too."""
    schedule = draw.schedule()
    last = schedule.num_timesteps - 1
    rows = ROWS
    t = np.where(np.arange(rows) % 2 == 0, last, 1)
    t[-1] = 0
    shape = (rows, *setting.sample_shape)
    eps, x0 = draw.normal(*shape), draw.uniform(-2, 2, *shape)
    xt = schedule.q_sample(x0, t, eps)
    diffusion = setting.build(schedule, Network(lambda x, t: eps, mixed=lambda x, t: eps))
    setting.student.seed = draw.seed()
    try:
        answer = diffusion.call("p_sample", _f32(xt), t)
    except Raised:
        return
    got = expect_tensor(answer, shape, "x_{t−1}")
    for step_t in (last, 1):
        a, b = schedule.p_coefficients(step_t)
        chosen = t == step_t
        noise = (got - a * xt + b * eps)[chosen]
        note(f"σ of rows at {step_t}", noise.std(), 0.1 * noise.std() + 1e-4)
        expect(
            noise.std() > 0.3 * np.sqrt(schedule.posterior_variance[step_t]),
            f"In a batch whose rows are at different t, each row at t = {step_t} must get its noise, also where another row is at t = 0; yours got none.",
        )


# Loops


@dataclass
class StepRecorder:
    """Stands in for the student's own step: answers with the reference step and remembers the calls."""

    schedule: Schedule
    draw: Draw
    eps_theta: Callable[[Floats, int], Floats]
    variance: Floats
    calls: list[dict[str, Any]] = field(default_factory=list)

    def p_sample(self, xt: Any, t: Any) -> Any:
        x = self._x(xt)
        times = as_timesteps(t, len(x))
        now = self._index(times)
        a, b = self.schedule.p_coefficients(now)
        out = a * x - b * self.eps_theta(x, now) + (now > 0) * np.sqrt(self.variance[now]) * self.draw.normal(*x.shape)
        return self._keep(x, times[0], None, None, out)

    def ddim_p_sample(self, xt: Any, t: Any, t_prev: Any, eta: Any = 0.0) -> Any:
        x = self._x(xt)
        times, previous = as_timesteps(t, len(x)), as_timesteps(t_prev, len(x))
        strength = float(np.ravel(eta)[0]) if isinstance(eta, (int, float, np.ndarray)) and np.size(eta) else 0.0
        now, before = self._index(times), int(np.clip(previous[0], -1, self.schedule.num_timesteps - 1))
        a, b, sigma = self.schedule.ddim_coefficients(now, before, 0.0)
        return self._keep(x, times[0], float(previous[0]), strength, a * x - b * self.eps_theta(x, now) + sigma)

    def _x(self, xt: Any) -> Floats:
        if not isinstance(xt, np.ndarray) or xt.ndim < 1 or xt.dtype.kind != "f":
            raise GraderHangup(f"xt must be a floating-point tensor, and is {describe(xt)}")
        return xt.astype(np.float64)

    def _index(self, times: Floats) -> int:
        return int(np.clip(times[0], 0, self.schedule.num_timesteps - 1))

    def _keep(self, x: Floats, t: float, t_prev: float | None, eta: float | None, out: Floats) -> Any:
        answer = out.astype(np.float32)
        self.calls.append({"x": x, "t": float(t), "t_prev": t_prev, "eta": eta, "out": answer.astype(np.float64)})
        return answer


def expect_start(x: Floats, shape: tuple[int, ...], what: str) -> None:
    expect(x.shape == shape, f"{what} must start from noise of the shape asked for, {shape}; yours has {x.shape}.")
    fault = standard_normal_fault(x)
    expect(fault is None, f"{what} must start from x_T ~ N(0, I), but {fault}.")


def expect_countdown(times: list[float], num_timesteps: int, what: str) -> None:
    """t = T−1, …, 1, 0, each once."""
    expected = [float(t) for t in range(num_timesteps - 1, -1, -1)]
    if times == expected:
        return
    shown = _list(times)
    last = num_timesteps - 1
    if not times:
        problem = "yours took no step at all"
    elif sorted(times) == sorted(expected):
        problem = f"yours took them in another order: {shown}"
    elif len(times) != len(expected):
        problem = f"yours took {len(times)} steps: {shown}"
    else:
        problem = f"yours took {shown}"
    raise WrongAnswer(
        f"With T = {num_timesteps}, {what} must take the steps t = {last}, {last - 1}, …, 1, 0, {num_timesteps} in all; {problem}."
    )


def expect_chain(calls: list[dict[str, Any]], result: Floats, what: str) -> None:
    """Each step gets the result of the one before, and the last result is returned."""
    for previous, call in zip(calls, calls[1:]):
        if call["x"].shape != previous["out"].shape or abs(call["x"] - previous["out"]).max() > 1e-4:
            raise WrongAnswer(
                f"In {what}, the step at t = {call['t']:.0f} must get what the step before it returned; yours got something else."
            )
    if abs(result - calls[-1]["out"]).max() > 1e-4:
        raise WrongAnswer(
            f"{what} must return what its last step, at t = {calls[-1]['t']:.0f}, returned; yours returned something else."
        )


def p_sample_loop_steps(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()
    shape = (ROWS, *setting.sample_shape)
    oracle = _oracle(schedule, draw, setting.sample_shape)
    network = Network(oracle.eps_theta)
    diffusion = setting.build(schedule, network)
    recorder = StepRecorder(schedule, draw, oracle.eps_theta, schedule.betas)
    diffusion.set("p_sample", setting.student.function(recorder.p_sample))
    setting.student.seed = draw.seed()
    answer = diffusion.call("p_sample_loop", shape)
    calls = recorder.calls or [{"x": x, "t": t[0]} for x, t in network.calls]
    times = [call["t"] for call in calls]
    note("t", times, 0)
    note("number of steps", len(times), 0)
    if calls:
        note("x_T spread", calls[0]["x"].std(), 0.05)
    result = expect_tensor(answer, shape, "The result of p_sample_loop")
    expect_countdown(times, schedule.num_timesteps, "p_sample_loop")
    expect_start(calls[0]["x"], shape, "p_sample_loop")
    if recorder.calls:
        expect_chain(calls, result, "p_sample_loop")
        note("chain", 1, 0)
    else:
        _expect_ddpm_trajectory([call["x"] for call in calls] + [result], schedule, oracle, note)


def _expect_ddpm_trajectory(states: list[Floats], schedule: Schedule, oracle: GaussianOracle, note: Note) -> None:
    """For a loop that does not call p_sample: every transition must be a DDPM step, with fresh noise, for one of the two variances."""
    faults = []
    for variance in (schedule.betas, schedule.posterior_variance):
        fault, before = None, None
        for index, t in enumerate(range(schedule.num_timesteps - 1, -1, -1)):
            a, b = schedule.p_coefficients(t)
            rest = states[index + 1] - a * states[index] + b * oracle.eps_theta(states[index], t)
            if t == 0:
                fault = fault or (
                    f"at t = 0 noise of standard deviation {rest.std():.4f} is added and none must be"
                    if abs(rest).max() > 1e-3
                    else None
                )
                break
            problem = standard_normal_fault(rest / np.sqrt(variance[t]))
            if problem is None and before is not None and correlation(rest, before)[1]:
                problem = "it is the same as in the step before"
            before = rest
            fault = fault or (f"at t = {t} the noise of the step is not as it must be: {problem}" if problem else None)
        faults.append(fault)
    note("trajectory", float(all(faults)), 0)
    expect(not all(faults), f"p_sample_loop does its own steps, and {faults[0]}.")


def p_sample_loop_distribution(setting: Setting, draw: Draw, note: Note, carry: Carry) -> None:
    schedule = draw.schedule()
    shape = (ROWS, *setting.sample_shape)
    oracle = _oracle(schedule, draw, setting.sample_shape)
    diffusion = setting.build(schedule, Network(oracle.eps_theta))
    if carry.stands_in_for("p_sample"):
        recorder = StepRecorder(schedule, draw, oracle.eps_theta, schedule.betas)
        diffusion.set("p_sample", setting.student.function(recorder.p_sample))
    setting.student.seed = draw.seed()
    samples = expect_tensor(diffusion.call("p_sample_loop", shape), shape, "The result of p_sample_loop")
    note("mean", samples.mean(axis=0), 0.1)
    note("spread", samples.std(axis=0), 0.05)
    faults = []
    for variance in (schedule.betas, schedule.posterior_variance):
        steps = [
            (t, *schedule.p_coefficients(t), float(np.sqrt(variance[t])) * (t > 0))
            for t in reversed(range(schedule.num_timesteps))
        ]
        faults.append(moments_fault(samples, *oracle.sampled_moments(steps)))
    expect(
        None in faults,
        f"With the exact noise predictor of Gaussian data, p_sample_loop must give that Gaussian, but {faults[0]}.",
    )


def _oracle(schedule: Schedule, draw: Draw, sample_shape: tuple[int, ...]) -> GaussianOracle:
    return GaussianOracle(schedule, draw.uniform(-1, 1, *sample_shape), draw.uniform(0.3, 0.6, *sample_shape))


# ddim_p_sample


def _ddim_step(
    setting: Setting, schedule: Schedule, draw: Draw, t: int, t_prev: int, eta: float, form: Callable[[int, int], Any]
) -> Step:
    def take(diffusion: Handle, x: Floats) -> Any:
        return diffusion.call("ddim_p_sample", x, form(t, len(x)), form(t_prev, len(x)), eta)

    return measure_step(setting, schedule, draw, t, take, "x_{t_prev}")


def _ddim_pairs(schedule: Schedule) -> tuple[tuple[int, int], ...]:
    last = schedule.num_timesteps - 1
    return ((last, last - 3), (last // 2, 1), (3, 0))


def ddim_network(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        for t, t_prev in _ddim_pairs(schedule):
            expect_network_sees(_ddim_step(setting, schedule, draw, t, t_prev, 0.0, form), t, note, "ddim_p_sample")

    any_form(note, _p_attempts(setting, judge))


def ddim_deterministic(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        steps = {pair: _ddim_step(setting, schedule, draw, *pair, 0.0, form) for pair in _ddim_pairs(schedule)}
        _note_steps(note, steps)
        for (t, t_prev), step in steps.items():
            where = f"From t = {t} to t_prev = {t_prev} with η = 0"
            expect(
                step.sigma < 1e-3,
                f"{where}, ddim_p_sample must add no noise; yours adds noise of standard deviation {step.sigma:.4f}.",
            )
            a, b, _ = schedule.ddim_coefficients(t, t_prev, 0.0)
            expect_coefficients(step, a, b, where, "x_{t_prev}")
            expect(
                abs(step.noise.mean()) < 1e-3,
                f"{where}, x_{{t_prev}} must depend on x_t and ε_θ only; yours is off by {step.noise.mean():.4f}.",
            )

    any_form(note, _p_attempts(setting, judge))


def ddim_last_step(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        pairs = ((0, -1), (2, -3), (3, -1))
        steps = {
            (t, t_prev, eta): _ddim_step(setting, schedule, draw, t, t_prev, eta, form)
            for eta in (0.0, 1.0)
            for t, t_prev in pairs
        }
        _note_steps(note, steps)
        for (t, t_prev, eta), step in steps.items():
            where = f"From t = {t} to clean data (t_prev = {t_prev}) with η = {eta:g}"
            expect(
                step.sigma < 1e-3,
                f"{where}, ddim_p_sample must add no noise; yours adds noise of standard deviation {step.sigma:.4f}.",
            )
            a, b, _ = schedule.ddim_coefficients(t, t_prev, eta)
            expect_coefficients(step, a, b, where, "x_{t_prev}")

    any_form(note, _p_attempts(setting, judge))


def ddim_stochastic(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()
    etas = (round(float(draw.uniform(0.3, 0.7)), 3), 1.0)

    def judge(form: Callable[[int, int], Any]) -> None:
        steps = {
            (*pair, eta): _ddim_step(setting, schedule, draw, *pair, eta, form)
            for eta in etas
            for pair in _ddim_pairs(schedule)
        }
        _note_steps(note, steps)
        for (t, t_prev, eta), step in steps.items():
            where = f"From t = {t} to t_prev = {t_prev} with η = {eta:g}"
            a, b, sigma = schedule.ddim_coefficients(t, t_prev, eta)
            if step.sigma < 1e-3:
                raise WrongAnswer(
                    f"{where}, ddim_p_sample must add noise of standard deviation {sigma:.4f}; yours adds none."
                )
            fault = standard_normal_fault(step.noise / sigma)
            expect(
                fault is None,
                f"{where}, the noise that ddim_p_sample adds must be normal with standard deviation {sigma:.4f}, but {fault}.",
            )
            expect(
                not correlation(step.noise, step.other_noise)[1],
                f"{where}, ddim_p_sample must draw new noise at every call; yours used the same noise again.",
            )
            expect_coefficients(step, a, b, where, "the mean of x_{t_prev}")

    any_form(note, _p_attempts(setting, judge))


def _note_steps(note: Note, steps: dict[Any, Step]) -> None:
    for key, step in steps.items():
        name = ", ".join(f"{item:g}" for item in key)
        note(f"a at {name}", step.a, 2e-3)
        note(f"b at {name}", step.b, 2e-3)
        note(f"σ at {name}", step.sigma, 0.05 * step.sigma + 1e-4)


# ddim_p_sample_loop


def ddim_loop_steps(setting: Setting, draw: Draw, note: Note) -> None:
    for num_timesteps, count, eta in ((20, 5, 0.0), (23, 5, round(float(draw.uniform(0.3, 0.9)), 3)), (17, 4, 0.0)):
        _ddim_loop(setting, draw, note, draw.schedule(num_timesteps), count, eta)


def _ddim_loop(setting: Setting, draw: Draw, note: Note, schedule: Schedule, count: int, eta: float) -> None:
    shape = (ROWS, *setting.sample_shape)
    oracle = _oracle(schedule, draw, setting.sample_shape)
    network = Network(oracle.eps_theta)
    diffusion = setting.build(schedule, network)
    recorder = StepRecorder(schedule, draw, oracle.eps_theta, schedule.betas)
    diffusion.set("ddim_p_sample", setting.student.function(recorder.ddim_p_sample))
    setting.student.seed = draw.seed()
    what = f"ddim_p_sample_loop with T = {schedule.num_timesteps} and {count} steps"
    answer = diffusion.call("ddim_p_sample_loop", shape, num_inference_timesteps=count, eta=eta)
    calls = recorder.calls or [{"x": x, "t": t[0], "t_prev": None, "eta": None} for x, t in network.calls]
    times = [call["t"] for call in calls]
    name = f"T = {schedule.num_timesteps}"
    note(f"t, {name}", times, 0)
    note(f"number of steps, {name}", len(times), 0)
    if calls:
        note(f"x_T spread, {name}", calls[0]["x"].std(), 0.05)
    if recorder.calls:
        note(f"t_prev, {name}", [call["t_prev"] for call in calls], 0)
        note(f"η, {name}", [call["eta"] for call in calls], 1e-6)
    result = expect_tensor(answer, shape, "The result of ddim_p_sample_loop")
    note(f"result spread, {name}", result.std(), 0.05)
    expect(calls, f"{what} must take {count} steps; yours took none.")
    expect(len(times) == count, f"{what} must take {count} steps; yours took {len(times)}, at t = {_list(times)}.")
    _expect_spread_out(times, schedule.num_timesteps, count, what)
    expect_start(calls[0]["x"], shape, "ddim_p_sample_loop")
    if recorder.calls:
        for call, following in zip(calls, calls[1:]):
            expect(
                call["t_prev"] == following["t"],
                f"In {what}, the step at t = {call['t']:.0f} must aim at the next t, {following['t']:.0f}; yours aims at t_prev = {call['t_prev']:.0f}.",
            )
        expect(
            calls[-1]["t_prev"] < 0,
            f"In {what}, the last step must aim at clean data (t_prev < 0); yours aims at t_prev = {calls[-1]['t_prev']:.0f}.",
        )
        for call in calls:
            expect(
                abs(call["eta"] - eta) < 1e-6,
                f"Called with eta = {eta:g}, ddim_p_sample_loop must pass it on to every step; yours passes {call['eta']:g}.",
            )
        expect_chain(calls, result, "ddim_p_sample_loop")
        note("chain", 1, 0)
        return
    states = [call["x"] for call in calls] + [result]
    for index, (t, t_prev) in enumerate(zip(times, [*times[1:], -1])):
        a, b, sigma = schedule.ddim_coefficients(int(t), int(t_prev), eta)
        rest = states[index + 1] - a * states[index] + b * oracle.eps_theta(states[index], int(t))
        where = f"In {what} and η = {eta:g}, the step from t = {t:.0f} to {t_prev:.0f}"
        if sigma < 1e-6:
            expect(abs(rest).max() < 2e-3, f"{where} is not a DDIM step (off by up to {abs(rest).max():.4f}).")
        else:
            fault = standard_normal_fault(rest / sigma)
            expect(fault is None, f"{where} must add noise of standard deviation {sigma:.4f}, but {fault}.")


def _expect_spread_out(times: list[float], num_timesteps: int, count: int, what: str) -> None:
    """Any sequence that descends, stays in range, begins near T − 1, ends near 0, and has no large gap is right."""
    shown = _list(times)
    expect(
        all(t == round(t) and 0 <= t < num_timesteps for t in times),
        f"{what} must use integer t in 0 … {num_timesteps - 1}; yours used {shown}.",
    )
    gaps = [earlier - later for earlier, later in zip(times, times[1:])]
    expect(all(gap > 0 for gap in gaps), f"{what} must go from large t to small t; yours went {shown}.")
    stride = num_timesteps // count
    reach = num_timesteps - 1 - stride * count
    expect(
        times[0] >= num_timesteps - 1 - stride - max(reach, 0) - stride // 2,
        f"{what} must begin close to T − 1; yours began at t = {times[0]:.0f}.",
    )
    expect(times[-1] < stride, f"{what} must end close to t = 0; yours ended at t = {times[-1]:.0f}.")
    expect(all(gap <= 2 * stride for gap in gaps), f"{what} must spread its steps evenly; yours went {shown}.")


# compute_loss


@dataclass(frozen=True)
class LossRun:
    """One call of compute_loss, with all that the network saw."""

    loss: Handle
    diffusion: Handle
    x0: Floats
    eps_hat: Floats
    xt: Floats
    t: Floats
    schedule: Schedule

    @property
    def noise(self) -> Floats:
        return self.schedule.noise_in(
            self.xt, self.x0, np.clip(self.t, 0, self.schedule.num_timesteps - 1).astype(np.int64)
        )


def _run_loss(setting: Setting, draw: Draw, shape: tuple[int, ...], own_q_sample: bool, note: Note) -> LossRun:
    schedule = draw.schedule()
    x0, eps_hat = draw.uniform(-2, 2, *shape), draw.normal(*shape)
    network = Network(lambda x, t: eps_hat, mixed=lambda x, t: eps_hat)
    diffusion = setting.build(schedule, network)
    if not own_q_sample:

        def q_sample(x0: Any, t: Any, noise: Any = None) -> Any:
            if not isinstance(x0, np.ndarray) or not (noise is None or isinstance(noise, np.ndarray)):
                raise GraderHangup("q_sample takes x0, t and noise")
            times = as_timesteps(t, len(x0))
            if times.min() < 0 or times.max() > schedule.num_timesteps - 1:
                raise GraderHangup(
                    f"t reaches from {times.min():g} to {times.max():g} and must stay in 0 … {schedule.num_timesteps - 1}"
                )
            noise = draw.normal(*x0.shape) if noise is None else noise.astype(np.float64)
            return schedule.q_sample(x0.astype(np.float64), times.astype(np.int64), noise).astype(np.float32)

        diffusion.set("q_sample", setting.student.function(q_sample))
    setting.student.seed = draw.seed()
    loss = diffusion.new("compute_loss", _f32(x0))
    note("network calls", len(network.calls), 0)
    expect(network.calls, "compute_loss must call self.network(xt, t) to predict the noise; yours never called it.")
    expect(
        len(network.calls) == 1, f"compute_loss must call the network once; yours called it {len(network.calls)} times."
    )
    xt, t = network.calls[0]
    expect(
        xt.shape == shape, f"compute_loss must give the network x_t, of shape {shape}; yours gave it shape {xt.shape}."
    )
    return LossRun(loss, diffusion, x0, eps_hat, xt, t, schedule)


def _either_q_sample(note: Note, judge: Callable[[bool], None]) -> None:
    any_form(note, [lambda: judge(False), lambda: judge(True)])


def _loss_value(run: LossRun, note: Note) -> float:
    value = run.loss.get("")
    if isinstance(value, np.ndarray):
        note("loss", value, 1e-3)
    expect(
        isinstance(value, np.ndarray),
        f"compute_loss must return a tensor with one number; yours returned {describe(value)}.",
    )
    expect(
        value.size == 1,
        f"compute_loss must return one number, the mean over everything; yours returned {describe(value)}.",
    )
    expect(np.isfinite(value).all(), "compute_loss must return a finite number; yours returned NaN or infinity.")
    return float(value.ravel()[0])


def loss_value(setting: Setting, draw: Draw, note: Note, shape: tuple[int, ...] | None = None) -> None:
    shape = shape or (256, *setting.sample_shape)

    def judge(own_q_sample: bool) -> None:
        run = _run_loss(setting, draw, shape, own_q_sample, note)
        value = _loss_value(run, note)
        expected = float(((run.noise - run.eps_hat) ** 2).mean())
        note("loss ratio", value / expected, 5e-3)
        note("against x0", value / ((run.x0 - run.eps_hat) ** 2).mean(), 5e-3)
        if abs(value - expected) > 1e-3 * expected:
            raise WrongAnswer(
                f"The loss must be the mean of (ε − ε_θ)² with the ε that is inside the x_t given to the network, {expected:.5f}; "
                f"yours is {value:.5f}, {value / expected:.4g} times as much."
            )

    _either_q_sample(note, judge)


def loss_noise(setting: Setting, draw: Draw, note: Note) -> None:
    def judge(own_q_sample: bool) -> None:
        run = _run_loss(setting, draw, (ROWS, *setting.sample_shape), own_q_sample, note)
        note("ε spread", run.noise.std(), 0.05)
        fault = standard_normal_fault(run.noise)
        expect(
            fault is None,
            f"The x_t given to the network must be √ᾱ_t x_0 + √(1 − ᾱ_t) ε with standard normal ε, but of that ε {fault}.",
        )

    _either_q_sample(note, judge)


def loss_timesteps(setting: Setting, draw: Draw, note: Note) -> None:
    def judge(own_q_sample: bool) -> None:
        run = _run_loss(setting, draw, (ROWS, *setting.sample_shape), own_q_sample, note)
        note("range of t", (run.t.min(), run.t.max() - run.schedule.num_timesteps), 0)
        note("kinds of t", min(len(np.unique(run.t)), run.schedule.num_timesteps + 1), 0)
        fault = uniform_integers_fault(run.t, run.schedule.num_timesteps)
        expect(
            fault is None,
            f"With T = {run.schedule.num_timesteps}, t must be drawn for each row, uniformly from 0 … {run.schedule.num_timesteps - 1}, but {fault}.",
        )

    _either_q_sample(note, judge)


def loss_gradient(setting: Setting, draw: Draw, note: Note) -> None:
    def judge(own_q_sample: bool) -> None:
        run = _run_loss(setting, draw, (256, *setting.sample_shape), own_q_sample, note)
        value = _loss_value(run, Note())
        try:
            run.loss.call("backward")
        except Raised as error:
            note("backward", 0, 0)
            if "grad" not in error.text:
                raise
            raise WrongAnswer("The loss must carry a gradient back to the network; yours is cut off from it.") from None
        gradient = run.diffusion.get("network.scale.grad")
        expect(
            isinstance(gradient, np.ndarray), "The loss must carry a gradient back to the network; yours gives it none."
        )
        got = float(gradient.ravel()[0])
        # With d = ε_θ − ε and ε_θ scaled by s: loss(s) = c mean((s ε_θ − ε)²), so d loss / d s at 1 is 2 c mean(d ε_θ) for the c the loss has.
        difference = run.eps_hat - run.noise
        expected = 2 * float((difference * run.eps_hat).mean()) * value / float((difference**2).mean())
        note("gradient ratio", got / expected if expected else 0.0, 5e-3)
        expect(
            got != 0 or abs(expected) < 1e-6, "The loss must carry a gradient back to the network; yours gives it zero."
        )

    _either_q_sample(note, judge)


def _f32(x: Floats) -> Any:
    return x.astype(np.float32)


def _list(times: list[float]) -> str:
    shown = [f"{t:g}" for t in times]
    return ", ".join(shown if len(shown) <= 12 else [*shown[:5], "…", *shown[-5:]])
