"""Known wrong versions of the regions, by task, each with what a student reads about it."""

from autograder.assignments.latent_diffusion import wrong_edm
from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception

MISCONCEPTIONS: tuple[Misconception, ...] = (*wrong_edm.EDM,)

RIGHT_FORMS: tuple[Misconception, ...] = ()

ALGORITHMS: dict[str, Algorithm] = {**wrong_edm.ALGORITHMS}

COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("edm-skip-with-root", "edm-out-without-root"),
    ("edm-loss-not-weighted", "edm-loss-levels-mean-forgotten"),
    ("edm-heun-start-not-scaled", "edm-heun-slopes-not-halved"),
)
