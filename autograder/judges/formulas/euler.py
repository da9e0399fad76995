"""A sampler by Euler's method, with or without guidance (judges/euler.py).

Its numbers: of each run, with inputs["steps"], ["scales"], "number of steps, run 0", "t times T, …" of the first, second and last step,
"weights, …" of v without labels and with them; "mean and spread of the start", "the same start for …".
"""

from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake
from autograder.judges.formulas.guidance import guidance_mistakes


def _euler_numbers(p: Any, note: Note) -> Numbers:
    found: dict[str, Any] = {"mean and spread of the start": p.start(), "the same start for the same seed, for another, for all images": p.seeds()}
    if not {"steps", "scales"} <= note.inputs.keys():
        return found
    steps = note.inputs["steps"]
    times = np.array(p.times(steps))
    for number, scale in enumerate(note.inputs["scales"]):
        weights = np.array(p.weights(scale)) * p.size(steps) * steps
        with_labels = f"weights, run {number}" in note.values and note.values[f"weights, run {number}"][0].size == 2
        found[f"number of steps, run {number}"] = len(times)
        found[f"t times T, run {number}"] = times[[0, 1, -1]] * steps
        found[f"weights, run {number}"] = weights if with_labels else weights.sum()
    return found


def _even(first: int, last: int, steps: int) -> list[float]:
    return [i / steps for i in range(first, last + 1)]


EULER = Algorithm(
    parts=dict(
        times=lambda T: _even(0, T - 1, T),
        size=lambda T: 1 / T,
        weights=lambda scale: (1 - scale, scale),  # of v without the label, and with it
        start=lambda: (0.0, 1.0),
        seeds=lambda: (True, False, False),  # the same start for the same seed, for another seed, for all images
    ),
    measure=_euler_numbers,
    mistakes=(
        mistake(
            "one-step-too-many",
            "Your loop seems to take one step too many, at t = 1. Look at where it ends; if t is summed up, such a sum is not exactly 1.",
            times=lambda T: _even(0, T, T),
        ),
        mistake(
            "last-step-missing",
            "Your loop seems to leave out its last step, so that the result is not at t = 1. Print the t of every step.",
            times=lambda T: _even(0, T - 2, T),
        ),
        mistake(
            "first-step-missing",
            "Your loop seems to leave out its first step, at t = 0. Print the t of every step.",
            times=lambda T: _even(1, T - 1, T),
        ),
        mistake(
            "times-one-step-late",
            "Every step of yours seems to ask for the velocity where it is going to, and not where it is. Print the t of every step.",
            times=lambda T: _even(1, T, T),
        ),
        mistake(
            "times-backwards",
            "Your t seems to run backwards. Flow matching goes from noise, at t = 0, to data, at t = 1.",
            times=lambda T: _even(0, T - 1, T)[::-1],
        ),
        mistake("times-backwards", times=lambda T: _even(1, T, T)[::-1]),
        mistake(
            "times-stretched-to-1",
            "Your times seem to be stretched so that the last step is at t = 1. With T steps of size 1/T, where does the last one begin?",
            times=lambda T: [i / (T - 1) for i in range(T)],
        ),
        mistake(
            "times-not-divided",
            "Your network seems to be given the number of the step. It is to be told the time, from 0 to 1.",
            times=lambda T: [float(i) for i in range(T)],
        ),
        mistake(
            "step-not-divided",
            "Your steps seem to be of size 1. All of them together lead from t = 0 to t = 1: how long is each?",
            size=lambda T: 1.0,
        ),
        mistake(
            "step-reversed",
            "Your steps seem to go against the velocity. Look at the sign with which it is added.",
            size=lambda T: -1 / T,
        ),
        *guidance_mistakes("v"),
        mistake(
            "start-uniform",
            "Your sampling seems to start from uniform random numbers. Compare the names of the random functions.",
            start=lambda: (0.5, 12**-0.5),
        ),
        mistake(
            "seed-ignored",
            "Your sampler seems to ignore the seed. The same seed is to give the same images.",
            seeds=lambda: (False, False, False),
        ),
        mistake(
            "seed-fixed",
            "Your sampler seems to draw the same noise whatever the seed is. Look for a number in the place of seed.",
            seeds=lambda: (True, True, False),
        ),
        mistake(
            "one-start-for-all",
            "All of your images seem to start from the same noise. Look at the shape of the start.",
            seeds=lambda: (True, False, True),
        ),
    ),
)
