"""The one-step denoiser of part 1: noise of one strength σ, and a network that takes it away at once (task 1-2)."""

import torch
import torch.nn.functional as F


def add_noise(x, sigma):
    """z = x + σ ε with standard normal ε. x: images, (B, C, H, W), in 0 … 1; sigma: a number. Returns z, of the shape of x."""
    ######## TODO 1-2: add_noise ########
    # New noise for every number of x at every call. z may leave 0 … 1, and is not clamped. 1 line.
    return x + sigma * torch.randn_like(x)
    ######## END TODO ########


def denoising_loss(unet, x, sigma):
    """The training loss of a denoiser `unet`, (B, C, H, W) → the same, for clean images x. Returns a scalar."""
    ######## TODO 1-2: denoising_loss ########
    # The mean of ‖D_θ(z) − x‖² over everything, with z of add_noise. About 2 lines.
    z = add_noise(x, sigma)
    return F.mse_loss(unet(z), x)
    ######## END TODO ########
