"""Known wrong versions of the regions, by exercise, each with what a student reads about it."""

from autograder.assignments.minimal_diffusion.wrong_conditional import CONDITIONAL, LOSS
from autograder.assignments.minimal_diffusion.wrong_conditional import SAMPLE as CONDITIONAL_SAMPLE
from autograder.assignments.minimal_diffusion.wrong_diffusion import FORWARD, SAMPLE, SCHEDULE
from autograder.assignments.minimal_diffusion.wrong_unet import UNET
from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception
from autograder.judges.formulas import COMPUTE_LOSS, SAMPLING

MISCONCEPTIONS: tuple[Misconception, ...] = (*SCHEDULE, *FORWARD, *SAMPLE, *UNET, *CONDITIONAL)

RIGHT_FORMS: tuple[Misconception, ...] = (
    Misconception(
        "in-posterior-variance", "2", "ddpm.py:DDPM.sample", "",
        edits=(("sigma_t[t] * z", "(beta_t[t] * (1 - alphabar_t[t - 1]) / (1 - alphabar_t[t])).sqrt() * z"),),
    ),
)  # fmt: skip

ALGORITHMS: dict[str, Algorithm] = {
    "ddpm.py:DDPM.forward": COMPUTE_LOSS,
    "ddpm.py:DDPM.sample": SAMPLING,
    "conditional.py:DDPM.forward": LOSS,
    "conditional.py:DDPM.sample": CONDITIONAL_SAMPLE,
}

COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("t-from-0", "sum-for-mean"),
    ("noise-at-t-0", "division-forgotten"),
    ("variance-for-standard-deviation", "eps-without-coefficient"),
    ("alphabar-of-betas", "noise-at-t-0"),
    ("t-never-T-minus-1", "input-link-missing", "labels-without-modulo"),
)
