"""Right solutions of another shape: those of ddpm.py, which both KAIST tasks share."""

from autograder.assignments.kaist.variants import VARIANTS as VARIANTS
