"""Judgements of the loss of flow matching along straight lines: x_t = (1 − t) x_0 + t x_1, target x_1 − x_0 (Liu, Gong and Liu, "Flow Straight
and Fast", 2022; Lipman et al., "Flow Matching for Generative Modeling", 2023). Here t goes from 0, noise, to 1, data.

The network is told t, so x_0 is known from x_t wherever t is not 1, and with it the target. Where x_t is wrong, x_0 is not known, and the loss
is judged as that of any standard normal x_0, so that one mistake costs one check. t may be drawn from all of 0 … 1, or from a grid of num_ts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.grading.checks import Floats, Note, Result, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges import conditions
from autograder.judges.conditions import Labels, Unreadable, one_hot, told
from autograder.judges.expectations import expect_float32_inputs, f32
from autograder.judges.network import Call, Network, silent
from autograder.judges.regression import Target, expect_gradient, expect_mean_square, value_of
from autograder.judges.signature import Given, Signature
from autograder.oracles.statistics import ALPHA, correlation, standard_normal_fault, z_limit
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Student

ROWS, SIZE = 8192, (1, 3, 3)
TINY, STEPS = (1, 2, 2), 100  # where only labels count
LATEST = 0.98  # t up to which x_0 is looked at: (x_t − t x_1)/(1 − t) has lost little by rounding
KNOWN = 1e-4  # of 1 − t, from which on x_0 is known well enough for the loss
LOSS = "the mean of ‖v − (x_1 − x_0)‖² over everything, with the x_0 that is inside x_t"


@dataclass(frozen=True)
class Flow:
    """What the course calls its functions, around one submission. `classes`: 0 where the network is told none."""

    student: Student
    forward: str
    sample: str
    wrapper: str  # a class around the network, with forward and sample
    network: str  # as students call it
    arguments: Signature
    file: str
    steps: str  # the argument that says how many steps there are
    classes: int = 0

    def loss(self, unet: Handle, x_1: Any, labels: Any, p_uncond: float, steps: int) -> Handle:
        """The loss, kept in the worker; by way of the wrapper where there is no function of that name."""
        given, drop = ([], []) if labels is None else ([labels], [p_uncond])
        module = self.student.module(self.file)
        return self._either(
            self.forward,
            lambda: module.new(self.forward, unet, x_1, *given, *drop, steps),
            lambda: module.new(self.wrapper, unet, steps, *drop).new("forward", x_1, *given),
        )

    def samples(self, unet: Handle, labels: Any, img_wh: tuple[int, int], steps: int, scale: float, seed: int) -> Any:
        given, guidance = ([], []) if labels is None else ([labels], [scale])
        module = self.student.module(self.file)
        return self._either(
            self.sample,
            lambda: module.call(self.sample, unet, *given, img_wh, steps, *guidance, seed),
            lambda: module.new(self.wrapper, unet, steps).call("sample", *given, img_wh, *guidance, seed),
        )

    def _either(self, name: str, by_function: Callable[[], Result], by_wrapper: Callable[[], Result]) -> Result:
        try:
            return by_function()
        except Raised as error:
            if error.type_name != "AttributeError" or f"no attribute '{name}'" not in error.text:
                raise
            missing = error
        try:
            return by_wrapper()
        except Raised as error:
            if f"'{name}'" in error.text or f"'{self.wrapper}'" in error.text:
                raise missing from None
            raise

    def labels(self, draw: Draw, rows: int) -> Labels | None:
        return draw.generator.integers(0, self.classes, rows) if self.classes else None

    def in_some_form(self, note: Note, labels: Any, call: Callable[[Any], Result]) -> Result:
        """What comes of a call with the labels as whole numbers, or, where code can make nothing of them, one-hot."""
        try:
            return call(labels)
        except (Unreadable, Raised) as error:
            if labels is None or note.one_form:
                raise
            first, kept = error, dict(note.values)
        try:
            return call(one_hot(labels, self.classes))
        except (WrongAnswer, Raised):
            note.values = kept
            raise first from None


def given_in_loss(course: Flow, draw: Draw, rows: int, p_uncond: float) -> list[Given]:
    """What the loss calls the network with, as it is given, where it drops labels, the last class apart; nothing where it does not run."""
    x_1 = f32(draw.uniform(-1, 1, rows, *TINY))
    return _given(course, draw, rows, lambda unet, labels: course.loss(unet, x_1, labels, p_uncond, STEPS))


def given_in_sampler(course: Flow, draw: Draw, rows: int) -> list[Given]:
    """The calls of the network by the sampler, as they are given, in which it tells no label; nothing where it does not run."""
    return _given(course, draw, rows, lambda unet, labels: course.samples(unet, labels, (TINY[1], TINY[2]), STEPS, 3.0, draw.seed()))


def _given(course: Flow, draw: Draw, rows: int, run: Callable[[Any, Any], Any]) -> list[Given]:
    def call(labels: Any) -> list[Given]:
        arguments, kept = course.arguments.recording()
        network = Network(silent, arguments, 10 * STEPS, f"{course.steps} is {STEPS}")
        run(course.student.namespace(unet=course.student.network(network)).part("unet"), labels)
        return conditions.with_dropped_labels(kept, course.network)

    try:
        return course.in_some_form(Note(), conditions.without_the_last(course.labels(draw, rows), course.classes), call)
    except (WrongAnswer, Raised):
        return []


@dataclass(frozen=True)
class Run:
    """One call of the loss: what the network was given and answered. The loss and the network are in the worker."""

    x_1: Floats
    labels: Labels | None
    call: Call
    answer: Floats
    steps: int
    loss: Handle
    unet: Handle

    @property
    def x_t(self) -> Floats:
        return self.call.x

    @property
    def t(self) -> Floats:
        return self.call.t

    @cached_property
    def _t(self) -> Floats:
        return self.t.reshape(-1, 1, 1, 1)

    @cached_property
    def x_0(self) -> Floats:
        """The x_0 inside x_t; 0 where t is so near to 1 that it is not known."""
        return np.where(1 - self._t < KNOWN, 0.0, (self.x_t - self._t * self.x_1) / np.maximum(1 - self._t, KNOWN))

    @property
    def target(self) -> Target:
        """x_1 − x_0, without x_0 where that is not known, as nowhere where x_t is wrong."""
        if not np.isfinite(self.t).all() or self.t.min() < 0 or self.t.max() > 1 or path_fault(self):
            return Target(self.x_1, np.ones(self.x_1.shape, dtype=bool))
        return Target(self.x_1 - self.x_0, np.broadcast_to(1 - self._t < KNOWN, self.x_1.shape))


def run_loss(
    course: Flow, draw: Draw, note: Note, rows: int = ROWS, size: tuple[int, ...] = SIZE, p_uncond: float = 0.3
) -> Run:
    """Raises WrongAnswer unless the network is called once, with an x_t of the shape of x_1, and labels that can be read."""
    x_1 = draw.uniform(0, 1, rows, *size)
    answer = float(draw.uniform(0.5, 1.5)) * (draw.normal(*x_1.shape) + draw.integer(0, 1) * 2 - 1)
    answer, steps = f32(answer).astype(np.float64), draw.integer(40, 60)
    labels = course.labels(draw, rows)

    def call(given: Any) -> Run:
        network = Network(lambda call: answer if call.x.shape == x_1.shape else np.zeros_like(call.x), course.arguments)
        unet = course.student.namespace(unet=course.student.network(network)).part("unet")
        loss = course.loss(unet, f32(x_1), given, p_uncond, steps)
        _expect_one_call(course, network, x_1.shape, note)
        if labels is not None:
            told(network.calls[0], course.forward, course.network)
        return Run(x_1, labels, network.calls[0], answer, steps, loss, unet)

    return course.in_some_form(note, labels, call)


def _expect_one_call(course: Flow, network: Network, shape: tuple[int, ...], note: Note) -> None:
    name, calls = course.forward, network.calls
    note("network calls", len(calls), 0)
    expect(calls, f"{name} must call {course.network} to predict the velocity; yours never called it.")
    expect(len(calls) == 1, f"{name} must call the network once; yours called it {len(calls)} times.")
    got = calls[0].x.shape
    expect(got == shape, f"{name} must give the network x_t, of shape {shape}; yours gave it shape {got}.")
    expect_float32_inputs(network, note, name)


# x_t and t


def judge_path(course: Flow, draw: Draw, note: Note) -> None:
    """x_t = (1 − t) x_0 + t x_1 with x_0 ~ N(0, I), a t of each image's own, uniform in 0 … 1, and both new at every call."""
    run, again = (run_loss(course, draw, note) for _ in range(2))
    note.inputs |= {"x_1": run.x_1, "t": run.t, "steps": run.steps}
    _note_times(run, note)
    _expect_times(run)
    _note_path(run, note)
    fault = path_fault(run)
    expect(fault is None, fault or "")
    expect(not np.array_equal(run.t, again.t), f"{course.forward} must draw a new t for each image at every call; yours drew the same ones again.")
    repeats = correlation(run.x_0, again.x_0)[1]
    note("x_0 repeats", repeats, 0)
    expect(not repeats, f"{course.forward} must draw a new x_0 at every call; yours used the same one again.")


