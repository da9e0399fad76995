"""Right solutions of many shapes. Each must get full marks."""

from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = ()
