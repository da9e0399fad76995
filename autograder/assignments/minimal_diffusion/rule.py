"""The rule of exercise 5, as the table [outcome] of the manifest; docs/outcome-rule.md has the measurements behind its numbers."""

from dataclasses import dataclass
from typing import Literal

from autograder.outcome_rule import Measure, OutcomeRule


@dataclass(frozen=True)
class Recipe:
    """Batches of 16 from `pool` digits, Adam with a constant rate; the mean of the last `average` losses must be below `threshold`."""

    steps: int
    size: int
    pool: int
    average: int
    threshold: float


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
