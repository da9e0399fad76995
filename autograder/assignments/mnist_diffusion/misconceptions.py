"""Known wrong versions of the regions, by task, each with what a student reads about it."""

from autograder.assignments.mnist_diffusion.wrong_loss import CLASS, CLASS_LOSS, LOSS, SCHEDULE
from autograder.assignments.mnist_diffusion.wrong_sampling import GUIDED, GUIDED_SAMPLE, SAMPLE
from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception
from autograder.judges.formulas import COMPUTE_LOSS, SAMPLING

MISCONCEPTIONS: tuple[Misconception, ...] = (*SCHEDULE, *LOSS, *SAMPLE, *CLASS, *GUIDED_SAMPLE)

RIGHT_FORMS: tuple[Misconception, ...] = ()

ALGORITHMS: dict[str, Algorithm] = {
    "time_conditional.py:ddpm_forward": COMPUTE_LOSS,
    "time_conditional.py:ddpm_sample": SAMPLING,
    "class_conditional.py:ddpm_forward": CLASS_LOSS,
    "class_conditional.py:ddpm_sample": GUIDED,
}

COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("t-never-T-minus-1", "sum-for-mean"),
    ("noise-at-t-0", "loop-starts-late"),
    ("class-noise-never-added", "guidance-of-the-paper"),
)
