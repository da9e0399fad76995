"""EDM's loss (judges/edm_loss.py). Its numbers: with inputs["P_mean"], ["P_std"], "mean and spread of ln σ", "kinds of σ", "mean and spread of ε",
"σ, ε again", "the noise that is given"; "loss", of inputs["y"], ["x"], ["answer"], ["sigma"], ["sigma_data"].
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake
from autograder.judges.formulas.edm import out, skip
from autograder.judges.formulas.regression import REDUCTIONS


def _loss_numbers(p: Any, note: Note) -> Numbers:
    found: dict[str, Any] = {}
    if "P_mean" in note.inputs:
        found |= {"kinds of σ": p.kinds(), "mean and spread of ε": p.noise(), "σ, ε again": p.again()}
        found["the noise that is given"] = p.uses_the_given()
        if p.kinds() > 1:  # else the spread is 0, and the mean anything
            found["mean and spread of ln σ"] = p.levels(note.inputs["P_mean"], note.inputs["P_std"])
    if {"y", "x", "answer", "sigma", "sigma_data"} <= note.inputs.keys() and "loss" in note.values:
        v = SimpleNamespace(**note.inputs)
        denoised = skip(v.sigma, v.sigma_data) * v.x + out(v.sigma, v.sigma_data) * v.answer
        found["loss"] = p.reduced(v, np.sqrt(p.weight(v.sigma, v.sigma_data)) * (denoised - p.target(v)))
    return found


EDM_LOSS = Algorithm(
    parts=dict(
        levels=lambda mean, std: (mean, std),
        kinds=lambda: 3,
        noise=lambda: (0.0, 1.0),
        again=lambda: (False, False),
        uses_the_given=lambda: True,
        weight=lambda s, d: 1 / out(s, d) ** 2,
        target=lambda v: v.y,
        reduced=lambda v, difference: (difference**2).mean(),
    ),
    measure=_loss_numbers,
    mistakes=(
        mistake(
            "levels-hard-coded",
            "ln σ seems to have the mean and the spread of the paper whatever self.P_mean and self.P_std are. Look for numbers in their place.",
            levels=lambda mean, std: (-1.2, 1.2),
        ),
        mistake(
            "levels-spread-squared",
            "ln σ seems to have the square of P_std for its standard deviation. Compare with the distribution in EDM, Table 1.",
            levels=lambda mean, std: (mean, std**2),
        ),
        mistake(
            "levels-spread-forgotten",
            "ln σ seems to be spread as a standard normal number. Compare with the distribution in EDM, Table 1.",
            levels=lambda mean, std: (mean, 1.0),
        ),
        mistake(
            "levels-mean-forgotten",
            "ln σ seems to have the mean 0. Compare with the distribution in EDM, Table 1.",
            levels=lambda mean, std: (0.0, std),
        ),
        mistake(
            "levels-mean-reversed",
            "ln σ seems to have the mean −P_mean. Look at the sign (EDM, Table 1).",
            levels=lambda mean, std: (-mean, std),
        ),
        mistake(
            "one-level-for-the-batch",
            "All images of a batch seem to get the same σ, which makes the loss jump from step to step. Look at the shape of the σ that you draw.",
            kinds=lambda: 1,
        ),
        mistake(
            "noise-uniform",
            "Your noise seems to come from a uniform distribution. Compare the names of the random functions.",
            noise=lambda: (0.5, 12**-0.5),
        ),
        mistake(
            "same-at-every-call",
            "σ and the noise seem to be the same at every call. Look for a seed that is set, or for what is kept.",
            again=lambda: (True, True),
        ),
        mistake(
            "given-noise-ignored",
            "Your loss seems to draw noise also where it is given some. Look at the argument `noise`.",
            uses_the_given=lambda: False,
        ),
        mistake(
            "not-weighted",
            "The squared errors of all σ seem to count the same in your loss. Look at λ(σ) in EDM, Table 1.",
            weight=lambda s, d: np.ones_like(s),
        ),
        mistake(
            "weight-upside-down",
            "Your weight seems to be 1/λ(σ). Compare it with EDM, Table 1.",
            weight=lambda s, d: out(s, d) ** 2,
        ),
        mistake(
            "weight-not-squared",
            "The lower part of your weight seems not to be squared. Compare it with EDM, Table 1.",
            weight=lambda s, d: (s**2 + d**2) / (s * d),
        ),
        mistake(
            "weight-of-sum",
            "The lower part of your weight seems to be a sum. Compare it with EDM, Table 1, the column of EDM itself.",
            weight=lambda s, d: (s**2 + d**2) / (s + d) ** 2,
        ),
        mistake(
            "weight-of-noise",
            "Your weight seems to be 1/σ², that of other models. Compare it with EDM, Table 1, the column of EDM itself.",
            weight=lambda s, d: 1 / s**2,
        ),
        mistake(
            "target-is-noise",
            "Your loss seems to compare D(x; σ) with the noise. What does D estimate (EDM, Eq. 2)?",
            target=lambda v: (v.x - v.y) / v.sigma,
        ),
        mistake(
            "target-is-x",
            "Your loss seems to compare D(x; σ) with the images that it was given, with their noise. What does D estimate (EDM, Eq. 2)?",
            target=lambda v: v.x,
        ),
        *REDUCTIONS,
    ),
)
