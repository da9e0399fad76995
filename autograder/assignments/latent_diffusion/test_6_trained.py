"""What a trained model draws: one that is handed in, or one that the grader trains. The rule is in docs/outcome-rule.md."""

from autograder.assignments.latent_diffusion.outcome import Outcome
from autograder.grading.checks import Carry, Note, task


@task("mnist", points=2, region="outcome", false_fail=3e-3, detects="too few right digits after each of three trainings")
def test_digits(outcome: Outcome, note: Note, carry: Carry) -> None:
    """Samples of the trained model are the digits that were asked for."""
    outcome.expect_digits(note, carry)
