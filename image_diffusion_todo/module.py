"""Building blocks of the noise predictor in network.py (given; nothing to do here).

The architecture is that of DDPM (Ho, Jain, Abbeel, 2020, Appendix B): residual blocks with group normalisation that are
told the time, self-attention, and strided or nearest-neighbour resampling. Feature maps are (B, C, H, W); the time
embedding is (B, D) or (1, D), one row for all.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn import init


def xavier(layer: nn.Module, gain: float = 1.0) -> None:
    """Xavier-uniform weights and zero bias; a tiny gain makes a layer start near zero."""
    init.xavier_uniform_(layer.weight, gain=gain)
    init.zeros_(layer.bias)


def norm(channels: int) -> nn.GroupNorm:
    """Group normalisation in 32 groups, as in DDPM, but of at least 4 channels each.

    With one channel in a group its mean would be lost, and with it the overall colour of the image.
    """
    return nn.GroupNorm(min(32, channels // 4), channels)


class Swish(nn.Module):
    """x · sigmoid(x)."""

    def forward(self, x):
        return F.silu(x)


class TimeEmbedding(nn.Module):
    """Sines and cosines of t at geometric frequencies (Vaswani et al., 2017, Sec. 3.5), then two linear layers."""

    def __init__(self, hidden_size: int, frequency_embedding_size: int = 256):
        super().__init__()
        self.frequency_embedding_size = frequency_embedding_size
        self.mlp = nn.Sequential(
            nn.Linear(frequency_embedding_size, hidden_size),
            Swish(),
            nn.Linear(hidden_size, hidden_size),
        )
        half = frequency_embedding_size // 2
        frequencies = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float64) / half)  # 1 … 1/10000
        self.register_buffer("frequencies", frequencies.float(), persistent=False)

    def forward(self, t):
        """t: (B,) or (1,). Returns (B, D) or (1, D)."""
        angles = t.float()[:, None] * self.frequencies
        return self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1))


class DownSample(nn.Module):
    """Halves height and width."""

    def __init__(self, in_ch: int):
        super().__init__()
        self.main = nn.Conv2d(in_ch, in_ch, 3, stride=2, padding=1)
        xavier(self.main)

    def forward(self, x, temb):
        return self.main(x)


class UpSample(nn.Module):
    """Doubles height and width."""

    def __init__(self, in_ch: int):
        super().__init__()
        self.main = nn.Conv2d(in_ch, in_ch, 3, padding=1)
        xavier(self.main)

    def forward(self, x, temb):
        return self.main(F.interpolate(x, scale_factor=2, mode="nearest"))


class AttnBlock(nn.Module):
    """Self-attention over all positions of the feature map, one head, added to its input."""

    def __init__(self, in_ch: int):
        super().__init__()
        self.group_norm = norm(in_ch)
        self.proj_q = nn.Conv2d(in_ch, in_ch, 1)
        self.proj_k = nn.Conv2d(in_ch, in_ch, 1)
        self.proj_v = nn.Conv2d(in_ch, in_ch, 1)
        self.proj = nn.Conv2d(in_ch, in_ch, 1)
        for layer in (self.proj_q, self.proj_k, self.proj_v, self.proj):
            xavier(layer)

    def forward(self, x):
        height, width = x.shape[-2:]
        h = self.group_norm(x)
        q, k, v = (proj(h).flatten(2).transpose(1, 2) for proj in (self.proj_q, self.proj_k, self.proj_v))  # (B, HW, C)
        h = F.scaled_dot_product_attention(q, k, v)  # softmax(q kᵀ / √C) v
        return x + self.proj(h.transpose(1, 2).unflatten(2, (height, width)))


class ResBlock(nn.Module):
    """Two convolutions around a shortcut; the time embedding is added between them; attention at the end where asked for."""

    def __init__(self, in_ch: int, out_ch: int, tdim: int, dropout: float, attn: bool = False):
        super().__init__()
        self.block1 = nn.Sequential(norm(in_ch), Swish(), nn.Conv2d(in_ch, out_ch, 3, padding=1))
        self.temb_proj = nn.Sequential(Swish(), nn.Linear(tdim, out_ch))
        self.block2 = nn.Sequential(
            norm(out_ch), Swish(), nn.Dropout(dropout), nn.Conv2d(out_ch, out_ch, 3, padding=1)
        )
        self.shortcut = nn.Conv2d(in_ch, out_ch, 1) if in_ch != out_ch else nn.Identity()
        self.attn = AttnBlock(out_ch) if attn else nn.Identity()
        xavier(self.block1[-1])
        xavier(self.temb_proj[-1])
        xavier(self.block2[-1], gain=1e-5)  # the block starts as its shortcut
        if in_ch != out_ch:
            xavier(self.shortcut)

    def forward(self, x, temb):
        h = self.block1(x) + self.temb_proj(temb)[:, :, None, None]  # (B, C, H, W) + (B, C, 1, 1)
        return self.attn(self.block2(h) + self.shortcut(x))
