"""Known wrong versions of the regions, by task, each with what a student reads about it."""

from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception

MISCONCEPTIONS: tuple[Misconception, ...] = ()

RIGHT_FORMS: tuple[Misconception, ...] = ()

ALGORITHMS: dict[str, Algorithm] = {}

COMBINATIONS: tuple[tuple[str, ...], ...] = ()
