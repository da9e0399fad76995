"""Judgements of a sampler that does its own steps around a network that is not told t (DDPM, Alg. 2 and Eq. 11).

The network's calls are the states x_T, …, x_1. Two runs with equal random numbers and other answers of the network differ, in every step
x_{t−1} = a x_t − b ε_θ + σ z, by a Δx_t − b Δε_θ: so a and b are known to rounding for every t, and what remains is the noise.
"""

from dataclasses import dataclass

import numpy as np

from autograder.assignments.minimal_diffusion.interface import CLASSES, Durham, Network
from autograder.assignments.minimal_diffusion.loss import OWN_GENERATOR, expect_labels
from autograder.grading.checks import Floats, Held, Note, WrongAnswer, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.oracles.statistics import correlation, standard_normal_fault, variance_limits
from autograder.oracles.tolerance import between, near

ROWS, SIZE = 48, (3, 4, 4)
NO_NOISE = 1e-4
NEAR_A = 5e-6  # float32 tables are off by 1e-7, and those of neighbouring t by 2e-5


def near_b(b: Floats) -> Floats:
    """How far b may be off: 1 − ᾱ_t of a float32 table loses 2e-4 at t = 1. Neighbouring t differ by 3e-3 and more."""
    return 2e-6 + 1e-3 * b


@dataclass(frozen=True)
class Steps:
    """A run, by position: 0 is the first step, of t = T. `a`, `b`: (T,); `noise`: (T, rows, …), what the steps add beside a x_t − b ε_θ."""

    states: list[Floats]  # x_T, …, x_1, and the result
    a: Floats
    b: Floats
    noise: Floats


Run = tuple[list[Floats], list[Floats]]  # the states, and the network's answers


def _run(course: Durham, draw: Draw, note: Note, seed: int | None, rows: int = ROWS, size: tuple[int, ...] = SIZE) -> Run:
    """The states and the network's answers of one call of `sample`, which has been found to take T steps."""
    answers: list[Floats] = []

    def answer(number: int, x: Floats) -> Floats:
        while len(answers) <= number:
            answers.append(draw.normal(*x.shape))
        return answers[number]

    network = Network(answer)
    model = course.build(network)
    course.student.seed = seed
    result = course.sample(model, rows, size)
    course.student.seed = None
    shape = (rows, *size)
    note("number of steps", len(network.x), 0)
    note("kind of result", result.ndim if isinstance(result, np.ndarray) else -1, 0)
    expect(network.x, "DDPM.sample must ask the network for the noise at every step; yours never called it.")
    start = network.x[0]
    expect(start.shape == shape, f"DDPM.sample must start from noise of shape (n_sample, *size) = {shape}; yours has {start.shape}.")
    T = course.T
    if len(network.x) != T:
        wanted = f"DDPM.sample must take {T} steps, t = {T}, …, 1, and call the network once in each"
        raise WrongAnswer(f"{course.says}{wanted}; yours called it {len(network.x)} times.")
    if course.has_labels:
        expect_labels(network.beside[0], np.arange(rows) % CLASSES, "DDPM.sample", note)
    for x in network.x:
        expect(x.shape == shape, f"Every x_t that DDPM.sample gives the network must have shape {shape}; one has {x.shape}.")
    return [*network.x, expect_tensor(result, shape, "The result of DDPM.sample")], answers


def measure(course: Durham, draw: Draw, note: Note) -> Steps:
    seed = draw.seed()
    states, answers = _run(course, draw, note, seed)
    others, other_answers = _run(course, draw, note, seed)
    if not np.array_equal(states[0], others[0]):
        raise Held(OWN_GENERATOR)
    T = course.T
    a, b, noise = np.empty(T), np.empty(T), np.empty((T, *states[0].shape))
    for k in range(T):
        before, after = states[k] - others[k], states[k + 1] - others[k + 1]
        design = np.stack([before.ravel(), -(answers[k] - other_answers[k]).ravel()], axis=1)
        if k:
            (a[k], b[k]), *_ = np.linalg.lstsq(design, after.ravel(), rcond=None)
        else:  # both runs start from the same noise, so that the first a stays unseen
            a[k], b[k] = right_factors(course)[0][0], float(design[:, 1] @ after.ravel() / (design[:, 1] ** 2).sum())
        fitted = a[k] * before - b[k] * (answers[k] - other_answers[k])
        if not near(after, fitted, 1e-3 * (1 + abs(after).max())):
            note("not a sum", k, 0)
            raise WrongAnswer(f"{course.says}at t = {T - k} the step must give a x_t − b ε_θ + σ z with numbers a, b and σ; yours is no such sum.")
        noise[k] = states[k + 1] - a[k] * states[k] + b[k] * answers[k]
    note_steps(a, b, noise, note)
    return Steps(states, a, b, noise)


def right_factors(course: Durham) -> tuple[Floats, Floats]:
    """a = 1/√α_t and b = a β_t/√(1 − ᾱ_t) for t = T, …, 1."""
    names = course.tables.by_name
    a, b = names["oneover_sqrta"], names["oneover_sqrta"] * names["mab_over_sqrtmab_inv"]
    return a[:0:-1], b[:0:-1]


