"""The small model's noise schedule, with as much of the interface of DeepFloyd's scheduler as the course uses (given; nothing to do here).

Cosine schedule of 1000 steps (Nichol and Dhariwal 2021, Eq. 17), and a variance that the network predicts as a place between two bounds (Eq. 15).
"""

import math

import torch
from torch import Tensor

STEPS = 1000
OFFSET = 0.008  # s in Eq. 17: keeps β from being too small near t = 0
LARGEST_BETA = 0.999


def cosine_alphas_cumprod() -> Tensor:
    """ᾱ_t for t = 0 … 999, (1000,) in float64, decreasing."""
    time = torch.arange(STEPS + 1, dtype=torch.float64) / STEPS
    alpha_bar = torch.cos((time + OFFSET) / (1 + OFFSET) * math.pi / 2) ** 2
    betas = (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=LARGEST_BETA)
    return torch.cumprod(1 - betas, dim=0)


class Scheduler:
    """`alphas_cumprod`: (1000,), float32. `timesteps`: those of the chain, from noise to picture."""

    def __init__(self) -> None:
        self.alphas_cumprod = cosine_alphas_cumprod().float()
        self.timesteps = torch.arange(STEPS - 1, -1, -1)

    def set_timesteps(self, *, timesteps: list[int]) -> None:
        """Those of the chain, such as 990, 960, …, 30, 0. Raises ValueError unless they fall, within 0 … 999."""
        falling = all(a > b for a, b in zip(timesteps, timesteps[1:]))
        if not (len(timesteps) and falling and timesteps[0] < STEPS and timesteps[-1] >= 0):
            raise ValueError(f"The timesteps of a chain fall from one to the next, within 0 … {STEPS - 1}.")
        self.timesteps = torch.as_tensor(timesteps)

    def _get_variance(self, t: int | Tensor, predicted_variance: Tensor) -> Tensor:
        """log σ² of the step from t to the next of the timesteps, as large as `predicted_variance`, which lies in about −1 … 1.

        Raises ValueError for a t that is not one of the timesteps.
        """
        at = (self.timesteps == int(t)).nonzero()
        if not len(at):
            raise ValueError(
                f"t = {int(t)} is none of the timesteps; stage_1.scheduler.set_timesteps(timesteps=…) says which there are."
            )
        index = int(at[0])
        before = (
            self.alphas_cumprod[int(self.timesteps[index + 1])]
            if index + 1 < len(self.timesteps)
            else torch.tensor(1.0)
        )
        smallest, largest = log_variances(self.alphas_cumprod[int(t)], before)
        place = (predicted_variance.float() + 1) / 2
        return place * float(largest) + (1 - place) * float(smallest)


def log_variances(now: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """log β̃ and log β of the step from ᾱ = `now` to ᾱ = `before`, the bounds between which σ² lies; β̃ at least 1e-20."""
    beta = 1 - now / before
    return ((1 - before) / (1 - now) * beta).clamp(min=1e-20).log(), beta.log()
