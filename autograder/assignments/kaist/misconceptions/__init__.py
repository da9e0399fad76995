"""Known wrong versions of the regions of ddpm.py, most of them seen in real code, each with what a student reads about it.

Every one loses points in its own task and nowhere else. `edits` change the solution of the region, so that two mistakes of one region
can be made together; a `body` replaces it. No two behave alike on all inputs. An explanation says what the code seems to do and what to
compare it with, never what to write. Those that `judges/formulas` has a formula for are recognised by it, and their edits are its proof;
they have an explanation here only where the words of this course's files say more than those that stand with the formula.
"""

from autograder.assignments.kaist.misconceptions import (
    compute_loss,
    ddim_p_sample,
    ddim_p_sample_loop,
    p_sample,
    p_sample_loop,
    q_sample,
)
from autograder.assignments.kaist.misconceptions.p_sample import RIGHT_FORMS
from autograder.grading.mutants import Misconception
from autograder.judges.formulas import ALGORITHMS

_REGIONS = (q_sample, p_sample, p_sample_loop, ddim_p_sample, ddim_p_sample_loop, compute_loss)
MISCONCEPTIONS: tuple[Misconception, ...] = tuple(m for region in _REGIONS for m in region.MISCONCEPTIONS)

# Mistakes that one student makes together. Those in different tasks must cost each of their tasks, and no other.
COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("both-roots-missing", "x0-root-missing-on-noise"),
    ("q-alpha-for-alpha-bar", "ddim-alpha-for-alpha-bar", "t-never-T-minus-1"),
    ("noise-argument-ignored", "loss-against-fresh-noise"),
    ("root-missing-on-noise", "sum-for-mean"),
    ("multiplied-by-root-alpha", "x0-not-divided"),
    ("variance-for-standard-deviation", "ddim-variance-for-standard-deviation", "t-never-0"),
    ("loop-upwards", "ddim-loop-upwards"),
    ("posterior-mean-index-minus-one", "ddim-index-minus-one"),
    ("network-fed-fraction", "ddim-network-fed-fraction", "loss-network-fed-fraction"),
    ("ddim-loop-empty", "one-t-for-the-batch"),
    ("no-noise-at-t-1", "eta-not-passed-on", "sum-over-coordinates"),
    ("root-missing-on-x0", "noise-argument-ignored"),
    ("q-alpha-for-alpha-bar", "noise-subtracted"),
    ("noise-at-t-0", "variance-for-standard-deviation"),
    ("noise-at-t-0", "multiplied-by-root-alpha"),
    ("network-fed-t-minus-1", "eps-coefficient-without-root"),
    ("no-noise-at-t-1", "one-noise-for-all-rows"),
    ("start-from-uniform", "loop-stops-at-t-1"),
    ("t-prev-clamped-to-0", "eta-inside-the-root"),
    ("x0-not-divided", "direction-ignores-sigma"),
    ("direction-sigma-not-squared", "sigma-from-beta"),
    ("ddim-start-from-zeros", "eta-not-passed-on"),
    ("t-never-T-minus-1", "sum-over-coordinates"),
    ("t-never-0", "loss-against-fresh-noise"),
)

__all__ = ["ALGORITHMS", "COMBINATIONS", "MISCONCEPTIONS", "RIGHT_FORMS"]
