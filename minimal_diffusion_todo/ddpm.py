"""Forward and reverse process of a minimal diffusion model (exercises 1 and 2).

DDPM: Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models", 2020. Here the network is not told t: it has to see
in x_t itself how much noise there is. Tables have T + 1 entries, and t counts from 1 to T.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

T = 400
beta1, beta2 = 1e-4, 0.02

######## TODO 1: schedule ########
# Eight tensors with T + 1 entries, one for each t = 0 … T (DDPM, Sec. 2 and 4). About 8 lines.
#   beta_t: on a line from beta1 at t = 0 to beta2 at t = T;  alpha_t = 1 − β_t;  alphabar_t = α_0 α_1 ⋯ α_t
#   sqrtab = √ᾱ_t and sqrtmab = √(1 − ᾱ_t), both of shape (T + 1, 1, 1, 1), so that sqrtab[t] multiplies images
#   oneover_sqrta = 1/√α_t;  mab_over_sqrtmab_inv = (1 − α_t)/√(1 − ᾱ_t);  sigma_t = √β_t
beta_t = alpha_t = alphabar_t = sqrtab = sqrtmab = oneover_sqrta = mab_over_sqrtmab_inv = sigma_t = None
######## END TODO ########


def first_network():
    """Two convolutions: the first noise predictor, to see the loop at work before there is a U-Net."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 3, 3, padding=1)
    )


class DDPM(nn.Module):
    """A noise predictor `net`, (B, C, H, W) → the same, with its training loss and its sampler."""

    def __init__(self, net=None):
        super().__init__()
        self.net = first_network() if net is None else net

    def forward(self, x):
        """The training loss for clean images x, (B, C, H, W), in −1 … 1. Returns a scalar."""
        ######## TODO 1: DDPM.forward ########
        # DDPM, Algorithm 1: draw a t from 1 … T for each image and standard normal noise ε, form x_t (Eq. 4), and
        # return the mean squared error between ε and the network's answer to x_t. About 4 lines.
        raise NotImplementedError("TODO 1: DDPM.forward")
        ######## END TODO ########

    @torch.no_grad()
    def sample(self, n_sample, size, device="cpu"):
        """Draw images. n_sample: how many; size: of one, (C, H, W). Returns x_0, (n_sample, *size)."""
        ######## TODO 2: DDPM.sample ########
        # DDPM, Algorithm 2: start from noise, and for t = T, …, 1 predict the noise, take the mean (Eq. 11), and add
        # sigma_t[t] times fresh noise, but none at the last step, t = 1. About 6 lines.
        raise NotImplementedError("TODO 2: DDPM.sample")
        ######## END TODO ########
