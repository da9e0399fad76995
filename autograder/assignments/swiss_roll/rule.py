"""The rule of task 1-5, as the table [outcome] of the manifest; docs/outcome-rule.md has the measurements behind its numbers."""

from dataclasses import dataclass

from autograder.outcome_rule import Measure, OutcomeRule


@dataclass(frozen=True)
class Rule(OutcomeRule):
    ddpm_threshold: float  # of the Chamfer distance, median over the draws of one training
    ddim_threshold: float
    average_last: int  # iterations over which the weights are averaged before sampling
    ddpm_draws: int  # of num_samples points after one training
    ddim_draws: int
    more_draws: int  # further ones where the result is within `near` of the threshold
    near: float  # a share of the threshold
    max_trainings: int  # a missed threshold is tried again with another seed; the best training counts
    hopeless: float  # but not beyond this multiple of the threshold

    def threshold(self, sampler: str) -> float:
        return {"ddpm": self.ddpm_threshold, "ddim": self.ddim_threshold}[sampler]

    def draws(self, sampler: str) -> int:
        return {"ddpm": self.ddpm_draws, "ddim": self.ddim_draws}[sampler]

    def measures(self) -> tuple[Measure, ...]:
        return tuple(
            Measure(f"1-5.{name}_samples_the_swiss_roll", "Chamfer distance", self.threshold(name), name.upper(), self.near)
            for name in ("ddpm", "ddim")
        )
