"""The rule of the trained models, as the table [outcome] of the manifest; docs/outcome-rule.md has the measurements behind its numbers."""

from dataclasses import dataclass

from autograder.outcome_rule import Measure, OutcomeRule, Recipe


@dataclass(frozen=True)
class Rule(OutcomeRule):
    denoiser: Recipe
    guided: Recipe
    max_trainings: int  # a missed threshold is tried again with another seed; the best training counts
    sigma: float  # of the noise that the denoiser takes away
    held_out: int  # digits on which its error is measured
    denoising_error: float  # mean of (D_θ(z) − x)²; it must stay below
    num_ts: int  # of the guided samples
    guidance_scale: float
    samples: int  # how many are drawn, as many of each digit
    wrong_digits: float  # share of samples that the classifier takes for another digit than asked for; it must stay below
    better_by: float  # a better U-Net's error must stay below this share of the given one's
    most_weights: float  # that it may have, as a multiple of the given one's

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure("trained.guided_digits", "share of wrong digits", self.wrong_digits),
            Measure("trained.the_denoiser", "denoising error", self.denoising_error),
            Measure("better.a_better_unet", "error relative to the given U-Net", self.better_by),
        )
