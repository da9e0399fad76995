"""Judgements of a sampler whose steps stand inside its loop (DDPM, Alg. 2): it is run around a network that the grader answers.

Between two calls of the network x_{t−1} = a x_t − b ε + σ z. Two runs with equal random numbers and other answers differ by
a Δx_t − b Δε, so a and b are known to rounding at every t, and what remains is the noise. The answers are ε = (x_t − √ᾱ_t x_0)/√(1 − ᾱ_t) for
fields x_0 well within the range of the data, fresh at every step, so that a clamp of the estimate of x_0, or of the result, does no harm. Code
whose noise no seed reaches is answered by ε that is STRONG times as large as noise, beside which its own is small.

Whether the network is told t does not matter: the k-th call is that at the k-th of the times, last … first. Error rates: every statistic
has ALPHA divided by the number of steps.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.ddpm_loop import expect_countdown
from autograder.judges.expectations import expect_float32_inputs, expect_fresh_start, expect_start
from autograder.judges.interface import Interface
from autograder.judges.labels import expect_labels
from autograder.judges.network import Call, Network
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import ALPHA, correlation, standard_normal_fault, variance_limits, z_limit
from autograder.oracles.tolerance import between, near

NUMBERS, IN_ALL = (
    8192,
    1 << 21,
)  # of a state and of one run, which are kept: σ_t is known to 6 % at every t, to 0.3 % over 400 steps
ROWS_TO_START, ALL_TO_START = 4096, 1 << 22
ROUNDING = 1e-4  # of what is left of the difference of two runs, relative to the states
NO_NOISE = 1e-3  # relative to the largest σ_t
STRONG = 30.0
WITHIN = 0.9  # of the range of the data: the result may hold a little of the noise that is in x_1
HALF_UNIT = 6e-8  # of float32 at 1: what the tables of a right solution lose in 1 − ᾱ_t and in β_t = 1 − α_t


@dataclass
class Run:
    """The states x_T, …, x_1 that the network was given and the result, and what it answered."""

    schedule: Schedule
    draw: Draw
    within: tuple[float, float]  # of x_0
    strong: bool = False
    fields: list[Floats] = field(
        default_factory=list
    )  # x_0, or ε where it is strong, for each step; kept to be given again
    answers: list[Floats] = field(default_factory=list)
    states: list[Floats] = field(default_factory=list)

    def answer(self, call: Call) -> Floats:
        """The ε of the next step. A call that is repeated gets another, which the loop's result then shows."""
        step = len(self.answers)
        if step == len(self.fields):
            strong = STRONG * self.draw.normal(*call.x.shape) if self.strong else None
            self.fields.append(self.draw.uniform(*self.within, *call.x.shape) if strong is None else strong)
        alpha_bar = self.schedule.alphas_cumprod[max(self.schedule.last - step, self.schedule.first)]
        given = self.fields[step]
        eps = given if self.strong else (call.x - np.sqrt(alpha_bar) * given) / np.sqrt(1 - alpha_bar)
        self.answers.append(eps.astype(np.float32).astype(np.float64))
        return self.answers[-1]


@dataclass(frozen=True)
class Steps:
    """What every step does, by position; 0 is that at the last t. `error`: that a may have by chance where it is not known to rounding."""

    schedule: Schedule
    a: Floats
    b: Floats
    error: Floats
    noise: list[Floats]
    other_noise: list[Floats]  # with another seed
    bend: float  # how far the steps are from a x_t − b ε + noise with the same a and b everywhere
    start: Floats

    @cached_property
    def sigma(self) -> Floats:
        """The standard deviation of each step's noise, also of one that is a single number for all of x_t."""
        between = [noise.mean() - other.mean() for noise, other in zip(self.noise, self.other_noise)]
        return np.sqrt([noise.var() + offset**2 / 2 for noise, offset in zip(self.noise, between)])


