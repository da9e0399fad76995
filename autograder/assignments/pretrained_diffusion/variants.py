"""Right solutions of many shapes. Each must get full marks."""

from autograder.assignments.pretrained_diffusion.right_basics import BASICS
from autograder.assignments.pretrained_diffusion.right_illusions import ILLUSIONS
from autograder.assignments.pretrained_diffusion.right_loops import LOOPS
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (*LOOPS, *BASICS, *ILLUSIONS)
