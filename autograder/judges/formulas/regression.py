"""The mean of the squared error, and what is made of it instead: the mistakes of DDPM's loss that any such loss may have."""

import dataclasses

from autograder.grading.formulas import Change
from autograder.judges.formulas.loss import COMPUTE_LOSS

REDUCTIONS: tuple[Change, ...] = tuple(
    dataclasses.replace(change, explanation=change.explanation.replace("DDPM, Eq. 14", "the equation of the loss"))
    for change in COMPUTE_LOSS.mistakes
    if change.parts.keys() == {"reduced"} and change.id != "loss-weighted-by-t"
)
"""They replace the part `reduced(v, difference)`, of which the mean of difference² is right."""
