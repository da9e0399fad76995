"""Task 2-1: the samples, judged by their Fréchet inception distance (FID) to real images (Heusel et al., 2017)."""

from typing import Any

from autograder.grading.checks import Carry, Note, task


@task("2-1", points=15, region="outcome", detects="an FID above the second threshold")
def test_fid_half(outcome: Any, note: Note, carry: Carry) -> None:
    """500 images of 64×64 drawn by your model have an FID below the second threshold; half of the points."""
    outcome.expect("fid_half", note, carry)


@task("2-1", points=15, region="outcome", detects="an FID above the first threshold")
def test_fid_full(outcome: Any, note: Note, carry: Carry) -> None:
    """The FID of these images is below the first threshold too; the other half of the points."""
    outcome.expect("fid_full", note, carry)
