"""Right solutions of another shape: those of task 1 that leave network.py alone, as ddpm.py is the same file here."""

from autograder.assignments.swiss_roll import variants

VARIANTS = tuple(
    variant
    for variant in variants.VARIANTS
    if not any(name.startswith("network.py") for name in (*variant.bodies, *variant.edits, *variant.files))
)
