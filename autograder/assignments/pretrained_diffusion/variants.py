"""Right solutions of many shapes. Each must get full marks."""

from autograder.assignments.pretrained_diffusion.right_loops import LOOPS
from autograder.assignments.pretrained_diffusion.right_rest import REST
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (*LOOPS, *REST)
