"""Known wrong versions of the regions, by task, each with what a student reads about it."""

from autograder.assignments.mnist_diffusion.wrong_denoising import DENOISING, NOISE
from autograder.assignments.mnist_diffusion.wrong_denoising import LOSS as DENOISING_LOSS
from autograder.assignments.mnist_diffusion.wrong_flow import CLASS_LOSS, CLASS_SAMPLE, FLOW, TIME_LOSS, TIME_SAMPLE
from autograder.grading.formulas import Algorithm
from autograder.grading.mutants import Misconception

MISCONCEPTIONS: tuple[Misconception, ...] = (*DENOISING, *FLOW)

RIGHT_FORMS: tuple[Misconception, ...] = ()

ALGORITHMS: dict[str, Algorithm] = {
    "denoising.py:add_noise": NOISE,
    "denoising.py:denoising_loss": DENOISING_LOSS,
    "flow_matching.py:time_fm_forward": TIME_LOSS,
    "flow_matching.py:time_fm_sample": TIME_SAMPLE,
    "flow_matching.py:class_fm_forward": CLASS_LOSS,
    "flow_matching.py:class_fm_sample": CLASS_SAMPLE,
}

COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("noise-clamped", "denoiser-against-noise"),
    ("denoiser-sum-for-mean", "denoiser-same-at-every-call"),
    ("flow-target-reversed", "flow-times-one-step-late"),
    ("class-flow-never-dropped", "class-flow-guidance-left-out"),
    ("class-flow-last-step-missing", "class-flow-guidance-swapped"),
)
