"""What the trained models do: weights that are handed in, or short trainings by the grader. The rule is in docs/outcome-rule.md."""

from autograder.assignments.mnist_diffusion.outcome import Outcome
from autograder.grading.checks import Carry, Note, task


@task("trained", points=4, region="outcome", false_fail=3e-3, detects="an error above the threshold in each of three trainings")
def test_the_denoiser(outcome: Outcome, note: Note, carry: Carry) -> None:
    """The denoiser takes noise of σ = 0.5 away from digits that it has not seen."""
    outcome.expect_denoiser(note, carry)


@task("trained", points=6, region="outcome", false_fail=3e-3, detects="too few right digits after each of three trainings")
def test_guided_digits(outcome: Outcome, note: Note, carry: Carry) -> None:
    """Guided samples of the class-conditional model are the digits that were asked for."""
    outcome.expect_guided(note, carry)


@task("better", points=3, region="outcome", false_fail=0.0, detects="")
def test_a_better_unet(outcome: Outcome, note: Note, carry: Carry) -> None:
    """`BetterUNet` learns to denoise better than the given U-Net in as many steps."""
    outcome.expect_better(note, carry)
