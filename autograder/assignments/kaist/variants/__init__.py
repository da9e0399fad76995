"""Right solutions of ddpm.py of many shapes, as students and researchers write them. Each must get full marks.

Most change a few regions of the solution; what they leave alone is the solution's own. The last ones replace whole files.
"""

from autograder.assignments.kaist.variants import forms_of_t, helpers, loops, losses, steps
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = tuple(
    variant for module in (forms_of_t, steps, loops, losses, helpers) for variant in module.VARIANTS
)
