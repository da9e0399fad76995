"""Known wrong versions of the regions, by task, each with what a student reads about it."""

from autograder.assignments.latent_diffusion import (
    wrong_ddim,
    wrong_ddpm,
    wrong_edm,
    wrong_fid,
    wrong_loss,
    wrong_stable_diffusion,
    wrong_unet,
)
from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception
from autograder.judges.formulas import COMPUTE_LOSS, DDIM_P_SAMPLE, P_SAMPLE, P_SAMPLE_LOOP, Q_SAMPLE

MISCONCEPTIONS: tuple[Misconception, ...] = (
    *wrong_unet.DECODER,
    *wrong_ddpm.Q,
    *wrong_ddpm.STEP,
    *wrong_ddpm.LOOP,
    *wrong_loss.LOSS,
    *wrong_loss.LATENT,
    *wrong_ddim.STEP,
    *wrong_ddim.LOOP,
    *wrong_edm.EDM,
    *wrong_fid.FID,
    *wrong_stable_diffusion.STABLE_DIFFUSION,
)

RIGHT_FORMS: tuple[Misconception, ...] = ()

ALGORITHMS: dict[str, Algorithm] = {
    "libs/ddpm.py:DDPM.q_sample": Q_SAMPLE,
    "libs/ddpm.py:DDPM.p_sample": P_SAMPLE,
    "libs/ddpm.py:DDPM.p_sample_loop": P_SAMPLE_LOOP,
    "libs/ddpm.py:DDPM.compute_loss": COMPUTE_LOSS,
    "libs/ddim.py:DDIM.p_sample": DDIM_P_SAMPLE,
    **wrong_edm.ALGORITHMS,
    **wrong_fid.ALGORITHMS,
}

COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("root-missing-on-noise", "sum-for-mean"),
    ("noise-at-t-0", "multiplied-by-root-alpha"),
    ("loop-upwards", "never-decoded"),
    ("loss-given-noise-ignored", "never-decoded"),
    ("x0-not-divided", "eta-not-passed-on"),
    ("edm-skip-with-root", "edm-out-without-root"),
    ("edm-loss-not-weighted", "edm-loss-levels-mean-forgotten"),
    ("edm-heun-start-not-scaled", "edm-heun-slopes-not-halved"),
    ("fid-root-once", "fid-shift-left-out"),
)
