"""The small model's U-Net: (x_t, t, prompt embeddings) → the noise estimate and the predicted variance (given; nothing to do here).

Inside it predicts v = √ᾱ_t ε − √(1−ᾱ_t) x_0 (Salimans and Ho 2022), which is as well scaled at much noise as at little; what it answers is
ε = √ᾱ_t v + √(1−ᾱ_t) x_t, as DeepFloyd's network does. Pictures are taken apart into 2 × 2 pixels, so that the network works on 32 × 32 and below.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (48, 96, 160)  # of 32 × 32, 16 × 16 and 8 × 8
EMBEDDING = 64  # of a word
CONDITION = 192  # what the blocks are told: time and prompt together


class Block(nn.Module):
    """Two convolutions with a shortcut; what the block is told scales and shifts the features between them."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        self.norm_1 = nn.GroupNorm(8, channels_in)
        self.conv_1 = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.told = nn.Linear(CONDITION, 2 * channels)
        self.norm_2 = nn.GroupNorm(8, channels)
        self.conv_2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.shortcut = nn.Conv2d(channels_in, channels, 1) if channels_in != channels else nn.Identity()
        nn.init.zeros_(self.conv_2.weight)
        nn.init.zeros_(self.conv_2.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.told(condition)[:, :, None, None].chunk(2, dim=1)
        h = self.conv_1(F.silu(self.norm_1(x)))
        return self.shortcut(x) + self.conv_2(F.silu(self.norm_2(h) * (1 + scale) + shift))


class Attention(nn.Module):
    """Self-attention between all places of a map, four heads."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm, self.qkv, self.out = (
            nn.GroupNorm(8, channels),
            nn.Conv2d(channels, 3 * channels, 1),
            nn.Conv2d(channels, channels, 1),
        )
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        q, k, v = self.qkv(self.norm(x)).view(B, 3, 4, C // 4, H * W).transpose(-1, -2).unbind(dim=1)
        return x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(B, C, H, W))


class Network(nn.Module):
    """v and the variance's place between its two bounds, six channels, for x_t, (B, 3, 64, 64), t, (B,), and embeddings, (B, L, 64)."""

    def __init__(self) -> None:
        super().__init__()
        high, middle, low = WIDTHS
        self.of_time = nn.Sequential(nn.Linear(64, CONDITION), nn.SiLU(), nn.Linear(CONDITION, CONDITION))
        self.of_prompt = nn.Sequential(nn.Linear(EMBEDDING, CONDITION), nn.SiLU(), nn.Linear(CONDITION, CONDITION))
        self.first = nn.Conv2d(12, high, 3, padding=1)
        self.down_1, self.to_middle = Block(high, high), nn.Conv2d(high, middle, 3, stride=2, padding=1)
        self.down_2, self.to_low = Block(middle, middle), nn.Conv2d(middle, low, 3, stride=2, padding=1)
        self.down_3 = Block(low, low)
        self.bottom, self.attention = Block(low, low), Attention(low)
        self.up_3 = Block(2 * low, low)
        self.from_low, self.up_2, self.up_2b = (
            nn.Conv2d(low, 4 * middle, 1),
            Block(2 * middle, middle),
            Block(middle, middle),
        )
        self.from_middle, self.up_1 = nn.Conv2d(middle, 4 * high, 1), Block(2 * high, high)
        self.last_norm, self.last = nn.GroupNorm(8, high), nn.Conv2d(high, 24, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, t: Tensor, prompt_embeds: Tensor) -> Tensor:
        told = F.silu(self.of_time(sinusoids(t)) + self.of_prompt(prompt_embeds.sum(dim=1)))
        h1 = self.down_1(self.first(F.pixel_unshuffle(x, 2)), told)  # (B, 48, 32, 32)
        h2 = self.down_2(self.to_middle(h1), told)  # (B, 96, 16, 16)
        h3 = self.down_3(self.to_low(h2), told)  # (B, 160, 8, 8)
        h = self.attention(self.bottom(h3, told))
        h = self.up_3(torch.cat([h, h3], dim=1), told)
        h = self.up_2b(self.up_2(torch.cat([F.pixel_shuffle(self.from_low(h), 2), h2], dim=1), told), told)
        h = self.up_1(torch.cat([F.pixel_shuffle(self.from_middle(h), 2), h1], dim=1), told)
        return F.pixel_shuffle(self.last(F.silu(self.last_norm(h))), 2)


def sinusoids(t: Tensor) -> Tensor:
    """(B,) → (B, 64), with periods from 2π to 2π · 1000 time steps."""
    frequencies = torch.exp(-math.log(1000) * torch.arange(32, device=t.device) / 31)
    angles = t.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)
