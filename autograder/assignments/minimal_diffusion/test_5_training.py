"""Exercise 5: the grader trains the submission itself. The rule is in docs/outcome-rule.md."""

from autograder.assignments.minimal_diffusion.outcome import Outcome
from autograder.grading.checks import Carry, Note, task


@task("5", points=5, region="outcome", false_fail=1e-3, detects="a loss above the threshold in each of three trainings")
def test_the_loss_falls(outcome: Outcome, note: Note, carry: Carry) -> None:
    """Trained by the course's recipe for the stated number of steps, the loss of `DDPM(UNet())` falls below the threshold."""
    outcome.expect(note, carry)
