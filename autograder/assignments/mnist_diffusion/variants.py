"""Right solutions of many shapes. Each must get full marks."""

from autograder.assignments.mnist_diffusion.right_denoising import DENOISING
from autograder.assignments.mnist_diffusion.right_diffusion import DIFFUSION
from autograder.assignments.mnist_diffusion.right_flow import FLOW
from autograder.assignments.mnist_diffusion.right_unet import UNETS
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (*UNETS, *DENOISING, *DIFFUSION, *FLOW)