def _note_times(run: Run, note: Note) -> None:
    note("range of t", (run.t.min(), run.t.max()), 0.03)
    note("middle of t", np.quantile(run.t, [0.25, 0.5, 0.75]), 0.03)
    note("kinds of t", min(len(np.unique(run.t)), 3), 0)


def _expect_times(run: Run) -> None:
    t, rows = np.sort(run.t), len(run.t)
    expect(t[0] >= 0 and t[-1] <= 1, f"The t that the network is given must lie in 0 … 1; yours reaches from {t[0]:g} to {t[-1]:g}.")
    expect(t[0] < t[-1], f"Each image must have a t of its own; in yours all {rows} images of a batch have the same one.")
    ranks = np.arange(rows + 1) / rows
    distance = max(abs(t - ranks[:-1]).max(), abs(t - ranks[1:]).max())
    limit = np.sqrt(np.log(4 / ALPHA) / rows)  # Massart's, for pairs t and 1 − t too, which count half
    if not near(distance, 0, limit + 1 / run.steps):
        quarters = ", ".join(f"{share:.0%}" for share in np.histogram(t, 4, (0, 1))[0] / rows)
        raise WrongAnswer(f"t must be uniform in 0 … 1; in the four quarters of that range lie {quarters} of yours.")


def _halves(run: Run) -> list[tuple[str, NDArray[np.bool_]]]:
    """Early times and late ones, as far as there are enough."""
    halves = [("early", run.t < 0.5), ("late", (run.t >= 0.5) & (run.t <= LATEST))]
    return [(name, rows) for name, rows in halves if rows.sum() >= ROWS / 8]


