"""A small autoencoder between images and their latents, of the layout of TAESD (Bohan, "Tiny AutoEncoder for Stable Diffusion"; given).

`encoder` makes latents (B, 4, H/8, W/8) of images (B, 3, H, W) in 0 … 1, `decoder` images of latents. H and W are multiples of 8. Latents are
roughly of unit scale, as the noise of diffusion is, and the decoder keeps them within ±3, softly.

Where no files are named, the weights are the project's own, libs/weights/: a narrow autoencoder that train_autoencoder.py trained on images
drawn by a program. The files of TAESD itself (taesd_encoder, taesd_decoder) have the same names of weights and can be named instead.
"""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from .errors import UserError

LATENT_CHANNELS = 4
WIDTH = 64  # of TAESD; a file of another width says so by its shapes
WEIGHTS = Path(__file__).resolve().parent / "weights"
ENCODER_FILE, DECODER_FILE = WEIGHTS / "tiny_encoder.safetensors", WEIGHTS / "tiny_decoder.safetensors"


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
    """(B, 3, H, W) → (B, 4, H/8, W/8), with `width` channels in between."""
    halves = [layer for _ in range(3) for layer in (conv(width, width, stride=2, bias=False), *(Block(width) for _ in range(3)))]
    return nn.Sequential(conv(3, width), Block(width), *halves, conv(width, LATENT_CHANNELS))


def make_decoder(width=WIDTH):
    """(B, 4, H/8, W/8) → (B, 3, H, W), with `width` channels in between."""
    doubles = [
        layer for _ in range(3)
        for layer in (*(Block(width) for _ in range(3)), nn.Upsample(scale_factor=2), conv(width, width, bias=False))
    ]
    return nn.Sequential(Clamp(), conv(LATENT_CHANNELS, width), nn.ReLU(), *doubles, Block(width), conv(width, 3))


class TAESD(nn.Module):
    """encoder_path, decoder_path: files of weights, .safetensors or a state dict in .pth; default, the project's own.

    Raises UserError for a file that is not there, cannot be read as plain data, or holds the weights of another network.
    """

    def __init__(self, encoder_path=None, decoder_path=None):
        super().__init__()
        self.encoder = _with_weights(make_encoder, encoder_path or ENCODER_FILE, first="0.weight")
        self.decoder = _with_weights(make_decoder, decoder_path or DECODER_FILE, first="1.weight")


def _with_weights(make, path, first):
    """The half that `make` makes, as wide as the file's weight of the name `first` says: (width, channels in, 3, 3)."""
    weights = read_weights(path)
    if first not in weights or weights[first].ndim != 4:
        raise UserError(f"{path} does not hold this half of TAESD: its first weight would be called {first}.")
    half = make(len(weights[first]))
    try:
        half.load_state_dict({name: weight.float() for name, weight in weights.items()})
    except RuntimeError:
        raise UserError(f"{path} does not hold this half of TAESD: other names or shapes of weights. Encoder and decoder exchanged?") from None
    return half


def read_weights(path):
    """The tensors of a file by their names: .safetensors, or what torch.save wrote. Raises UserError where it is no such file."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no file of weights {path}.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is no readable file of weights ({type(error).__name__}); get it again.") from None
    except Exception as error:  # PyTorch raises many kinds for broken and for refused files
        raise UserError(f"{path} is broken, or holds more than tensors, so it was not read ({type(error).__name__}).") from None
    if not isinstance(weights, dict) or not all(isinstance(weight, torch.Tensor) for weight in weights.values()):
        raise UserError(f"{path} holds no state dict: a dictionary from names to tensors is needed.")
    return weights
