"""The diffusion model that is told which digit to draw: the loss with dropped labels, and guided sampling (tasks 2-4 and 2-5).

Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022. Schedule, times and conventions are those of time_conditional.py.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from time_conditional import ddpm_schedule


def ddpm_forward(unet, ddpm_schedule, x_0, c, p_uncond, num_ts):
    """The training loss for clean images x_0, (B, C, H, W), of the classes c, (B,). `unet` takes (x_t, c, t/T, mask). Returns a scalar."""
    ######## TODO 2-4: ddpm_forward ########
    # As in time_conditional.py. `mask`, (B,), is 0 with probability p_uncond, for each image by itself, and else 1. About 6 lines.
    raise NotImplementedError("TODO 2-4: ddpm_forward")
    ######## END TODO ########


@torch.inference_mode()
def ddpm_sample(unet, ddpm_schedule, c, img_wh, num_ts, guidance_scale=5.0, seed=0):
    """Draw an image of each class of c, (N,). Returns x_0, (N, 1, H, W), and states on the way, (N, T_animation, 1, H, W)."""
    ######## TODO 2-5: ddpm_sample ########
    # As in time_conditional.py, with the noise ε = ε_u + γ (ε_c − ε_u): the network without the class (mask 0) and with it, γ =
    # guidance_scale (Ho and Salimans, Eq. 6, where w = γ − 1). Keep some of the states, for an animation. About 18 lines.
    raise NotImplementedError("TODO 2-5: ddpm_sample")
    ######## END TODO ########


class DDPM(nn.Module):
    """A network with its schedule, its training loss as `forward`, and its guided sampler."""

    def __init__(self, unet, betas=(1e-4, 0.02), num_ts=300, p_uncond=0.1):
        super().__init__()
        self.unet, self.num_ts, self.p_uncond = unet, num_ts, p_uncond
        for name, table in ddpm_schedule(*betas, num_ts).items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, x, c):
        return ddpm_forward(self.unet, dict(self.named_buffers(recurse=False)), x, c, self.p_uncond, self.num_ts)

    def sample(self, c, img_wh, guidance_scale=5.0, seed=0):
        return ddpm_sample(self.unet, dict(self.named_buffers(recurse=False)), c, img_wh, self.num_ts, guidance_scale, seed)
