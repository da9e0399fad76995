"""Known wrong versions of the regions, by exercise, each with what a student reads about it."""

from autograder.assignments.minimal_diffusion.wrong_conditional import CONDITIONAL
from autograder.assignments.minimal_diffusion.wrong_diffusion import FORWARD, SAMPLE, SCHEDULE
from autograder.assignments.minimal_diffusion.wrong_unet import UNET
from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception

MISCONCEPTIONS: tuple[Misconception, ...] = (*SCHEDULE, *FORWARD, *SAMPLE, *UNET, *CONDITIONAL)

RIGHT_FORMS: tuple[Misconception, ...] = (
    Misconception(
        "in-posterior-variance", "2", "ddpm.py:DDPM.sample", "",
        edits=(("sigma_t[t] * z", "(beta_t[t] * (1 - alphabar_t[t - 1]) / (1 - alphabar_t[t])).sqrt() * z"),),
    ),
)  # fmt: skip

ALGORITHMS: dict[str, Algorithm] = {}

COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("t-from-0", "sum-for-mean"),
    ("noise-in-the-last-step", "division-forgotten"),
    ("sigma-squared", "eps-without-coefficient"),
    ("alphabar-of-betas", "noise-in-the-last-step"),
    ("t-without-T", "input-link-missing", "labels-without-modulo"),
)