def note_steps(a: Floats, b: Floats, noise: Floats, note: Note) -> None:
    T = len(a)
    for t in (T, T // 2, 2, 1):
        k = T - t
        if t < T:
            note(f"a at {t}", a[k], 3e-6)
        note(f"b at {t}", b[k], 1e-5)
        note(f"σ at {t}", noise[k].std(), 0.08 * noise[k].std() + 1e-4)
    note("σ in all", np.sqrt((noise[:-1] ** 2).mean()), 0.01 * np.sqrt((noise[:-1] ** 2).mean()))
    line = np.polyfit(np.arange(T), b, 1)
    note.measured_work(bool(np.ptp(b) > 1e-3 and abs(b - np.polyval(line, np.arange(T))).max() > 1e-4))


def judge_start(course: Durham, draw: Draw, note: Note) -> None:
    """From N(0, I) of the shape asked for, in T steps, to a result of that shape; new noise at every call."""
    states, _ = _run(course, draw, note, draw.seed())
    note("x_T spread", states[0].std(), 0.05)
    note("result is the last state", np.array_equal(states[-1], states[-2]), 0)
    fault = standard_normal_fault(states[0])
    expect(fault is None, f"DDPM.sample must start from x_T ~ N(0, I), but {fault}.")
    expect(not np.array_equal(states[-1], states[-2]), "DDPM.sample must return what the last step, t = 1, gives, and not the x_1 before it.")
    other, _ = _run(course, draw, note, None, 13, (1, 2, 6))
    repeats = correlation(states[0].ravel()[:144], other[0].ravel()[:144])[1]
    note("same start", repeats, 0)
    expect(not repeats, "DDPM.sample must start from new noise at every call; yours started from the same again.")


def judge_mean(course: Durham, draw: Draw, note: Note) -> None:
    expect_mean(course, measure(course, draw, note))


def judge_noise(course: Durham, draw: Draw, note: Note) -> None:
    expect_noise(course, measure(course, draw, note))


def judge_steps(course: Durham, draw: Draw, note: Note) -> None:
    """Both, of the same runs."""
    steps = measure(course, draw, note)
    expect_mean(course, steps)
    expect_noise(course, steps)


def expect_mean(course: Durham, steps: Steps) -> None:
    """The numbers a and b of every step."""
    T, (a, b) = course.T, right_factors(course)
    wrong_a, wrong_b = abs(steps.a - a) > NEAR_A, abs(steps.b - b) > near_b(b)
    wrong = wrong_a | wrong_b
    if not wrong.any():
        return
    if not (abs(steps.b[::-1] - b) > near_b(b))[1:-1].any():
        raise WrongAnswer(f"{course.says}DDPM.sample must take its steps from t = {T} down to t = 1; yours takes them from 1 up to {T}.")
    k = int(np.argmax(wrong))
    told = [
        f"{name} is taken {got:.5f} times ({f'must be {right:.5f}' if off else 'right'})"
        for name, got, right, off in (("x_t", steps.a[k], a[k], wrong_a[k]), ("−ε_θ", steps.b[k], b[k], wrong_b[k]))
    ]
    raise WrongAnswer(f"{course.says}in the step of t = {T - k} of DDPM.sample, {told[0]}, and {told[1]}; {int(wrong.sum())} of {T} steps are off.")


def expect_noise(course: Durham, steps: Steps) -> None:
    """σ_t z with fresh standard normal z in every step but the last, and σ_t² = β_t or β̃_t."""
    noise, last = steps.noise, float(steps.noise[-1].std())
    message = f"{course.says}at t = 1, the last step, DDPM.sample must add no noise; yours adds noise of standard deviation {last:.4f}."
    expect(last <= NO_NOISE, message)
    variances = {"β_t": course.tables.betas, "β̃_t": course.tables.posterior_variance}
    faults = {name: _noise_fault(noise[:-1], np.sqrt(variance[:1:-1])) for name, variance in variances.items()}
    if all(faults.values()):
        raise WrongAnswer(f"{course.says}{faults['β_t']} (measured against σ_t² = β_t; the paper's other choice does not fit either).")
    repeats = correlation(noise[:-2], noise[1:-1])[1]
    expect(not repeats, "DDPM.sample must draw new noise in every step; yours uses the same noise again.")


def _noise_fault(noise: Floats, sigmas: Floats) -> str | None:
    """noise: (T − 1, rows, …), of t = T, …, 2."""
    z = noise / sigmas[:, None, None, None, None]
    limits = variance_limits(z[0].size, 1e-8 / len(z))
    for sigma, t, variance in zip(sigmas, range(len(z) + 1, 1, -1), (z**2).mean(axis=(1, 2, 3, 4))):
        if not between(float(variance), *limits):
            spread = float(np.sqrt(variance)) * sigma
            return f"at t = {t} DDPM.sample must add noise of standard deviation {sigma:.4f}; yours adds {spread:.4f}"
    fault = standard_normal_fault(z.reshape(-1, *z.shape[2:]))
    return f"the noise that DDPM.sample adds, divided by σ_t, must be standard normal, but {fault}" if fault else None
