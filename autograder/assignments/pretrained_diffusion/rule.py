"""The rule of what the functions draw, as the table [outcome] of the manifest; docs/outcome-rule.md has the measurements behind its numbers."""

from dataclasses import dataclass

from autograder.outcome_rule import Measure, OutcomeRule


@dataclass(frozen=True)
class Rule(OutcomeRule):
    attempts: int  # a missed threshold is tried again with other random numbers
    scale: float  # γ
    samples: int  # guided ones, and as many without guidance
    guided_misses: float  # share of guided samples in which a classifier does not see the prompt; it must stay below
    guidance_gain: float  # by how much more often guided samples show their prompt than those with γ = 0, at least
    edits: int  # pictures that are edited
    edit_late: int  # i_start from which an edit keeps the picture
    edit_early: int  # i_start from which it shows what the prompt asks for
    edit_misses: float  # share of the edits, late and early, that do not; it must stay below
    inpainted: int  # pictures with a hole
    known_error: float  # root mean square error of the known pixels; it must stay below
    illusions: int  # pictures that are drawn
    illusion_misses: float  # share of them that do not read both ways; it must stay below

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure("pictures.guided_samples", "share without the prompt", self.guided_misses),
            Measure("pictures.edits", "share of edits that miss", self.edit_misses),
            Measure("pictures.inpainting", "error of the known pixels", self.known_error),
            Measure("pictures.illusions", "share that does not read both ways", self.illusion_misses),
        )
