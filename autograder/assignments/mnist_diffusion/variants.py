"""Right solutions of many shapes. Each must get full marks."""

from autograder.assignments.mnist_diffusion.right_denoising import DENOISING
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (*DENOISING,)
