"""Right solutions of other shapes."""

from autograder.assignments.mnist_diffusion.right_diffusion import DIFFUSION
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (*DIFFUSION,)
