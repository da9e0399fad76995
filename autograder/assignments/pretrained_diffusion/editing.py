"""What must hold of `sdedit`, whether it calls the two functions before it or does their work itself.

Where `iterative_denoise_cfg` is known to be wrong, the grader's answers in its place, and what it is called with is judged.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.assignments.pretrained_diffusion.interface import (
    GUIDED,
    PROMPT,
    SHAPE,
    UNCOND,
    Course,
    alphas_cumprod,
    reference_forward,
    timesteps,
)
from autograder.grading.checks import Carry, Floats, Note, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges import strided
from autograder.judges.expectations import f32
from autograder.judges.own_noise import factor_of
from autograder.oracles.statistics import standard_normal_fault
from autograder.oracles.tolerance import near
from autograder.sandbox.proxies import Student

NAME, FORWARD, GUIDED_LOOP = "sdedit", "forward", "iterative_denoise_cfg"


@dataclass
class Denoised:
    """What the guided loop was called with, in the place of a wrong one."""

    image: Any
    i_start: Any
    prompts: list[Any]
    visits: Any
    scale: Any


@dataclass
class Edit:
    """One call of `sdedit`. `first`: what it denoises, (C, H, W); `result`: what it returned."""

    course: Course
    first: Floats
    result: Floats
    inside: Floats
    denoised: list[Denoised]


@dataclass
class SDEdit:
    student: Student
    draw: Draw
    carry: Carry

    def __post_init__(self) -> None:
        self.scale = round(float(self.draw.uniform(2.5, 6)), 2)
        self.visits, self.i_start = timesteps(self.draw, 6), self.draw.integer(1, 3)
        self.table = alphas_cumprod(self.draw)
        self.numbers, self.made = self.draw.seed(), f32(self.draw.uniform(-0.9, 0.9, 1, *SHAPE))

    def run(self, image: Floats, seed: int) -> Edit:
        course = Course(self.student, self.draw, "guided", self.scale, table=self.table)
        denoised: list[Denoised] = []
        given = course.given(image)
        numbers = np.random.default_rng(self.numbers)
        course.stand_in_for(FORWARD, self.carry, reference_forward(course.alphas_cumprod, numbers))

        def denoise(image: Any, i_start: Any, one: Any, other: Any, visits: Any, scale: Any = 7, display: Any = True) -> Any:
            denoised.append(Denoised(image, i_start, [one, other], visits, scale))
            return self.made

        course.stand_in_for(GUIDED_LOOP, self.carry, denoise)
        self.student.seed = seed
        handle = course.call(NAME, given, self.i_start, course.embedding(PROMPT), course.embedding(UNCOND), self.visits, scale=self.scale)
        self.student.seed = None
        result, inside = course.image(handle, NAME)
        expect(
            denoised or course.model.steps,
            f"{NAME} must denoise what it has noised, by {GUIDED_LOOP}; yours never asks the network.",
        )
        first = course.model.steps[0].x if course.model.steps else np.asarray(denoised[0].image, dtype=np.float64)
        expect(first.size == image.size, f"{NAME} must denoise an image like its own, {(1, *SHAPE)}; yours denoises one of shape {first.shape}.")
        course.expect_kept(given, image[None], NAME, Note())
        return Edit(course, first.reshape(SHAPE), result, inside, denoised)

    def judge_start(self, note: Note) -> None:
        """Raises WrongAnswer."""
        images, seed = [self.draw.uniform(-1, 1, *SHAPE) for _ in range(2)], self.draw.seed()
        first, second = (self.run(image, seed) for image in images)
        factor, rest, error = factor_of(first.first - second.first, images[0] - images[1])
        t = self.visits[self.i_start]
        level, sigma = float(np.sqrt(self.table[t])), float(np.sqrt(1 - self.table[t]))
        noise = first.first - factor * images[0]
        note("factor of the image", factor, 4e-3)
        note("spread of the noise", float(noise.std()), 0.05)
        must = f"{NAME} must noise its image to t = timesteps[i_start] = {t}"
        expect(
            near(factor, level, 3e-3 + (error if rest > 5e-3 else 0)),
            f"{must}, so that what is denoised holds it √ᾱ_t = {level:.4f} times; yours holds it {factor:.4f} times.",
        )
        fault = standard_normal_fault(noise / sigma, alpha=1e-8)
        expect(fault is None, f"{must}, but of the noise in what yours denoises, relative to √(1 − ᾱ_t), {fault}.")

    def judge_denoising(self, note: Note) -> None:
        """Raises WrongAnswer."""
        edit = self.run(self.draw.uniform(-1, 1, *SHAPE), self.draw.seed())
        if edit.denoised:
            return self._judge_call(edit, note)
        visits = self.visits[self.i_start :]
        run = strided.Run(NAME, edit.course.model, visits, GUIDED, self.scale, edit.result, edit.inside)
        strided.expect_visits(run, note)
        strided.expect_asked(run, note)
        strided.expect_weights(run, note, "the noise must be ε_u + γ (ε_c − ε_u) with this γ")
        strided.expect_mean(run, note)
        strided.expect_noise(run, note, {"": strided.variance_of(PROMPT)}, "the one that is predicted for the prompt in this step")
        note.measured_work(True)

    def _judge_call(self, edit: Edit, note: Note) -> None:
        call = edit.denoised[0]
        visits = [int(t) for t in np.asarray(call.visits).ravel()] if np.asarray(call.visits).dtype.kind in "if" else []
        started = np.asarray(call.i_start).ravel()
        expect(visits == self.visits, f"{NAME} must hand its timesteps on; yours hands over others.")
        right = started.size == 1 and started[0] == self.i_start
        expect(right, f"{NAME} must start the denoising at its i_start, {self.i_start}; yours starts it at {call.i_start}.")
        for mine, name in zip(call.prompts, (PROMPT, UNCOND)):
            right = isinstance(mine, np.ndarray) and mine.size == edit.course.prompts[name].size
            right = right and near(mine.reshape(edit.course.prompts[name].shape), edit.course.prompts[name], 0.02)
            if not right:
                raise WrongAnswer(f"{NAME} must hand its {name} on to {GUIDED_LOOP}; yours hands over something else in this place.")
        expect(near(call.scale, self.scale, 1e-3), f"{NAME} must hand its scale on, {self.scale:g}; yours hands over {call.scale}.")
        same = near(edit.result, self.made[0], 5e-3)
        note("result", same, 0)
        expect(same, f"{NAME} must return what {GUIDED_LOOP} gives.")
        note.measured_work(True)
