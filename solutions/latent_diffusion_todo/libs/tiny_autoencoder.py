"""A small autoencoder between images and their latents, of the layout of TAESD (Bohan, "Tiny AutoEncoder for Stable Diffusion"; given).

`encoder` makes latents (B, 4, H/8, W/8) of images (B, 3, H, W) in 0 … 1, `decoder` images of latents. The names and shapes of the weights are
those of TAESD at width 64, so that its files can be read; a file of another width says so by its shapes.
"""

import torch
from torch import nn

LATENT_CHANNELS = 4
WIDTH = 64  # of TAESD


class Clamp(nn.Module):
    """Keeps latents within ±3, softly."""

    def forward(self, x):
        return 3 * torch.tanh(x / 3)


class Block(nn.Module):
    """Three convolutions with a way around them."""

    def __init__(self, width):
        super().__init__()
        self.conv = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width), nn.ReLU(), conv(width, width))
        self.fuse = nn.ReLU()

    def forward(self, x):
        return self.fuse(self.conv(x) + x)


def conv(channels_in, channels_out, **how):
    return nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, **how)


def make_encoder(width=WIDTH):
    halves = [layer for _ in range(3) for layer in (conv(width, width, stride=2, bias=False), *(Block(width) for _ in range(3)))]
    return nn.Sequential(conv(3, width), Block(width), *halves, conv(width, LATENT_CHANNELS))


def make_decoder(width=WIDTH):
    doubles = [
        layer for _ in range(3)
        for layer in (*(Block(width) for _ in range(3)), nn.Upsample(scale_factor=2), conv(width, width, bias=False))
    ]
    return nn.Sequential(Clamp(), conv(LATENT_CHANNELS, width), nn.ReLU(), *doubles, Block(width), conv(width, 3))


class TAESD(nn.Module):
    """encoder_path, decoder_path: files of weights; without one, that half is as it was drawn."""

    def __init__(self, encoder_path=None, decoder_path=None):
        super().__init__()
        self.encoder, self.decoder = make_encoder(), make_decoder()