def _shape(course: Interface, schedule: Schedule, draw: Draw) -> tuple[int, ...]:
    numbers = min(NUMBERS, IN_ALL // schedule.num_timesteps)
    return course.shape_of_samples(max(numbers // int(np.prod(course.sample_shape)), 64), draw)


def well_within(course: Interface) -> tuple[float, float]:
    low, high = course.data_range
    margin = (1 - WITHIN) * (high - low) / 2
    return low + margin, high - margin


def _run(course: Interface, run: Run, seed: int | None, note: Note, shape: tuple[int, ...]) -> None:
    """Fills the states of `run`. Raises WrongAnswer unless the loop takes its steps, with the labels, and returns a tensor of the shape."""
    schedule, loop = run.schedule, course.names.p_sample_loop
    network = course.answered(run.answer, **course.calls_of(schedule))
    model, labels = course.build(schedule, network), course.labels_of_samples(run.draw, shape[0])
    course.student.seed = seed
    answer = course.p_sample_loop(model, shape, labels)
    course.student.seed = None
    _note_number_of_calls(network, note)
    note("kind of result", answer.ndim if isinstance(answer, np.ndarray) else -1, 0)
    expect(network.calls, f"{loop} must call {course.names.network} in every step; yours never called it.")
    if course.network_is_told_t:
        times = [course.row_of(schedule, call.t[0]) for call in network.calls]
        note("t", times, 0)
        expect_countdown(times, schedule, loop)
    _expect_one_call_a_step(network, schedule, loop, course.names.network)
    expect_labels(course, network.calls, labels, loop, note, course.names.labels_of_samples)
    for call in network.calls:
        message = (
            f"Every x_t that {loop} gives the network must have the shape asked for, {shape}; one has {call.x.shape}."
        )
        expect(call.x.shape == shape, message)
    run.states = [*(call.x for call in network.calls), expect_tensor(answer, shape, f"The result of {loop}")]


def _note_number_of_calls(network: Network, note: Note) -> None:
    """Equal calls in a row are one step; where all are equal, x stays what it was."""
    note("number of steps", len(network.calls), 0)
    note("calls of the network", len(network.dtypes), 0)


def _expect_one_call_a_step(network: Network, schedule: Schedule, loop: str, called: str) -> None:
    count, steps = len(network.calls), schedule.num_timesteps
    expect(
        count == steps,
        f"{loop} must take the {steps} steps t = {schedule.last}, …, {schedule.first}, and ask {called} at each; "
        f"yours did so {count} times.",
    )


def judge_steps(course: Interface, draw: Draw, note: Note) -> None:
    """The loop starts from noise of its own, new at every call and of any size, takes all steps, with the labels, and returns what has the
    shape asked for.
    """
    schedule, loop = course.schedule(draw), course.names.p_sample_loop
    note.inputs["schedule"] = schedule
    rows = ALL_TO_START // (schedule.num_timesteps * int(np.prod(course.sample_shape)))
    rows = min(ROWS_TO_START, max(rows, 64))
    starts = []
    for seed, shape in (
        (draw.seed(), course.shape_of_samples(rows, draw)),
        (None, course.wider.shape_of_samples(rows // 2 + 1, draw)),
    ):
        states: list[Floats] = []
        network = course.answered(_first_of(states), **course.calls_of(schedule))
        model, labels = course.build(schedule, network), course.labels_of_samples(draw, shape[0])
        course.student.seed = seed
        answer = course.p_sample_loop(model, shape, labels)
        course.student.seed = None  # else what is built next would begin with it
        if seed is not None:
            _note_calls(course, schedule, network, answer, states, note)
        expect(states, f"{loop} must call {course.names.network} in every step; yours never called it.")
        if course.network_is_told_t:
            expect_countdown([course.row_of(schedule, call.t[0]) for call in network.calls], schedule, loop)
        _expect_one_call_a_step(network, schedule, loop, course.names.network)
        expect_labels(course, network.calls, labels, loop, note, course.names.labels_of_samples)
        expect_start(states[0], shape, loop)
        expect_float32_inputs(network, note, loop)
        expect_tensor(answer, shape, f"The result of {loop}")
        starts.append(states[0])
    expect_fresh_start(starts[0], starts[1], note, loop)


def _first_of(states: list[Floats]) -> Callable[[Call], Floats]:
    """Answers 0, and keeps the first state."""

    def answer(call: Call) -> Floats:
        if not states:
            states.append(call.x)
        return np.zeros_like(call.x)

    return answer


def _note_calls(
    course: Interface, schedule: Schedule, network: Network, answer: object, states: list[Floats], note: Note
) -> None:
    _note_number_of_calls(network, note)
    if course.network_is_told_t:
        note("t", [course.row_of(schedule, call.t[0]) for call in network.calls], 0)
    note.measured_work(len(network.dtypes) > schedule.num_timesteps / 2)
    note("kind of result", answer.ndim if isinstance(answer, np.ndarray) else -1, 0)
    if states:
        note("x_T spread", states[0].std(), 0.05)


def measure(course: Interface, schedule: Schedule, draw: Draw, note: Note) -> Steps:
    """a, b and the noise of every step, from two runs with one seed and a third with another."""
    shape, seeds = _shape(course, schedule, draw), (draw.seed(), draw.seed())
    within = well_within(course)
    runs = [Run(schedule, draw, within) for _ in range(3)]
    for run, seed in zip(runs, (seeds[0], seeds[0], seeds[1])):
        _run(course, run, seed, note, shape)
    if np.array_equal(runs[0].states[0], runs[1].states[0]):
        a, b, rest = _fit(runs[0], runs[1])
        if near(rest, 0, ROUNDING):
            return _steps(runs, a, b, bend=0.0)
        again = Run(schedule, draw, within, fields=runs[0].fields)
        _run(course, again, seeds[0], note, shape)
        if near(again.states[-1], runs[0].states[-1], 1e-5 * (1 + abs(again.states[-1]).max())):
            return _steps(runs, a, b, bend=float(np.max(rest)))
    strong = [Run(schedule, draw, within, strong=True) for _ in range(2)]
    for run, seed in zip(strong, seeds):
        _run(course, run, seed, note, shape)
    return _steps(strong, *_fit(*strong)[:2], bend=0.0)


def _fit(one: Run, other: Run) -> tuple[Floats, Floats, Floats]:
    """a, b, and what is left of each difference, relative to the states. The first step tells a only where the runs begin at other states."""
    found = []
    for k, answer in enumerate(one.answers):
        before, after = (one.states[i] - other.states[i] for i in (k, k + 1))
        design = np.stack([before.ravel(), -(answer - other.answers[k]).ravel()], axis=1)
        used = design if before.any() else design[:, 1:]
        (*some_a, b), *_ = np.linalg.lstsq(used, after.ravel(), rcond=None)
        left = (after.ravel() - used @ [*some_a, b]).std() / (1 + abs(one.states[k]).max())
        found.append((some_a[0] if some_a else np.nan, b, left))
    a, b, rest = np.array(found).T
    return a, b, rest


def _steps(runs: list[Run], a: Floats, b: Floats, bend: float) -> Steps:
    """Where a of a step is not known, it is fitted to one run, to a standard error."""
    first, last, standard_errors = runs[0], runs[-1], z_limit(ALPHA / len(a))
    error = np.zeros(len(a))
    a = a.copy()
    for k in map(int, np.flatnonzero(np.isnan(a))):
        x, rest = first.states[k].ravel(), (first.states[k + 1] + b[k] * first.answers[k]).ravel()
        right = first.schedule.p_coefficients(first.schedule.last - k)[0]
        if not x.any():
            a[k] = right  # of 0, as of nothing else
            continue
        a[k] = (x @ rest) / (x @ x)
        error[k] = standard_errors * (rest - a[k] * x).std() / np.sqrt(x @ x)
        a[k] = right if near(a[k], right, error[k]) else a[k]
    noise, other = (
        [run.states[k + 1] - a[k] * run.states[k] + b[k] * run.answers[k] for k in range(len(a))]
        for run in (first, last)
    )
    if first.strong:  # a and b come from runs with noise
        sizes = [np.sqrt(min((x**2).sum(), (eps**2).sum())) for x, eps in zip(first.states, first.answers)]
        error = standard_errors * np.array([rest.std() / size for rest, size in zip(noise, sizes)])
    return Steps(first.schedule, a, b, error, noise, other, bend, first.states[0])


def _told(schedule: Schedule) -> list[int]:
    """Times whose numbers are kept as evidence, and for a diagnosis: both ends, what is next to them, and between."""
    first, last = schedule.first, schedule.last
    return sorted(
        {last, last - 1, (first + 3 * last) // 4, (first + last) // 2, (3 * first + last) // 4, first + 1, first},
        reverse=True,
    )


def judge_mean(course: Interface, draw: Draw, note: Note) -> None:
    """The mean of every step is a x_t − b ε_θ with the a and b of DDPM, Eq. 11."""
    steps = _measured(course, draw, note)
    _note_mean(steps, note)
    _expect_mean(steps, course.names.p_sample_loop)


def judge_noise(course: Interface, draw: Draw, note: Note) -> None:
    """Every step but the last adds fresh normal noise of variance β_t, or else β̃_t; the last adds none (DDPM, Alg. 2 and Sec. 3.2)."""
    steps = _measured(course, draw, note)
    _note_noise(steps, note)
    _expect_noise(steps, course.names.p_sample_loop)


def judge_mean_and_noise(course: Interface, draw: Draw, note: Note) -> None:
    """Both, of the same runs."""
    steps = _measured(course, draw, note)
    _note_mean(steps, note)
    _note_noise(steps, note)
    _expect_mean(steps, course.names.p_sample_loop)
    _expect_noise(steps, course.names.p_sample_loop)


def _measured(course: Interface, draw: Draw, note: Note) -> Steps:
    schedule = course.schedule(draw)
    note.inputs["schedule"] = schedule
    steps = measure(course, schedule, draw, note)
    note.measured_work(True)
    return steps


def _note_mean(steps: Steps, note: Note) -> None:
    for t in _told(steps.schedule):
        k = steps.schedule.last - t
        note(f"a at {t}", steps.a[k], 1e-4 + steps.error[k])
        note(f"b at {t}", steps.b[k], 1e-6 + 2e-3 * abs(steps.b[k]) + steps.error[k])


def _expect_mean(steps: Steps, loop: str) -> None:
    _expect_no_bend(steps, loop)
    schedule = steps.schedule
    for k, t in enumerate(reversed(schedule.times)):
        _expect_coefficients(schedule, steps, k, t, loop)
        noise, sigma = steps.noise[k], steps.noise[k].std()
        limit = z_limit(ALPHA / schedule.num_timesteps) * sigma / np.sqrt(noise.size) + ROUNDING
        offset, again = noise.mean(), steps.other_noise[k].mean()
        drawn_anew = not near(offset, again, 2 * limit) or (sigma > limit and _same_for_all(noise - offset, sigma))
        expect(
            near(offset, 0, limit) or drawn_anew,  # what is drawn anew is noise, and the business of its check
            f"At t = {t}, the mean of the step in {loop} must depend on x_t and ε_θ only; yours is off by {offset:.4f}.",
        )


def _expect_no_bend(steps: Steps, loop: str) -> None:
    """Noise on a step that bends x_t is not measured: its judgement says the same."""
    if not near(steps.bend, 0, 1e-3):
        raise WrongAnswer(
            f"In every step of {loop}, the mean must be x_t and ε_θ, each times one number, and is not: with the same noise, yours is not any "
            "such sum. Look for what is clamped, rounded or normalised."
        )


def _expect_coefficients(schedule: Schedule, steps: Steps, k: int, t: int, loop: str) -> None:
    right = schedule.p_coefficients(t)
    lost = 7 * HALF_UNIT / (1 - schedule.alphas_cumprod[t]), 4 * HALF_UNIT / schedule.betas[t]
    allowed = (1e-4 + lost[0], 2e-6 + (1e-3 + sum(lost)) * right[1])
    for mine, expected, within, symbol in zip((steps.a[k], steps.b[k]), right, allowed, ("x_t", "−ε_θ")):
        if not near(mine, expected, within + steps.error[k]):
            raise WrongAnswer(
                f"At t = {t}, the mean of the step in {loop} must hold {symbol} times {expected:.5f}; in yours it is {mine:.5f}, "
                f"{mine / expected:.4g} times as much."
            )


def _note_noise(steps: Steps, note: Note) -> None:
    schedule, sigma = steps.schedule, steps.sigma
    for t in _told(schedule):
        k = schedule.last - t
        note(f"σ at {t}", sigma[k], 0.04 * sigma[k] + 1e-4)
    shares = [sigma[k] ** 2 / schedule.betas[schedule.last - k] for k in range(len(sigma) - 1)]
    note("σ over √β", np.sqrt(np.mean(shares)), 0.004)


def _expect_noise(steps: Steps, loop: str) -> None:
    _expect_no_bend(steps, loop)
    schedule, sigma = steps.schedule, steps.sigma
    choices = {"β_t": np.sqrt(schedule.betas), "β̃_t": np.sqrt(schedule.posterior_variance)}
    first, none = schedule.first, NO_NOISE * choices["β_t"].max() + max(steps.error[-1], 0)
    if not near(sigma[-1], 0, none):
        raise WrongAnswer(
            f"At t = {first}, the last step, {loop} must add no noise; yours adds noise of standard deviation {sigma[-1]:.4f}."
        )
    faults = {name: _noise_fault(schedule, steps, sigmas, loop) for name, sigmas in choices.items()}
    if all(faults.values()):
        noisy = [k for k in range(len(sigma) - 1) if sigma[k] > none]
        far = {name: [abs(np.log(sigma[k] / s[schedule.last - k])) for k in noisy] for name, s in choices.items()}
        nearest = min(choices, key=lambda name: np.median(far[name])) if noisy else "β_t"
        raise WrongAnswer(
            f"{faults[nearest]} (measured against σ_t² = {nearest}; the paper's other choice does not fit either)."
        )


def _same_for_all(noise: Floats, sigma: float) -> str | None:
    """Noise that is drawn once for all rows, or once for all numbers of a row, up to rounding."""
    rows = noise.reshape(len(noise), -1)
    if len(rows) > 1 and np.ptp(rows, axis=0).max() < 1e-3 * sigma:
        return "every row of the batch gets the same numbers"
    return "every coordinate gets the same number" if np.ptp(rows, axis=1).max() < 1e-3 * sigma else None


def _noise_fault(schedule: Schedule, steps: Steps, sigmas: Floats, loop: str) -> str | None:
    alpha, total, count = ALPHA / schedule.num_timesteps, 0.0, 0
    for k, t in enumerate(reversed(schedule.times[1:])):
        offset = (steps.noise[k].mean() + steps.other_noise[k].mean()) / 2  # is the business of the mean
        z = (steps.noise[k] - offset) / sigmas[t]
        if near(steps.sigma[k], 0, 0.01 * sigmas[t]):
            return f"At t = {t} {loop} must add noise of standard deviation {sigmas[t]:.4f}; yours adds none"
        if fault := _same_for_all(z, 1.0) or standard_normal_fault(z, alpha):
            return f"At t = {t} the noise that {loop} adds must be normal with standard deviation {sigmas[t]:.4f}, but {fault}"
        if correlation(steps.noise[k], steps.other_noise[k], alpha)[1]:
            return f"At t = {t} {loop} must draw new noise at every call; yours used the same noise again"
        if k and correlation(steps.noise[k], steps.noise[k - 1], alpha)[1]:
            return f"The noise of the step at t = {t} is not fresh: it is that of the step before"
        total, count = total + float((z**2).sum()), count + z.size
    if not between(total / count, *variance_limits(count, ALPHA)):
        ratio = np.sqrt(total / count)
        return f"Over all steps, the noise that {loop} adds must have the standard deviation σ_t; yours has {ratio:.4f} times as much"
    return None
