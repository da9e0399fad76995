"""Known mistakes: those in ddpm.py, which both KAIST tasks share, but for clamps at ±1, where images end: they are right here."""

from autograder.assignments.kaist.misconceptions import ALGORITHMS as ALGORITHMS
from autograder.assignments.kaist.misconceptions import COMBINATIONS as COMBINATIONS
from autograder.assignments.kaist.misconceptions import MISCONCEPTIONS as OF_DDPM
from autograder.assignments.kaist.misconceptions import RIGHT_FORMS as RIGHT_FORMS

RIGHT_FOR_IMAGES = ("x0-clamped-to-one", "ddim-x0-clamped-to-one", "result-clamped-to-one", "ddim-result-clamped-to-one")
MISCONCEPTIONS = tuple(mistake for mistake in OF_DDPM if mistake.id not in RIGHT_FOR_IMAGES)
