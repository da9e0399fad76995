"""A U-Net that finds the noise in an image (exercise 3).

U-Net: Ronneberger, Fischer, Brox, 2015. Lazy layers learn their number of input channels from the first image that they
see, so none has to be counted: make every layer in `__init__`, and use every layer in `forward`.
"""

import torch
import torch.nn as nn


def down_block(channels):
    """Halves the resolution: (B, any, H, W) → (B, channels, H/2, W/2)."""
    conv = nn.LazyConv2d(channels, kernel_size=4, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())


def up_block(channels):
    """Doubles the resolution: (B, any, H, W) → (B, channels, 2H, 2W)."""
    conv = nn.LazyConvTranspose2d(channels, kernel_size=4, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())


class UNet(nn.Module):
    """Four levels down, a bottleneck, and four levels up, each with what the same level had on the way down."""

    def __init__(self, out_class=3):
        super().__init__()
        ######## TODO 3: UNet.__init__ ########
        # down blocks with 72, 96, 128 and 196 channels; a bottleneck, nn.LazyConv2d with 256 channels, kernel 3,
        # padding 1, no bias; up blocks with 256, 196, 128 and 96 channels; at the end nn.LazyConv2d, kernel 1, to
        # out_class channels. About 4 lines.
        pass
        ######## END TODO ########

    def forward(self, x):
        """The noise in x, (B, C, H, W), with H and W multiples of 16. Returns (B, out_class, H, W)."""
        ######## TODO 3: UNet.forward ########
        # Go down and keep x and what every down block gives. Before each up block, concatenate along the channels with
        # what is kept of the same resolution; before the last convolution, with x itself. About 8 lines.
        raise NotImplementedError("TODO 3: UNet.forward")
        ######## END TODO ########
