"""Known mistakes: those in ddpm.py, which both KAIST tasks share, but for a clamp at ±1, where images end: that is right here."""

from autograder.assignments.kaist.misconceptions import ALGORITHMS as ALGORITHMS
from autograder.assignments.kaist.misconceptions import COMBINATIONS as COMBINATIONS
from autograder.assignments.kaist.misconceptions import MISCONCEPTIONS as OF_DDPM
from autograder.assignments.kaist.misconceptions import RIGHT_FORMS as RIGHT_FORMS

MISCONCEPTIONS = tuple(mistake for mistake in OF_DDPM if mistake.id not in ("x0-clamped-to-one", "ddim-x0-clamped-to-one"))