def _shares(run: Run, rows: NDArray[np.bool_]) -> tuple[float, float, Floats]:
    """Of x_1 in the x_t of these rows: its factor, what that must be, and the rest of x_t."""
    x_1, x_t, t = run.x_1[rows], run.x_t[rows], run._t[rows]
    clean = x_1 - x_1.mean()
    whole = (x_1 * clean).sum()
    factor = float((x_t * clean).sum() / whole)
    return factor, float((t * x_1 * clean).sum() / whole), x_t - factor * x_1


def _note_path(run: Run, note: Note) -> None:
    factors = []
    for name, rows in _halves(run):
        factor, _, rest = _shares(run, rows)
        note(f"factor of x_1, {name} t", factor, 0.05)
        note(f"spread of the rest, {name} t", rest.std(), 0.02)
        note(f"mean of the rest, {name} t", rest.mean(), 0.03)
        factors.append(factor)
    note.measured_work(len(factors) == 2 and abs(factors[1] - factors[0]) > 0.1)


def path_fault(run: Run) -> str | None:
    """How x_t differs from (1 − t) x_0 + t x_1 with standard normal x_0, or None. t must lie in 0 … 1."""
    for name, rows in _halves(run):
        factor, expected, rest = _shares(run, rows)
        clean = run.x_1[rows] - run.x_1[rows].mean()
        spread = np.sqrt(max((rest**2).mean(), ((1 - run._t[rows]) ** 2).mean()))
        error = z_limit() * spread / np.sqrt((clean**2).sum())
        if not near(factor, expected, error):
            where = "below" if name == "early" else "above"
            return (
                f"x_t must be (1 − t) x_0 + t x_1. For t {where} 0.5, yours holds x_1 times {factor:.3f} on average, and must hold it times "
                f"{expected:.3f}."
            )
        if fault := standard_normal_fault(run.x_0[rows]):
            return f"x_t must be (1 − t) x_0 + t x_1 with x_0 ~ N(0, I), but of that x_0 {fault}."
    last = run.t > LATEST
    if not near(run.x_t[last] - run._t[last] * run.x_1[last], 0, 7 * (1 - run._t[last]) + 1e-5) and last.any():
        return "x_t must be (1 − t) x_0 + t x_1; yours is not where t is close to 1."
    return None


# The loss


def judge_value(course: Flow, draw: Draw, note: Note) -> None:
    """The loss is the mean of ‖v − (x_1 − x_0)‖² over everything, and carries a gradient to the network."""
    run = run_loss(course, draw, note)
    target = run.target
    if not target.unknown.all():
        note.inputs |= {"x_1": run.x_1, "x_0": run.x_0, "x_t": run.x_t, "answer": run.answer}
    value = value_of(run.loss, course.forward, note)
    expect_mean_square(value, run.answer, target, LOSS)
    expect_gradient(run.loss, run.unet, run.answer, target, LOSS, note)


def judge_dropping(course: Flow, draw: Draw, note: Note) -> None:
    """The network is told the label of each image, but with probability p_uncond, of each by itself and whatever its t, none."""

    def asked(rows: int, p_uncond: float) -> tuple[Call, Labels]:
        run = run_loss(course, draw, note, rows, TINY, p_uncond)
        assert run.labels is not None, "a course without classes drops no labels"
        return run.call, run.labels

    conditions.judge_dropping(asked, course.forward, course.network, draw, note)
