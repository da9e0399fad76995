"""Judgements of a sampler by Euler's method: x ← x + v(x, t)/T at t = 0, 1/T, …, 1 − 1/T from noise, with or without guidance.

The network is answered by a velocity that depends on x, on t and on the label, so the only random numbers are those of the start, and all
that follows is known from it to rounding, in whatever calls: with and without the label one after the other, or both in one batch of twice
the size; the images one by one. γ stands for the scale in v_u + γ (v_c − v_u) (Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022,
Eq. 6, where w = γ − 1).

T is one for which `while t < 1: t += 1/T` takes a step too many, by rounding; and no less than 50, since pictures on the way are kept at
every so many steps. Error rates: what follows from the start is exact; the start has its statistics at ALPHA.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges.conditions import Labels, expect_own_labels, told
from autograder.judges.expectations import expect_float32_inputs
from autograder.judges.flow import Flow
from autograder.judges.network import Call, Network
from autograder.judges.results import images_in
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised

STEPS = (53, 54, 62)  # sums of so many 1/T stay below 1 in float32 and in float64
MANY_STEPS = 322  # the same; for code that keeps every T/100-th state
SIDE = 12
ENOUGH = 2000  # numbers of a start
TOLERANCE = 5e-4  # of states of size 10; float32 loses some 1e-5 on the way
IMAGES = 7


@dataclass(frozen=True)
class Velocity:
    """v(x, t) = sin(x + 2 t)/2 + m with an m for each class, and one for none. means: (classes + 1, 1, H, W); the last is that for none."""

    means: Floats

    def __call__(self, x: Floats, t: Any, rows: Any) -> Floats:
        """x: (B, 1, H, W); t: a number or (B,); rows: of `means`, (B,)."""
        answer: Floats = np.sin(x + 2 * np.reshape(t, (-1, 1, 1, 1))) / 2 + self.means[rows]
        return answer

    @property
    def none(self) -> int:
        return len(self.means) - 1


@dataclass(frozen=True)
class Run:
    """One call of the sampler. states: x at `times`, each (N, 1, H, W), as the network was given them; readings: what the result may be."""

    velocity: Velocity
    labels: Labels | None
    scale: float
    steps: int
    times: list[float]
    states: list[Floats]
    readings: list[Floats]

    def after(self, i: int) -> Floats:
        """x after step i."""
        return self.states[i + 1] if i + 1 < len(self.states) else self.readings[0]

    def step(self, x: Floats, t: float) -> Floats:
        return x + self.guided(x, t) / self.steps

    def parts(self, x: Floats, t: float) -> list[Floats]:
        """v without labels, and with them where there are any."""
        rows = [np.full(len(x), self.velocity.none)] + ([] if self.labels is None else [self.labels])
        return [self.velocity(x, t, row) for row in rows]

    def guided(self, x: Floats, t: float) -> Floats:
        without, *told = self.parts(x, t)
        return without + self.scale * (told[0] - without) if told else without


def run(course: Flow, draw: Draw, note: Note, seed: int, steps: int, side: int, labels: Labels | None = None, scale: float = 0.0) -> Run:
    """Raises WrongAnswer unless the network is called, and with the labels of the images or none."""

    def call(given: Any) -> Run:
        velocity = Velocity(draw.uniform(0, 1, course.classes + 1, 1, side, side))
        network = Network(lambda call: _answer(course, velocity, call), course.arguments, 80 * steps, f"{course.steps} is {steps}")
        unet = course.student.namespace(unet=course.student.network(network)).part("unet")
        answer = course.samples(unet, given, (side, side), steps, scale, seed)
        note("calls of the network", len(network.calls) > 0, 0)
        expect(network.calls, f"{course.sample} must call {course.network} in every step; yours never called it.")
        expect_float32_inputs(network, note, course.sample)
        times, states = _in_order(course, network.calls, labels, steps, note)
        readings = images_in(answer, (len(states[0]), *velocity.means.shape[1:]), course.sample)
        return Run(velocity, labels, scale, steps, times, states, readings)

    return course.in_some_form(note, labels, call)


def _answer(course: Flow, velocity: Velocity, call: Call) -> Floats:
    expect(
        call.x.ndim == 4 and call.x.shape[1:] == velocity.means.shape[1:],
        f"{course.sample} must give the network images of shape (N, {', '.join(map(str, velocity.means.shape[1:]))}); yours gave it "
        f"{call.x.shape}.",
    )
    if not course.classes:
        return velocity(call.x, call.t, np.zeros(len(call.x), dtype=np.int64))
    labels, kept = told(call, course.sample, course.network)
    return velocity(call.x, call.t, np.where(kept, labels.clip(0, course.classes - 1), velocity.none))


def _in_order(
    course: Flow, calls: list[Call], labels: Labels | None, steps: int, note: Note
) -> tuple[list[float], list[Floats]]:
    """The times and states of the steps. Calls with the same x at the same t belong to one step."""
    times: list[float] = []
    states: list[Floats] = []
    for call in calls:
        x = call.x
        if labels is not None:
            images = _images_of(call.x, len(labels), course.sample)
            given, kept = told(call, course.sample, course.network)
            own = labels[images] if images is not None else np.where(np.isin(given, labels), given, labels[0])
            expect_own_labels(given, kept, own, course.sample, note)
            x = x if images is None else x[np.unique(images, return_index=True)[1]]
        if not times or times[-1] != call.t[0] or not np.array_equal(states[-1], x):
            times.append(float(call.t[0]))
            states.append(x)
    times, states = _one_by_one(times, states, steps)
    count = len(states[0]) if labels is None else len(labels)
    expect(
        all(len(x) == count for x in states),
        f"{course.sample} must take {steps} steps with each image; in yours, the network is asked {len(times)} times, about different images.",
    )
    return times, states


def _images_of(x: Floats, count: int, name: str) -> Any:
    """To which image each row of a call belongs, (B,). None where images are asked for one by one."""
    if len(x) == 1 < count:
        return None
    if len(x) == count:
        return np.arange(count)
    doubled = len(x) == 2 * count
    for images in (np.tile(np.arange(count), 2), np.repeat(np.arange(count), 2)):
        if doubled and np.array_equal(x, x[np.unique(images, return_index=True)[1]][images]):
            return images
    raise WrongAnswer(
        f"For {count} classes, {name} must give the network {count} images, or each of them twice; yours gave it {len(x)}"
        f"{', not each of them twice' if doubled else ''}."
    )


def _one_by_one(times: list[float], states: list[Floats], steps: int) -> tuple[list[float], list[Floats]]:
    """Images that were drawn one after the other, or one by one within each step, as a batch."""
    count, rest = divmod(len(times), steps)
    if rest or count < 2 or any(len(x) != 1 for x in states):
        return times, states
    numbers = np.arange(len(times))
    for order in (numbers.reshape(count, steps), numbers.reshape(steps, count).T):
        if all(np.array_equal([times[i] for i in image], [times[i] for i in order[0]]) for image in order):
            return [times[i] for i in order[0]], [np.concatenate([states[i] for i in step]) for step in order.T]
    return times, states


# The steps


def judge_steps(course: Flow, draw: Draw, note: Note) -> None:
    """T steps x ← x + v/T at t = 0, 1/T, …, and x after the last of them is the result. With classes, for several γ."""
    scales = [float(draw.uniform(2, 6)), 0.0, 1.0] if course.classes else [1.0]
    note.inputs["scales"] = scales

    def judge(steps: int) -> None:
        note.inputs["steps"] = steps
        runs = [run(course, draw, note, draw.seed(), steps, SIDE, _labels(course, draw), scale) for scale in scales]
        for number, one in enumerate(runs):
            _note_steps(one, number, note)
        for one in runs:
            _expect_times(one, course)
            _expect_steps(one, course)

    _with_steps(draw, judge)


def _with_steps(draw: Draw, judge: Callable[[int], None]) -> None:
    """With some fifty steps, or with more where code that keeps every so many states divides by 0."""
    try:
        judge(STEPS[draw.integer(0, len(STEPS) - 1)])
    except Raised as error:
        if error.type_name != "ZeroDivisionError" and "must not be zero" not in error.text:
            raise
        judge(MANY_STEPS)


def _labels(course: Flow, draw: Draw) -> Labels | None:
    return course.labels(draw, IMAGES)


def _weights(run: Run, numbers: Iterable[int]) -> Floats:
    """What v without labels, and with them, is multiplied by in these steps, T times: by least squares."""
    parts, changes = [], []
    for i in numbers:
        parts.append(np.stack([part.ravel() for part in run.parts(run.states[i], run.times[i])], axis=1))
        changes.append((run.after(i) - run.states[i]).ravel() * run.steps)
    return np.linalg.lstsq(np.concatenate(parts), np.concatenate(changes), rcond=None)[0]


def _note_steps(run: Run, number: int, note: Note) -> None:
    times = np.array(run.times)
    note(f"number of steps, run {number}", len(times), 0)
    note(f"t times T, run {number}", times[[0, min(1, len(times) - 1), -1]] * run.steps, 0.005)
    note(f"weights, run {number}", _weights(run, range(len(times))), 5e-3)
    moved = max(abs(x - run.states[0]).max() for x in (*run.states, run.readings[0]))
    note.measured_work(len(times) > run.steps / 2 and moved > 1e-3)


def _expect_times(run: Run, course: Flow) -> None:
    steps, times, given = run.steps, run.times, f"With {course.steps} = {run.steps},"
    expect(
        len(times) == steps,
        f"{given} {course.sample} must take {steps} steps; yours took {len(times)}, the first at t = {times[0]:.4f} and the last at "
        f"t = {times[-1]:.4f}.",
    )
    for i, t in enumerate(times):
        message = f"{given} step {i + 1} of {course.sample} must ask for the velocity at t = {i / steps:.4f}; yours asks at {t:.4f}."
        expect(near(t, i / steps, 1e-4), message)


def _expect_steps(run: Run, course: Flow) -> None:
    for i, (t, x) in enumerate(zip(run.times, run.states)):
        expected = run.step(x, t)
        if i + 1 < run.steps:
            right = near(run.states[i + 1], expected, TOLERANCE)
        else:  # of the result, a clamp is nobody's business
            right = any(near(image, other, TOLERANCE) for image in run.readings for other in _or_clamped(expected))
        if not right:
            raise WrongAnswer(_step_fault(run, i, course))


def _or_clamped(x: Floats) -> list[Floats]:
    return [x, x.clip(0, 1), x.clip(-1, 1)]


def _step_fault(run: Run, i: int, course: Flow) -> str:
    if i + 1 == run.steps:
        for what, state in (("before the last step", run.states[-1]), ("that it started from", run.states[0])):
            if any(near(image, state, TOLERANCE) for image in run.readings):
                return f"{course.sample} must return x after the last step; yours returns the x {what}."
    t, weights = run.times[i], _weights(run, [i])
    if run.labels is None:
        return (
            f"At t = {t:.4f}, x must change by v(x, t)/{course.steps}; yours changes by something else, which is nearest to {weights[0]:.4g} "
            "times that."
        )
    return (
        f"At t = {t:.4f} with γ = {run.scale:.3f}, x must change by (v_u + γ (v_c − v_u))/{course.steps}. There v_u is multiplied by "
        f"{1 - run.scale:.3f} and v_c by {run.scale:.3f}; in yours, as far as it is such a sum, by {weights[0]:.3f} and {weights[1]:.3f}."
    )


# The start


def judge_start(course: Flow, draw: Draw, note: Note) -> None:
    """The sampler starts from N(0, I), the same for the same seed and another for another."""

    def judge(steps: int) -> None:
        seeds, labels = (draw.seed(), draw.seed()), _labels(course, draw)

        def start(seed: int, side: int) -> Floats:
            return run(course, draw, note, seed, steps, side, labels, 2.0).states[0]

        side = SIDE if labels is None else _side_of(len(labels))
        first = start(seeds[0], side)
        if labels is None and _side_of(len(first)) > side:  # how many images there are is their choice
            side = _side_of(len(first))
            first = start(seeds[0], side)
        _expect_start(first, start(seeds[0], side), start(seeds[1], side), course.sample, note)

    _with_steps(draw, judge)


def _side_of(count: int) -> int:
    """Of images so large that so many hold enough numbers."""
    return max(SIDE, math.ceil(math.sqrt(ENOUGH / count)))


def _expect_start(first: Floats, again: Floats, other: Floats, name: str, note: Note) -> None:
    repeats, size = np.array_equal(first, again), min(first.size, other.size)
    same = correlation(*((x - x.mean()).ravel()[:size] for x in (first, other)))[1]
    alike = len(first) > 1 and bool(np.ptp(first, axis=0).max() < 1e-6)
    note("mean and spread of the start", (first.mean(), first.std()), 0.08)
    note("the same start for the same seed, for another, for all images", (repeats, same, alike), 0)
    expect(not alike, f"{name} must start each image from noise of its own; yours starts all {len(first)} from the same.")
    fault = standard_normal_fault(first.reshape(-1, first.shape[-1]))
    expect(fault is None, f"{name} must start from x ~ N(0, I), but {str(fault).replace('rows of the batch', 'rows of pixels')}.")
    expect(repeats, f"{name} must start from the same noise when it is called with the same seed; yours starts from other noise.")
    expect(not same, f"{name} must start from other noise when it is called with another seed; yours starts from the same noise.")
