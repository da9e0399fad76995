"""Known wrong versions of the regions, by task, each with what a student reads about it."""

from autograder.assignments.pretrained_diffusion import wrong_basics, wrong_edits, wrong_illusions, wrong_steps
from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception

MISCONCEPTIONS: tuple[Misconception, ...] = (
    *wrong_basics.FORWARD,
    *wrong_basics.CLASSICAL,
    *wrong_basics.ONE_STEP,
    *wrong_steps.ITERATIVE,
    *wrong_steps.GUIDED,
    *wrong_edits.SDEDIT,
    *wrong_edits.INPAINT,
    *wrong_illusions.FLIP,
    *wrong_illusions.HYBRIDS,
)

RIGHT_FORMS: tuple[Misconception, ...] = ()

ALGORITHMS: dict[str, Algorithm] = {}

COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("forgot-the-square-roots", "edit-prompts-swapped"),
    ("root-at-the-noise-missing", "known-pixels-at-t"),
    ("cfg-guidance-from-the-prompt", "edit-noised-to-the-first"),
    ("alpha-is-alpha-bar", "i-start-forgotten"),
    ("beta-of-alpha-bar", "noise-for-variance"),
    ("not-turned-back", "flip-variance-of-the-null-prompt"),
    ("passes-swapped", "hybrid-variance-of-the-null-prompt"),
    ("mask-inverted", "paint-guidance-sum"),
)
