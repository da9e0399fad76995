"""Known wrong versions of the regions, by task, each with what a student reads about it."""

from autograder.assignments.mnist_diffusion.wrong_denoising import DENOISING, NOISE
from autograder.assignments.mnist_diffusion.wrong_denoising import LOSS as DENOISING_LOSS
from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception

MISCONCEPTIONS: tuple[Misconception, ...] = (*DENOISING,)

RIGHT_FORMS: tuple[Misconception, ...] = ()

ALGORITHMS: dict[str, Algorithm] = {
    "denoising.py:add_noise": NOISE,
    "denoising.py:denoising_loss": DENOISING_LOSS,
}

COMBINATIONS: tuple[tuple[str, ...], ...] = ()
