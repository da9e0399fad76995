"""The parts that the U-Net is built of (given; nothing to do here).

Images are (B, C, H, W) outside of every block. Attention sees them as a sequence of pixels, (B, H·W, C), inside of its own.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class SinusoidalPE(nn.Module):
    """A number of each row as a vector of sines and cosines, (B,) → (B, dim) (Transformer, Sec. 3.5)."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, time):
        half = self.dim // 2
        frequencies = torch.exp(-math.log(10_000) / (half - 1) * torch.arange(half, device=time.device))
        angles = time.float()[:, None] * frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class LabelEmbedding(nn.Module):
    """A learned vector for each label, (B,) → (B, embed_dim)."""

    def __init__(self, num_classes, embed_dim):
        super().__init__()
        self.embedding = nn.Embedding(num_classes, embed_dim)

    def forward(self, label):
        label = torch.as_tensor(label, device=self.embedding.weight.device)
        return self.embedding(label.long())


class Upsample(nn.Module):
    """Twice as high and wide: nearest neighbours, then a convolution."""

    def __init__(self, dim, dim_out=None):
        super().__init__()
        self.conv = nn.Conv2d(dim, dim_out or dim, kernel_size=3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Downsample(nn.Module):
    """Half as high and wide: a convolution with stride 2."""

    def __init__(self, dim, dim_out=None):
        super().__init__()
        self.conv = nn.Conv2d(dim, dim_out or dim, kernel_size=3, stride=2, padding=1)

    def forward(self, x):
        return self.conv(x)


class ResBlock(nn.Module):
    """Two convolutions, with the time added between them, and a way around both (DDPM, App. B)."""

    def __init__(self, in_channel, time_emb_dim, out_channel=None, groups=4):
        super().__init__()
        out_channel = out_channel or in_channel
        self.norm1 = nn.GroupNorm(groups, in_channel)
        self.conv1 = nn.Conv2d(in_channel, out_channel, kernel_size=3, padding=1)
        self.time_proj = nn.Linear(time_emb_dim, out_channel)
        self.norm2 = nn.GroupNorm(groups, out_channel)
        self.conv2 = nn.Conv2d(out_channel, out_channel, kernel_size=3, padding=1)
        self.shortcut = nn.Identity() if in_channel == out_channel else nn.Conv2d(in_channel, out_channel, kernel_size=1)

    def forward(self, x, t):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time_proj(F.silu(t))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return h + self.shortcut(x)


class Attention(nn.Module):
    """Attention of x to a context, of x to itself where there is none (Transformer, Sec. 3.2)."""

    def __init__(self, dim, context_dim, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(context_dim, dim, bias=False)
        self.to_v = nn.Linear(context_dim, dim, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x, context=None):
        context = x if context is None else context
        q, k, v = self._heads(self.to_q(x)), self._heads(self.to_k(context)), self._heads(self.to_v(context))
        out = F.scaled_dot_product_attention(q, k, v)  # (B, heads, N, dim / heads)
        return self.to_out(out.transpose(1, 2).flatten(2))

    def _heads(self, x):
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


class GEGLU(nn.Module):
    """Half of the numbers, each times the GELU of one of the other half (Shazeer 2020)."""

    def __init__(self, dim, dim_out):
        super().__init__()
        self.proj = nn.Linear(dim, 2 * dim_out)

    def forward(self, x):
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class SpatialTransformer(nn.Module):
    """Self-attention of the pixels, their attention to the context, and an MLP, each with a way around it (latent diffusion, App. E)."""

    def __init__(self, dim, context_dim, num_heads=4, mlp_ratio=4, groups=4):
        super().__init__()
        self.norm = nn.GroupNorm(groups, dim)
        self.proj_in = nn.Linear(dim, dim)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.self_attention = Attention(dim, dim, num_heads)
        self.cross_attention = Attention(dim, context_dim, num_heads)
        self.mlp = nn.Sequential(GEGLU(dim, mlp_ratio * dim), nn.Linear(mlp_ratio * dim, dim))
        self.proj_out = nn.Linear(dim, dim)

    def forward(self, x, context):
        """x: (B, dim, H, W). context: (B, N, context_dim)."""
        size = x.shape[2:]
        h = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))  # (B, H·W, dim)
        h = h + self.self_attention(self.norm1(h))
        h = h + self.cross_attention(self.norm2(h), context)
        h = h + self.mlp(self.norm3(h))
        return x + self.proj_out(h).transpose(1, 2).unflatten(2, size)
