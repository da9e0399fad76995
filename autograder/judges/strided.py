"""Judgements of a sampling loop over a stride around a borrowed model: each step is measured from the record of what crossed the boundary.

From t to the next t′ of the timesteps, with α = ᾱ_t/ᾱ_t′ and β = 1 − α (DDPM, Eq. 7, by way of ε as in Eq. 11):

    x_t′ = (x_t − β/√(1 − ᾱ_t) ε̂)/√α + v

x_t, the answers of which ε̂ is made, v and x_t′ are known, so the weights of all of them are, by least squares over thousands of pixels: to 1e-6
in float32, to some 1e-3 where code works in half precision. Nothing is random in a verdict, but for what the student's own code draws.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect
from autograder.judges.borrowed import FRAMES, UPRIGHT, Added, Borrowed, Step
from autograder.measuring import listed
from autograder.oracles.conditional import ancestral_coefficients
from autograder.oracles.tolerance import near

TOLERANCE, IN_HALF = 4e-4, 2e-2  # of a weight w, relative to 1 + |w|; so fine that ᾱ of a neighbouring t shows
REST, REST_IN_HALF = 2e-3, 3e-2  # of the spread of what the weights must explain
CLIPPED = 0.999  # pixels of a picture from here on may have been clipped
VARIANCE = 2e-3  # half precision rounds what lies in −1 … 1 by 5e-4


@dataclass(frozen=True)
class Term:
    """A part of ε̂: what the network answers for a prompt in a frame, turned upright and filtered. `weight`: in ε̂, by γ."""

    name: str  # "ε_c"
    prompt: str
    weight: Callable[[float], float]
    frame: str = UPRIGHT
    filtered: Callable[[Floats], Floats] = lambda eps: eps

    def of(self, step: Step) -> Floats | None:
        found = step.find(self.frame, self.prompt)
        return None if found is None else self.filtered(FRAMES[self.frame](found.eps))


@dataclass(frozen=True)
class Run:
    """One run of a loop. `states`: x before each step and the result, (C, H, W); `last_inside`: which pixels of the result count."""

    name: str
    model: Borrowed
    timesteps: Sequence[int]  # that the loop had to visit; the last is where it ends
    terms: Sequence[Term]
    scale: float
    result: Floats
    last_inside: Floats
    counts: Floats | None = None  # which pixels the steps make, (C, H, W); all where None
    expect_kept: Callable[[Note], None] = lambda note: None  # raises WrongAnswer where the loop has changed what it was given

    @property
    def steps(self) -> list[Step]:
        return self.model.steps

    @cached_property
    def rounded(self) -> bool:
        return any(step.rounded for step in self.steps)

    @property
    def within(self) -> float:
        return IN_HALF if self.rounded else TOLERANCE

    @cached_property
    def measured(self) -> list["Measured"]:
        """Each step that has a place among the timesteps."""
        states = [*(step.x for step in self.steps), self.result]
        last = len(self.steps) - 1
        return [self._measure(step, states[k + 1], self.last_inside if k == last else None) for k, step in enumerate(self.steps)]

    def _measure(self, step: Step, after: Floats, inside: Floats | None) -> "Measured":
        counts = np.ones(step.x.shape, dtype=bool) if self.counts is None else self.counts == 1
        if inside is not None and (counts & inside.astype(bool)).sum() > 200:
            counts = counts & inside.astype(bool)
        columns: dict[str, Floats] = {"x": step.x}
        columns |= {term.name: value for term in self.terms if (value := term.of(step)) is not None}
        if step.added:
            columns["v"] = step.noise
        weights, rest = _sum_of(columns, after, counts)
        return Measured(step, weights, rest)


def _sum_of(columns: Mapping[str, Floats], target: Floats, counts: Any) -> tuple[dict[str, float], float]:
    """The weights of the columns in the target, over the pixels that count, and the spread of what they leave, relative to that of the target."""
    design, wanted = np.stack([column[counts] for column in columns.values()], axis=1), target[counts]
    found, *_ = np.linalg.lstsq(design.T @ design, design.T @ wanted, rcond=1e-12)
    left = wanted - design @ found
    return dict(zip(columns, map(float, found))), float(left.std() / (1e-9 + wanted.std()))


@dataclass(frozen=True)
class Measured:
    """One step: the weights of "x", of the terms, and of "v", by name, and what they leave unexplained, relative to all."""

    step: Step
    weights: Mapping[str, float]
    rest: float

    def total(self, terms: Sequence[Term], scale: float) -> float:
        """The weight of ε̂ as a whole."""
        return sum(self.weights.get(term.name, 0.0) for term in terms) / sum(term.weight(scale) for term in terms)


# The course of a loop


def expect_visits(run: Run, note: Note) -> None:
    """One step at each of the timesteps but the last, in order."""
    expected = [float(t) for t in run.timesteps[:-1]]
    times = [step.t for step in run.steps]
    note("t told", times[:16] or [-1.0], 1e-6)
    if times == expected:
        return
    problem = f"yours asks it at {listed(times)}" if times else "yours never asks it"
    raise WrongAnswer(
        f"{run.name} must ask the network at t = {listed(expected)}, each of the timesteps from its start on, but the last, to which the "
        f"result belongs; {problem}."
    )


def expect_first(run: Run, start: Floats, note: Note) -> None:
    """The first x that the network is given is the image that the loop was given."""
    expect(run.steps, f"{run.name} must ask the network in every step; yours never asks it.")
    first = run.steps[0].x
    expect(first.shape == start.shape, f"{run.name} must give the network images like its own, {_batch(start)}; yours were {_batch(first)}.")
    note("first x", first, 2e-3)
    same = near(first, start, 2e-3 * (1 + abs(start)))
    off = abs(first - start).max()
    expect(same, f"The first image that {run.name} gives the network must be the one that it is given; yours differs by up to {off:.3f}.")


def expect_asked(run: Run, note: Note) -> None:
    """In every step the network is asked for each of the terms, and about nothing that nobody has given."""
    needed = list(dict.fromkeys((term.frame, term.prompt) for term in run.terms))
    places: dict[tuple[str, str | None], int] = {one: place for place, one in enumerate(needed)}
    seen = [[places.get((a.frame, a.prompt), -1) for a in step.asked] for step in run.steps]
    note("asked", [float(sum(1 << index for index in set(one) if index >= 0)) for one in seen] or [-1.0], 1e-6)
    note("asked of others", [float(one.count(-1)) for one in seen] or [-1.0], 1e-6)
    expect(run.steps, f"{run.name} must ask the network in every step; yours never asks it.")
    for step in run.steps:
        asked = [(one.frame, one.prompt) for one in step.asked]
        expect(
            all(prompt is not None for _, prompt in asked),
            f"At t = {step.t:g} {run.name} gives the network a prompt that is none of those that it was given.",
        )
        missing = [one for one in needed if one not in asked]
        if missing:
            raise WrongAnswer(
                f"In every step {run.name} must ask the network about {_listed(needed, run)}; at t = {step.t:g} yours asks about "
                f"{_listed(list(dict.fromkeys(asked)), run)}."
            )


def _listed(asked: Sequence[tuple[str, str | None]], run: Run) -> str:
    several = len(run.model.frames) > 1
    return ", ".join(f"{prompt}{f' with x {frame}' if several else ''}" for frame, prompt in asked) or "nothing"


def _batch(image: Floats) -> str:
    return str((1, *image.shape))


# One step


def expect_mean(run: Run, note: Note) -> None:
    """x_t and ε̂ have the weights of the posterior mean in every step."""
    measured = run.measured
    note("weights of x", [one.weights["x"] for one in measured] or [0.0], 4e-3)
    note("weights of ε", [one.total(run.terms, run.scale) for one in measured] or [0.0], 4e-3)
    note("rest", [min(one.rest, 1.0) for one in measured] or [1.0], 0.02)
    expect(measured, f"{run.name} must ask the network in every step; yours never asks it.")
    look_for_work(run, note)
    for k, one in enumerate(measured[: len(run.timesteps) - 1]):
        t, t_next = run.timesteps[k], run.timesteps[k + 1]
        a, b, _ = ancestral_coefficients(run.model.alphas_cumprod[t], run.model.alphas_cumprod[t_next])
        where = f"In the step from t = {t} to t′ = {t_next}"
        expect(
            near(one.rest, 0, REST_IN_HALF if run.rounded else REST),
            f"{where}, {run.name} must make x_t′ of x_t and the noise estimates, each times one number, and of what add_variance adds; "
            f"{one.rest:.1%} of yours is something else. Look for what is clamped, rounded, flipped, or taken from another step.",
        )
        mine = one.weights["x"], -one.total(run.terms, run.scale)
        for got, right, symbol in zip(mine, (a, b), ("x_t", "−ε")):
            expect(
                near(got, right, run.within * (1 + abs(right))),
                f"{where}, x_t′ of {run.name} must hold {symbol} times {right:.4f}; in yours it is {got:.4f}. Compare with "
                "x_t′ = √ᾱ_t′ β/(1 − ᾱ_t) x̂_0 + √α (1 − ᾱ_t′)/(1 − ᾱ_t) x_t + v, and with x̂_0 itself.",
            )


def look_for_work(run: Run, note: Note) -> None:
    """Tells the note whether the steps show work of their own, right or wrong."""
    note.measured_work(_follows_the_timesteps(run) or _makes_a_mean(run))


def _follows_the_timesteps(run: Run) -> bool:
    """Whether the weights change from step to step, as those of no body do that only asks, adds noise, or adds up."""
    last = len(run.steps) - 1
    measured = [one for k, one in enumerate(run.measured) if one.rest < (0.9 if k < last else 0.05)]
    weights = [(one.weights["x"], one.total(run.terms, run.scale)) for one in measured]
    return len(weights) > 1 and bool(np.ptp(weights, axis=0).max() > 1e-3)


def _makes_a_mean(run: Run) -> bool:
    """Whether what some step hands to add_variance holds x and ε in other measures than 0 and 1."""
    for step in [step for step in run.steps if step.added]:
        columns = {"x": step.x, **{term.name: value for term in run.terms if (value := term.of(step)) is not None}}
        weights, rest = _sum_of(columns, step.added[0].image, np.ones(step.x.shape, dtype=bool))
        of_eps = Measured(step, weights, rest).total(run.terms, run.scale)
        if rest < 0.5 and abs(of_eps) > 0.01 and not near(weights["x"], round(weights["x"]), 1e-3):
            return True
    return False


def expect_weights(run: Run, note: Note, rule: str) -> None:
    """ε̂ is made of the answers as it must be, whatever its weight in the step. `rule`: the equation, for the sentence."""
    shares = []
    for one in run.measured:
        total = one.total(run.terms, run.scale)
        shares.append([one.weights.get(term.name, 0.0) / total if abs(total) > 1e-6 else np.nan for term in run.terms])
    found = np.array(shares) if shares else np.empty((0, len(run.terms)))
    with np.errstate(invalid="ignore"):
        note("shares", np.nan_to_num(np.median(found, axis=0), nan=99.0) if len(found) else [0.0], 0.01)
    expect(len(found), f"{run.name} must ask the network in every step; yours never asks it.")
    right = np.array([term.weight(run.scale) for term in run.terms])
    for one, row in zip(run.measured, found):
        weights = ", ".join(f"{term.name} {value:.3f}" for term, value in zip(run.terms, row))
        must = ", ".join(f"{term.name} {value:.3f}" for term, value in zip(run.terms, right))
        expect(
            near(row, right, 2 * run.within * (1 + abs(right).max())),
            f"With scale γ = {run.scale:g}, in every step of {run.name} {rule}, so that the weights are {must}; at t = {one.step.t:g} yours "
            f"are {weights}.",
        )


def expect_noise(run: Run, note: Note, right: Mapping[str, Callable[[Step], Floats | None]], whose: str) -> None:
    """Every step adds noise once, of one of the variances in `right`, by what they are; the last may leave it out. `whose`: for the sentence."""
    handed = [_which(step, run) for step in run.steps]
    note("noise added", [len(step.added) for step in run.steps] or [-1.0], 1e-6)
    note("variance handed over", [_number(name) for name in handed] or [-1.0], 1e-6)
    note("t of the variance", [step.added[0].t if step.added else -1.0 for step in run.steps] or [-1.0], 1e-6)
    mixtures = [_mixture(step.added[0], step) for step in run.steps[:1] if step.added]
    note("made of variances and noise estimates", [value for one in mixtures for value in (*one[0], *one[1])] or [-1.0], 0.02)
    note("made of something else", [one[2] for one in mixtures] or [-1.0], 0.02)
    note("weights of v", [one.weights.get("v", 0.0) for one in run.measured] or [0.0], 4e-3)
    expect(run.steps, f"{run.name} must ask the network in every step; yours never asks it.")
    for k, one in enumerate(run.measured):
        step = one.step
        if not step.added and k == len(run.steps) - 1 and k:
            continue
        expect(step.added, f"At t = {step.t:g} {run.name} must add noise by add_variance(predicted_variance, t, …); yours does not call it there.")
        expect(len(step.added) == 1, f"At t = {step.t:g} {run.name} must add noise once; yours calls add_variance {len(step.added)} times.")
        added = step.added[0]
        if not any((variance := of(step)) is not None and near(added.variance, variance, VARIANCE) for of in right.values()):
            mine = _told(added, step, run)
            raise WrongAnswer(f"At t = {step.t:g} the variance that {run.name} hands to add_variance must be {whose}; yours is {mine}.")
        expect(
            near(added.t, step.t, 1e-6),
            f"{run.name} must hand to add_variance the t at which the network has predicted the variance, {step.t:g}; yours hands over {added.t:g}.",
        )
        weight = one.weights.get("v", 0.0)
        expect(
            near(weight, 1, 5 * run.within),
            f"At t = {step.t:g} the x_t′ of {run.name} must hold what add_variance adds once; yours holds it {weight:.3f} times.",
        )


def _which(step: Step, run: Run) -> str:
    return _told(step.added[0], step, run) if step.added else "nothing"


def _told(added: Added, step: Step, run: Run) -> str:
    """In words, which variance was handed over."""
    for other in (step, *run.steps):
        for one in other.asked:
            whose = f"that of {one.prompt}" + (f" with x {one.frame}" if len(run.model.frames) > 1 else "")
            when = "" if other is step else f" at t = {other.t:g}"
            if near(added.variance, one.variance, VARIANCE):
                return whose + when
            if near(added.variance, one.eps, VARIANCE * (1 + abs(one.eps))):
                return f"the noise estimate, not the variance, of {one.prompt}{when}"
            if one.frame != UPRIGHT and near(added.variance, FRAMES[one.frame](one.variance), VARIANCE):
                return f"{whose}, flipped back{when}"
    of_variances, of_noise, rest = _mixture(added, step)
    if rest > 0.02:
        return "another one"
    if abs(of_noise).max() > 0.01:
        return "made of noise estimates"
    return "made of several" if (abs(of_variances) > 0.01).sum() > 1 else "that, times another number"


def _mixture(added: Added, step: Step) -> tuple[Floats, Floats, float]:
    """The weights of the variances and of the noise estimates of the step, upright and by their names, in a variance; and what they leave."""
    asked = sorted(step.asked, key=lambda one: (one.frame, str(one.prompt)))
    fields = [*(FRAMES[one.frame](one.variance) for one in asked), *(FRAMES[one.frame](one.eps) for one in asked)]
    if not fields or fields[0].shape != added.variance.shape:
        return np.zeros(0), np.zeros(0), 1.0
    weights, rest = _sum_of({str(k): one for k, one in enumerate(fields)}, added.variance, np.ones(fields[0].shape, dtype=bool))
    values = np.array([*weights.values()], dtype=np.float64)
    return values[: len(asked)], values[len(asked) :], rest


def _number(words: str) -> float:
    """For a note: the same number for the same words, whatever t they speak of."""
    plain = words.partition(" at t = ")[0] + (" then" if " at t = " in words else "")
    return float(sum(ord(letter) * (place + 1) for place, letter in enumerate(plain)) % 9973)


def variance_of(prompt: str, frame: str = UPRIGHT) -> Callable[[Step], Floats | None]:
    """The variance of a prompt, turned upright."""

    def find(step: Step) -> Floats | None:
        found = step.find(frame, prompt)
        return None if found is None else FRAMES[frame](found.variance)

    return find


def mean_of(*variances: Callable[[Step], Floats | None]) -> Callable[[Step], Floats | None]:
    def find(step: Step) -> Floats | None:
        values = [value for one in variances if (value := one(step)) is not None]
        return sum(values[1:], values[0]) / len(values) if len(values) == len(variances) else None

    return find
