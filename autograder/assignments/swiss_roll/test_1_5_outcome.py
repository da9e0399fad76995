"""Task 1-5: the grader trains the student's code itself and measures Chamfer distances. The rule is in docs/outcome-rule.md."""

from autograder.assignments.swiss_roll.outcome import Outcome
from autograder.grading.checks import Carry, Note, task


@task(
    "1-5",
    points=12.5,
    region="outcome",
    false_fail=1e-3,
    detects="a Chamfer distance above the threshold in each of three trainings",
)
def test_ddpm_samples_the_swiss_roll(outcome: Outcome, note: Note, carry: Carry) -> None:
    """Trained for 5000 iterations, DDPM sampling gives a Chamfer distance below 20."""
    outcome.expect("ddpm", note, carry)


@task(
    "1-5",
    points=12.5,
    region="outcome",
    false_fail=1e-3,
    detects="a Chamfer distance above the threshold in each of three trainings",
)
def test_ddim_samples_the_swiss_roll(outcome: Outcome, note: Note, carry: Carry) -> None:
    """Trained for 5000 iterations, DDIM sampling in 50 steps gives a Chamfer distance below 40."""
    outcome.expect("ddim", note, carry)
