"""Known wrong versions of the regions, by task, each with what a student reads about it."""

from autograder.assignments.latent_diffusion import wrong_edm, wrong_fid, wrong_stable_diffusion
from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception

MISCONCEPTIONS: tuple[Misconception, ...] = (*wrong_edm.EDM, *wrong_fid.FID, *wrong_stable_diffusion.STABLE_DIFFUSION)

RIGHT_FORMS: tuple[Misconception, ...] = ()

ALGORITHMS: dict[str, Algorithm] = {**wrong_edm.ALGORITHMS, **wrong_fid.ALGORITHMS}

COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("edm-skip-with-root", "edm-out-without-root"),
    ("edm-loss-not-weighted", "edm-loss-levels-mean-forgotten"),
    ("edm-heun-start-not-scaled", "edm-heun-slopes-not-halved"),
    ("fid-root-once", "fid-shift-left-out"),
)
