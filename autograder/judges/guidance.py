"""Judgement of classifier-free guidance (Ho and Salimans 2022, Eq. 6): ε = ε_u + γ (ε_c − ε_u) in every step of a loop.

Two runs with equal random numbers and other answers, as in sampling.py: between two states the network's two answers have the weights
−b (1 − γ) and −b γ, known to rounding, whatever b is. The answers are such that no estimate of x_0 that a right loop makes of them is outside of
the range of the data.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.conditions import told
from autograder.judges.interface import Interface
from autograder.judges.labels import expect_labels
from autograder.judges.network import Call, Network, as_state, as_timesteps, too_many_calls
from autograder.judges.sampling import well_within
from autograder.oracles.schedule import Schedule
from autograder.oracles.tolerance import near

NUMBERS = 512  # of a state, which is enough where nothing is random
DIFFERENCE = 0.3  # of ε with a label and without
TOLERANCE = 2e-3  # of γ, relative to 1 + |γ|
REST = 1e-3  # of what no weights explain, relative to what the weights must explain
NONE = -1  # in the place of a label


@dataclass
class GuidedNetwork(Network):
    """Asked in each step with the label and without, in two calls or in one with the batch twice. Calls with one x are one step, and one entry of
    `calls`, whose `more` holds as "told" the label of each row, NONE where no call told one. `dtypes` has one for each step, and each that is
    not float32.

    `difference`: what the answer with a label has more than that without, for a step; None for nothing. `where`, `called`: for sentences.
    """

    difference: Callable[[Call], Floats] | None = None
    where: str = "Your code"
    called: str = "unet(x_t, c, t, mask)"
    answers: tuple[Floats, Floats] = field(default_factory=lambda: (np.empty(0), np.empty(0)))  # of the last step: without a label, and with one
    unlabelled: int = 0  # calls, or halves of one, without any label
    other_labels: int = 0  # those with another label of an image than one before at the same step

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = self.signature.bind(args, kwargs)
        x = as_state(given["x"], "x_t", "The x_t that the network is given")
        t = as_timesteps(given["t"], len(x), "The t that the network is given")
        if given["x"].dtype.name != "float32":
            self.dtypes.append(given["x"].dtype.name)
        labels, kept = told(Call(x, t, given), self.where, self.called)
        labels = np.where(kept, labels, NONE)
        half = len(x) // 2
        twice = len(x) > 1 and len(x) % 2 == 0 and np.array_equal(x[:half], x[half:]) and not np.array_equal(labels[:half], labels[half:])
        parts = [slice(0, half), slice(half, len(x))] if twice else [slice(0, len(x))]
        answer = np.concatenate([self._answer(x[part], t[part], labels[part]) for part in parts])
        return self.signature.result(answer.astype(np.float32), given)

    def _answer(self, x: Floats, t: Floats, labels: Any) -> Floats:
        if not (self.calls and np.array_equal(self.calls[-1].x, x)):
            self._begin_step(Call(x, t, {"told": np.full(len(x), NONE)}))
        self.other_times += not np.array_equal(self.calls[-1].t, t)
        known = self.calls[-1].more["told"]
        self.other_labels += bool(((known != NONE) & (labels != NONE) & (known != labels)).any())
        np.copyto(known, labels, where=labels != NONE)
        self.unlabelled += bool((labels == NONE).all())
        without, with_label = self.answers
        return np.where((labels == NONE).reshape(-1, *[1] * (x.ndim - 1)), without, with_label)

    def _begin_step(self, call: Call) -> None:
        self.dtypes.append("float32")
        self.calls.append(call)
        if len(self.calls) > self.most_calls:
            raise too_many_calls(self.most_calls, self.steps)
        without = self.answer(call)
        self.answers = (without, without if self.difference is None else without + self.difference(call))


@dataclass(frozen=True)
class Guided:
    """One run: the states, and what the network would have answered at each, without and with the label, whether it was asked or not."""

    states: list[Floats]
    without: list[Floats]
    with_label: list[Floats]
    asked_without: bool  # whether the network was asked without a label
    other_labels: bool  # whether it was told two labels of one image in one step


def run_guided(course: Interface, schedule: Schedule, draw: Draw, scale: float, seed: int, loop: Callable[..., Floats]) -> Guided:
    """`loop(model, shape, labels, scale)` runs the student's. Raises WrongAnswer where the labels are not those asked for."""
    without: list[Floats] = []
    differences: list[Floats] = []
    low, high = well_within(course)

    def answer(call: Call) -> Floats:
        alpha_bar = schedule.alphas_cumprod[max(schedule.last - len(without), schedule.first)]
        differences.append(DIFFERENCE * draw.normal(*call.x.shape))
        x0 = draw.uniform(low, high, *call.x.shape)
        right = (call.x - np.sqrt(alpha_bar) * x0) / np.sqrt(1 - alpha_bar)
        without.append((right - scale * differences[-1]).astype(np.float32).astype(np.float64))
        return without[-1]

    network = course.answered(answer, **course.calls_of(schedule))
    assert isinstance(network, GuidedNetwork)
    network.difference = lambda call: differences[-1]
    shape = course.shape_of_samples(max(NUMBERS // int(np.prod(course.sample_shape)), 16), draw)
    labels = course.labels_of_samples(draw, shape[0])
    model = course.build(schedule, network)
    course.student.seed = seed
    result = loop(model, shape, labels, scale)
    course.student.seed = None
    name = course.names.p_sample_loop
    expect(network.calls, f"{name} must call {course.names.network} in every step; yours never called it.")
    result = expect_tensor(result, network.calls[0].x.shape, f"The result of {name}")
    if scale != 0:
        expect_labels(course, network.calls, labels, name, Note(), course.names.labels_of_samples)
    states = [*(call.x for call in network.calls), result]
    with_label = [(e + d).astype(np.float32).astype(np.float64) for e, d in zip(without, differences)]
    return Guided(states, without, with_label, network.unlabelled > 0, network.other_labels > 0)


def weights(one: Guided, other: Guided) -> tuple[Floats, Floats, Floats]:
    """Of each step: the weights of the answer without the label and of that with it in x_{t−1}, and what they leave unexplained."""
    found = []
    for k in range(len(one.without)):
        before, after = (one.states[i] - other.states[i] for i in (k, k + 1))
        columns = [one.without[k] - other.without[k], one.with_label[k] - other.with_label[k]]
        design = np.stack([column.ravel() for column in (*columns, *([before] if before.any() else []))], axis=1)
        solution, *_ = np.linalg.lstsq(design, after.ravel(), rcond=None)
        left = after.ravel() - design @ solution
        found.append((-solution[0], -solution[1], left.std() / (1e-12 + after.std())))
    of_none, of_label, rest = np.array(found).T
    return of_none, of_label, rest


def judge_guidance(course: Interface, draw: Draw, note: Note, scale: float, loop: Callable[..., Floats]) -> None:
    """In every step the weights of the two answers are as 1 − γ to γ. Raises WrongAnswer."""
    schedule, name = course.schedule(draw), course.names.p_sample_loop
    seed = draw.seed()
    one, other = (run_guided(course, schedule, draw, scale, seed, loop) for _ in range(2))
    expect(len(one.states) == len(other.states), f"{name} must take the same number of steps at every call.")
    if scale not in (0, 1):
        note("asked without a label", one.asked_without, 0)
        note("two labels of one image", one.other_labels, 0)
    expect(
        not one.other_labels,
        f"In a step of {name} the network is to be asked with the label of each image and without one, by mask 0; yours tells it two labels of one "
        "image.",
    )
    of_none, of_label, rest = weights(one, other)
    total = of_none + of_label
    mine = np.divide(of_label, total, out=np.full_like(total, np.nan), where=abs(total) > 1e-9)
    middle = float(np.median(mine))
    if scale not in (0, 1):
        note.inputs["guidance scale"] = scale
    note(f"weight of the label at γ {_kind(scale)}", middle - scale, 0.02)
    right_sum = [schedule.p_coefficients(max(schedule.last - k, schedule.first))[1] for k in range(len(total))]
    note(f"sum of the weights at γ {_kind(scale)}", float(np.median(total / right_sum)), 0.02)
    note.measured_work(bool(np.isfinite(middle)))
    right = near(mine, scale, TOLERANCE * (1 + abs(scale))) and near(rest, 0, REST)
    if not right and (np.isnan(middle) or near(middle, scale, 0.02 * (1 + abs(scale)))):
        _expect_sum(total, schedule, name)
        raise WrongAnswer(
            f"With guidance_scale γ = {scale:g}, the noise in every step of {name} must be ε_u + γ (ε_c − ε_u), and is no such sum in yours. "
            "Look for what is clamped, rounded or taken from another step."
        )
    if not right:
        raise WrongAnswer(
            f"With guidance_scale γ = {scale:g}, ε must be ε_u + γ (ε_c − ε_u), that is {1 - scale:.3g} ε_u + {scale:.3g} ε_c; "
            f"in yours the two have weights as {1 - middle:.3g} to {middle:.3g}."
        )


def _expect_sum(total: Floats, schedule: Schedule, name: str) -> None:
    if near(total, 0, 1e-6):
        raise WrongAnswer(f"In {name} the weights of ε_u and ε_c must add up to 1; in yours they add up to 0, so that no noise is taken away.")


def _kind(scale: float) -> str:
    return f"{scale:g}" if scale in (0, 1) else "of others"
