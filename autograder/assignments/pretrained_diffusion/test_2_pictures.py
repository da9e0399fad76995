"""What the functions draw with the given model. The rule is in docs/outcome-rule.md."""

from autograder.assignments.pretrained_diffusion.outcome import Outcome
from autograder.grading.checks import Carry, Note, task


@task("pictures", points=4, region="outcome", false_fail=1e-8, detects="samples that do not show their prompts")
def test_guided_samples(outcome: Outcome, note: Note, carry: Carry) -> None:
    """Guided samples show what the prompt asks for, and much more often than samples without the prompt."""
    outcome.expect(outcome.expect_guided, note, carry)


@task("pictures", points=2, region="outcome", false_fail=1e-8, detects="edits that lose the picture, or do not follow the prompt")
def test_edits(outcome: Outcome, note: Note, carry: Carry) -> None:
    """An edit from a large i_start keeps the picture, one from a small i_start follows the prompt."""
    outcome.expect(outcome.expect_edits, note, carry)


@task("pictures", points=2, region="outcome", false_fail=1e-6, detects="known pixels off by 0.05")
def test_inpainting(outcome: Outcome, note: Note, carry: Carry) -> None:
    """The known part of an inpainted picture is the original's."""
    outcome.expect(outcome.expect_inpainting, note, carry)


@task("pictures", points=2, region="outcome", false_fail=1e-7, detects="pictures that do not read both ways")
def test_illusions(outcome: Outcome, note: Note, carry: Carry) -> None:
    """A visual anagram shows one prompt upright and the other upside down."""
    outcome.expect(outcome.expect_illusions, note, carry)
