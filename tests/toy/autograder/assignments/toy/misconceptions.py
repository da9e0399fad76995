"""Known mistakes."""

from autograder.grading.mutants import Misconception

MISCONCEPTIONS = (
    Misconception(
        "steps-back", "1", "plain/step.py:step", "You seem to go against what the network says; look at the sign of the move.",
        edits=(("x + SIZE", "x - SIZE"),),
    ),
    Misconception(
        "weight-lost", "2", "guided/step.py:step", "The weight w seems to have no effect in yours; look at the formula of task 2 again.",
        edits=(("w * (network", "(network"),),
    ),
)  # fmt: skip
COMBINATIONS = (("steps-back", "weight-lost"),)
RIGHT_FORMS = ()
ALGORITHMS = {}
