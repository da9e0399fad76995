"""Right solutions of many shapes. Each must get full marks."""

from autograder.assignments.latent_diffusion.right_ddpm import DDIM, DDPM, DECODERS
from autograder.assignments.latent_diffusion.right_edm import EDM
from autograder.assignments.latent_diffusion.right_fid import FID
from autograder.assignments.latent_diffusion.right_stable_diffusion import STABLE_DIFFUSION
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (*DECODERS, *DDPM, *DDIM, *EDM, *FID, *STABLE_DIFFUSION)
