"""Known mistakes: those in ddpm.py, which both KAIST tasks share."""

from autograder.assignments.kaist.misconceptions import ALGORITHMS as ALGORITHMS
from autograder.assignments.kaist.misconceptions import COMBINATIONS as COMBINATIONS
from autograder.assignments.kaist.misconceptions import MISCONCEPTIONS as MISCONCEPTIONS
from autograder.assignments.kaist.misconceptions import RIGHT_FORMS as RIGHT_FORMS
