"""The rule of the trained model, as the table [outcome] of the manifest; docs/outcome-rule.md has the measurements behind its numbers."""

from dataclasses import dataclass

from autograder.outcome_rule import Measure, OutcomeRule, Recipe


@dataclass(frozen=True)
class Rule(OutcomeRule):
    side: int  # of the digits in the grader's own training
    digits: Recipe  # of the grader's own training; `width` is dim
    max_trainings: int  # a missed threshold is tried again with another seed; the best training counts
    steps: int  # in which samples are drawn: T of the grader's training; of weights that are handed in, as many of their T
    samples: int  # how many are drawn, as many of each digit
    wrong_digits: float  # share of samples that the classifier takes for another digit than asked for; it must stay below

    def measures(self) -> tuple[Measure, ...]:
        return (Measure("mnist.digits", "share of wrong digits", self.wrong_digits),)
