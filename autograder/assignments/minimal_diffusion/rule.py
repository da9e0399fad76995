"""The rule of exercise 5, as the table [outcome] of the manifest; docs/outcome-rule.md has the measurements behind its numbers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autograder.outcome_rule import Measure, OutcomeRule


@dataclass(frozen=True)
class Recipe:
    """Batches of 16 from `pool` digits, Adam with a constant rate; the smoothed loss must end below `threshold`."""

    steps: int
    size: int
    pool: int
    smoothing: float  # of the difference of each loss from the smoothed one, which goes into that; the course's is 0.01
    threshold: float


def smoothed(losses: NDArray[np.float64], smoothing: float) -> float:
    """The last of the smoothed losses, as the course prints them: s ← s + smoothing · (loss − s), from the first loss on (Durham, practical 5).

    losses: (steps,), of every step.
    """
    steps = len(losses)
    weights = smoothing * (1 - smoothing) ** np.arange(steps - 1, -1, -1)
    weights[0] = (1 - smoothing) ** (steps - 1)
    return float(weights @ losses)


@dataclass(frozen=True)
class Rule(OutcomeRule):
    batch_size: int
    learning_rate: float
    max_trainings: int  # a missed threshold is tried again with another seed; the best training counts
    hopeless: float  # but not beyond this multiple of the threshold
    drawn: Recipe
    mnist: Recipe  # where AUTOGRADER_MNIST names a folder with MNIST: the course's own

    def recipe(self, kind: Literal["drawn", "mnist"]) -> Recipe:
        return self.mnist if kind == "mnist" else self.drawn

    def measures(self) -> tuple[Measure, ...]:
        return (Measure("5.the_loss_falls", "loss", self.drawn.threshold),)
