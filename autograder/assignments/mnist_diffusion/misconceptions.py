"""Known wrong versions of the regions, by task, each with what a student reads about it."""

from autograder.assignments.mnist_diffusion import wrong_denoising, wrong_flow, wrong_loss, wrong_sampling, wrong_unet
from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception
from autograder.judges.formulas import COMPUTE_LOSS, SAMPLING

MISCONCEPTIONS: tuple[Misconception, ...] = (
    *wrong_unet.UNETS,
    *wrong_denoising.DENOISING,
    *wrong_loss.SCHEDULE,
    *wrong_loss.LOSS,
    *wrong_sampling.SAMPLE,
    *wrong_loss.CLASS,
    *wrong_sampling.GUIDED_SAMPLE,
    *wrong_flow.FLOW,
)

RIGHT_FORMS: tuple[Misconception, ...] = ()

ALGORITHMS: dict[str, Algorithm] = {
    "denoising.py:add_noise": wrong_denoising.NOISE,
    "denoising.py:denoising_loss": wrong_denoising.LOSS,
    "time_conditional.py:ddpm_forward": COMPUTE_LOSS,
    "time_conditional.py:ddpm_sample": SAMPLING,
    "class_conditional.py:ddpm_forward": wrong_loss.CLASS_LOSS,
    "class_conditional.py:ddpm_sample": wrong_sampling.GUIDED,
    "flow_matching.py:time_fm_forward": wrong_flow.TIME_LOSS,
    "flow_matching.py:time_fm_sample": wrong_flow.TIME_SAMPLE,
    "flow_matching.py:class_fm_forward": wrong_flow.CLASS_LOSS,
    "flow_matching.py:class_fm_sample": wrong_flow.CLASS_SAMPLE,
}

COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("noise-clamped", "denoiser-against-noise"),
    ("denoiser-sum-for-mean", "denoiser-same-at-every-call"),
    ("t-never-T-minus-1", "sum-for-mean"),
    ("noise-at-t-0", "loop-starts-late"),
    ("class-noise-never-added", "guidance-from-the-label"),
    ("flow-target-reversed", "flow-times-one-step-late"),
    ("class-flow-never-dropped", "class-flow-guidance-left-out"),
    ("class-flow-last-step-missing", "class-flow-guidance-swapped"),
)
