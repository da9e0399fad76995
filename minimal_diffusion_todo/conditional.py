"""A diffusion model that is told which digit to draw (exercise 4): the U-Net and the DDPM again, with a label.

A label c is a whole number from 0 to 9, and comes as a tensor of shape (B,).
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from ddpm import T, mab_over_sqrtmab_inv, oneover_sqrta, sigma_t, sqrtab, sqrtmab
from unet import down_block, up_block

NUM_CLASSES = 10


class UNet(nn.Module):
    """The U-Net of unet.py with a label. Where the label enters is up to you."""

    def __init__(self, out_class=3):
        super().__init__()
        ######## TODO 4: UNet.__init__ ########
        # The layers of exercise 3: lazy layers find out about the channels of the label by themselves. About 4 lines.
        pass
        ######## END TODO ########

    def forward(self, x, c):
        """The noise in x, (B, C, H, W), for the labels c, (B,). Returns (B, out_class, H, W)."""
        ######## TODO 4: UNet.forward ########
        # As in exercise 3. Turn c into one-hot vectors of shape (B, 10, 1, 1), repeat them over the map, and concatenate
        # them too, before the first two up blocks. Other places, or an embedding, are welcome. About 11 lines.
        raise NotImplementedError("TODO 4: UNet.forward")
        ######## END TODO ########


class DDPM(nn.Module):
    """A noise predictor `net` that takes (x, c), with its training loss and its sampler."""

    def __init__(self, net=None):
        super().__init__()
        self.net = UNet() if net is None else net

    def forward(self, x, c):
        """The training loss for clean images x, (B, C, H, W), in −1 … 1, with their labels c, (B,). Returns a scalar."""
        ######## TODO 4: DDPM.forward ########
        # As in exercise 1, with the labels for the network. About 4 lines.
        raise NotImplementedError("TODO 4: DDPM.forward")
        ######## END TODO ########

    @torch.no_grad()
    def sample(self, n_sample, size, device="cpu"):
        """Draw images of the digits 0, 1, …, 9, 0, 1, … in this order. Returns x_0, (n_sample, *size)."""
        ######## TODO 4: DDPM.sample ########
        # As in exercise 2, with the label i modulo 10 for image i, whatever n_sample is. About 7 lines.
        raise NotImplementedError("TODO 4: DDPM.sample")
        ######## END TODO ########
