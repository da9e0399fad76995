"""Known mistakes: those of task 1 in ddpm.py, which is the same file here."""

from autograder.assignments.swiss_roll import misconceptions

MISCONCEPTIONS = tuple(m for m in misconceptions.MISCONCEPTIONS if m.region.startswith("ddpm.py:"))
COMBINATIONS = tuple(
    chosen for chosen in misconceptions.COMBINATIONS if set(chosen) <= {mistake.id for mistake in MISCONCEPTIONS}
)
RIGHT_FORMS = tuple(form for form in misconceptions.RIGHT_FORMS if form.region.startswith("ddpm.py:"))
ALGORITHMS = misconceptions.ALGORITHMS
