"""Right solutions of another shape."""

from autograder.grading.mutants import Variant

VARIANTS = (
    Variant(
        "label-first",
        "Asks for the label first, and sums otherwise.",
        bodies={"guided/step.py:step": "labelled = network(x, t, 1)\nreturn x + SIZE * (w * labelled + (1 - w) * network(x, t, None))"},
    ),
)
