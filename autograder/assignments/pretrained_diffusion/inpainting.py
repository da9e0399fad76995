"""What must hold of `inpaint`: a mask of 1 makes new content, by the steps of the guided loop; a mask of 0 keeps the original, noised to each t′.

The noise of the known pixels is the student's own: the factor of the original, which is ±1 for the most part, is fitted over some 7,000 numbers a
step, and over some 1,700 fainter ones in the result.
"""

from dataclasses import dataclass

import numpy as np

from autograder.assignments.pretrained_diffusion.interface import (
    GUIDED,
    PROMPT,
    SHAPE,
    UNCOND,
    Course,
    reference_forward,
    timesteps,
)
from autograder.grading.checks import Carry, Floats, Note, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges import strided
from autograder.oracles.statistics import standard_normal_fault, variance_limits, z_limit
from autograder.oracles.tolerance import between, near
from autograder.sandbox.proxies import Student

NAME, ALPHA, FAINT = "inpaint", 1e-9, 0.6


@dataclass(frozen=True)
class Inpainted:
    run: strided.Run
    original: Floats  # (C, H, W)
    mask: Floats

    @property
    def states(self) -> list[Floats]:
        """After each step."""
        return [*(step.x for step in self.run.steps[1:]), self.run.result]

    def expect_start(self, note: Note) -> None:
        expect(self.run.steps, f"{NAME} must ask the network in every step; yours never asks it.")
        new = self.run.steps[0].x[self.mask == 1].reshape(-1, 3)
        note("spread of the start", float(new.std()), 0.06)
        fault = standard_normal_fault(new, alpha=1e-8)
        expect(fault is None, f"{NAME} must start from x ~ N(0, I), but of its first x, where the mask is 1, {fault}.")
        factor, _ = self.level(self.run.steps[0].x, self.mask == 1)
        held = abs(factor) > z_limit(1e-8) / float(np.sqrt((self.original[self.mask == 1] ** 2).sum()))
        note("original in the start", held, 0)
        expect(not held, f"{NAME} must start from x ~ N(0, I), which knows nothing of the original; yours holds it {factor:.3f} times.")

    def level(self, state: Floats, where: Floats) -> tuple[float, float]:
        """How often the original is in a state, and the spread of the rest."""
        image, x = self.original[where], state[where]
        factor = float((image * x).sum() / (image**2).sum())
        return factor, float((x - factor * image).std())

    def expect_forced(self, note: Note) -> None:
        """The new content holds none of the original."""
        expect(self.run.steps, f"{NAME} must ask the network in every step; yours never asks it.")
        new = self.mask == 1
        factors = [self.level(state, new)[0] for state in self.states]
        note("original in the new content", [abs(f) > 0.3 for f in factors], 0)
        expect(
            not any(abs(f) > 0.3 for f in factors),
            f"Where the mask is 1, {NAME} must make new content; in yours the original stands there. "
            "Compare with m x_t′ + (1 − m) forward(x_orig, t′).",
        )

    def expect_known(self, note: Note) -> None:
        expect(self.run.steps, f"{NAME} must ask the network in every step; yours never asks it.")
        known, table, visits = self.mask == 0, self.run.model.alphas_cumprod, self.run.timesteps
        faint = known & (abs(self.original) < FAINT)  # what a picture, which ends at −1 and 1, does not clip
        levels = [self.level(state, known) for state in self.states[:-1]] + [self.level(self.states[-1], faint)]
        note("original in the known pixels", [factor for factor, _ in levels[:-1]] or [0.0], 0.09)
        note("noise in the known pixels", [spread for _, spread in levels[:-1]] or [0.0], 0.06)
        note("at the end", list(levels[-1]), 0.09)
        elsewhere, new_or_known = [self.level(state, self.mask == 1) for state in self.states], min(self.mask.sum(), (1 - self.mask).sum())
        by_chance = [0.1 + 8 * (here[1] + there[1]) / np.sqrt(new_or_known) for here, there in zip(levels, elsewhere)]
        differ = [abs(here[0] - there[0]) > limit for here, there, limit in zip(levels[:-1], elsewhere, by_chance)]
        note.measured_work(any(differ))  # the mask takes effect
        self.expect_forced(note)
        for k, (factor, spread) in enumerate(levels[: len(visits) - 1]):
            t, last = visits[k + 1], k == len(levels) - 1
            if last and near(factor, 1, 0.02) and near(spread, 0, 0.02):
                continue  # the original itself, at the end
            fits = self._fits(factor, spread, float(table[t]), faint if last else known)
            where = f"After the step to t′ = {t}, where the mask is 0, x_t′ of {NAME} must be the original noised to t′"
            right = f"√ᾱ_t′ = {np.sqrt(table[t]):.3f} times the original and noise of standard deviation {np.sqrt(1 - table[t]):.3f}"
            if not fits and last and k:
                raise WrongAnswer(
                    f"Where the mask is 0, the result of {NAME} must hold the original, and does not: yours sets the known pixels before a "
                    "step, which then changes them, or not after the last."
                )
            expect(fits, f"{where}, {right}; in yours it is {factor:.3f} times the original, and the rest has {spread:.3f}.")

    def _fits(self, factor: float, spread: float, alpha_bar: float, where: Floats) -> bool:
        """Whether a state holds the original noised to ᾱ, at ALPHA."""
        sigma = np.sqrt(1 - alpha_bar)
        error = z_limit(ALPHA) * sigma / float(np.sqrt((self.original[where] ** 2).sum())) + 2e-3
        low, high = variance_limits(int(where.sum()), ALPHA)
        return near(factor, np.sqrt(alpha_bar), error) and between((spread / sigma) ** 2, low * 0.99, high * 1.01)


def inpainted(student: Student, draw: Draw, carry: Carry) -> Inpainted:
    """One run, with a secret rectangle of new content."""
    scale = round(float(draw.uniform(2.5, 6)), 2)
    course, visits = Course(student, draw, "guided", scale), timesteps(draw, 6)
    original = np.sign(draw.normal(*SHAPE)) * np.where(draw.uniform(0, 1, *SHAPE) < 0.25, 0.4, draw.uniform(0.9, 1, *SHAPE))
    mask = np.zeros(SHAPE)
    top, left = draw.integer(2, 20), draw.integer(2, 20)
    mask[:, top : top + draw.integer(36, 42), left : left + draw.integer(36, 42)] = 1
    numbers = np.random.default_rng(draw.seed())
    course.stand_in_for("forward", carry, reference_forward(course.alphas_cumprod, numbers))
    given, of_mask = course.given(original), course.given(mask)
    handle = course.call(NAME, given, of_mask, course.embedding(PROMPT), course.embedding(UNCOND), visits, scale=scale)
    result, inside = course.image(handle, NAME)

    def expect_kept(note: Note) -> None:
        course.expect_kept(given, original[None], NAME, note)
        course.expect_kept(of_mask, mask[None], NAME, note, "the mask")

    run = strided.Run(NAME, course.model, visits, GUIDED, scale, result, inside, counts=mask, expect_kept=expect_kept)
    return Inpainted(run, original, mask)
