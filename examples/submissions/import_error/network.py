"""The noise predictor ε_θ(x_t, t): a small fully connected network whose layers know the time (task 1-1)."""

import math
from typing import List

import torch
import torch.nn as nn
import torch.nn.functional as F

from ddpm import Scheduler


class TimeEmbedding(nn.Module):
    """Sinusoidal embedding of t (Attention Is All You Need, Sec. 3.5), then Linear, SiLU, Linear."""

    def __init__(self, hidden_size, frequency_embedding_size=256):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(frequency_embedding_size, hidden_size, bias=True),
            nn.SiLU(),
            nn.Linear(hidden_size, hidden_size, bias=True),
        )
        self.frequency_embedding_size = frequency_embedding_size

    @staticmethod
    def timestep_embedding(t, dim, max_period=10000):
        """t: (B,), integers or fractions. Returns (B, dim): cosines, then sines, frequencies 1 down to 1/max_period."""
        half = dim // 2
        frequencies = torch.exp(-math.log(max_period) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
        angles = t[:, None].float() * frequencies[None]
        embedding = torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)
        if dim % 2:
            embedding = torch.cat([embedding, torch.zeros_like(embedding[:, :1])], dim=-1)
        return embedding

    def forward(self, t: torch.Tensor):
        """t: an integer, or a tensor of shape (), (1,) or (B,). Returns (1, hidden_size) or (B, hidden_size)."""
        t = torch.atleast_1d(torch.as_tensor(t, device=self.mlp[0].weight.device))
        return self.mlp(self.timestep_embedding(t, self.frequency_embedding_size))


class TimeLinear(nn.Module):
    """A linear layer whose output is multiplied, feature by feature, by a learned embedding of t."""

    def __init__(self, dim_in: int, dim_out: int, num_timesteps: int):
        super().__init__()
        self.dim_in = dim_in
        self.dim_out = dim_out
        self.num_timesteps = num_timesteps

        self.time_embedding = TimeEmbedding(dim_out)
        self.fc = nn.Linear(dim_in, dim_out)

    def forward(self, x: torch.Tensor, t: torch.Tensor):
        """x: (B, dim_in), t: (B,), (1,) or (). Returns (B, dim_out)."""
        return self.time_embedding(t).view(-1, self.dim_out) * self.fc(x)


class SimpleNet(nn.Module):
    """ε_θ(x_t, t) for points: TimeLinear layers of sizes dim_in → dim_hids[0] → … → dim_hids[-1] → dim_out."""

    def __init__(self, dim_in: int, dim_out: int, dim_hids: List[int], num_timesteps: int):
        super().__init__()
        self.settings = dict(dim_in=dim_in, dim_out=dim_out, dim_hids=list(dim_hids), num_timesteps=num_timesteps)
        ######## TODO 1-1: SimpleNet.__init__ ########
        # Make one TimeLinear layer for each pair of neighbours in [dim_in, *dim_hids, dim_out], and keep them so that
        # self.parameters() finds them. About 3 lines.
        sizes = [dim_in, *dim_hids, dim_out]
        self.layers = nn.ModuleList(
            TimeLinear(size_in, size_out, num_timesteps) for size_in, size_out in zip(sizes[:-1], sizes[1:])
        )
        ######## END TODO ########

    def forward(self, x: torch.Tensor, t: torch.Tensor):
        """x: (B, dim_in), t: (B,), (1,) or (). Returns the predicted noise, (B, dim_out)."""
        ######## TODO 1-1: SimpleNet.forward ########
        # Send x through the layers, each of which also takes t, with a ReLU after every layer but the last.
        # About 4 lines.
        for layer in self.layers[:-1]:
            x = F.relu(layer(x, t))
        return self.layers[-1](x, t)
        ######## END TODO ########
