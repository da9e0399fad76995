"""Rectified flow in the place of diffusion: only the loss and the sampler change (bonus).

Liu, Gong, Liu, "Flow Straight and Fast", 2022; Lipman et al., "Flow Matching for Generative Modeling", 2023. Here t goes from 0, noise, to 1, data.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F


def time_fm_forward(unet, x_1, num_ts):
    """The training loss for clean images x_1, (B, C, H, W). `unet` takes (x_t, t), and gives a velocity. Returns a scalar."""
    ######## TODO flow: time_fm_forward ########
    # x_0 ~ N(0, I), a t uniform in 0 … 1 for each image, x_t = (1 − t) x_0 + t x_1, and the mean squared error between x_1 − x_0 and the
    # network's answer. About 4 lines.
    x_0 = torch.randn_like(x_1)
    t = torch.rand(x_1.shape[0], device=x_1.device)
    x_t = (1 - t)[:, None, None, None] * x_0 + t[:, None, None, None] * x_1
    return F.mse_loss(unet(x_t, t), x_1 - x_0)
    ######## END TODO ########


@torch.inference_mode()
def time_fm_sample(unet, img_wh, num_ts, seed=0):
    """Draw images by num_ts steps of Euler's method. img_wh: (H, W). Returns (N, 1, H, W); how many is up to you."""
    ######## TODO flow: time_fm_sample ########
    # x ~ N(0, I) at t = 0, and num_ts steps x ← x + v(x, t)/num_ts at t = 0, 1/num_ts, …, 1 − 1/num_ts. About 7 lines.
    device = next(unet.parameters()).device
    x = torch.randn(16, 1, *img_wh, generator=torch.Generator(device).manual_seed(seed), device=device)
    for i in range(num_ts):
        x = x + unet(x, torch.full((len(x),), i / num_ts, device=device)) / num_ts
    return x
    ######## END TODO ########


def class_fm_forward(unet, x_1, c, p_uncond, num_ts):
    """The same with the classes c, (B,), which are dropped with probability p_uncond. `unet` takes (x_t, c, t, mask)."""
    ######## TODO flow: class_fm_forward ########
    # As time_fm_forward, with the mask of ddpm_forward in class_conditional.py. About 5 lines.
    x_0 = torch.randn_like(x_1)
    t = torch.rand(x_1.shape[0], device=x_1.device)
    mask = (torch.rand(x_1.shape[0], device=x_1.device) >= p_uncond).to(x_1.dtype)
    x_t = (1 - t)[:, None, None, None] * x_0 + t[:, None, None, None] * x_1
    return F.mse_loss(unet(x_t, c, t, mask), x_1 - x_0)
    ######## END TODO ########


@torch.inference_mode()
def class_fm_sample(unet, c, img_wh, num_ts, guidance_scale=5.0, seed=0):
    """Draw an image of each class of c, (N,). Returns them, (N, 1, H, W), and states on the way, (N, T_animation, 1, H, W)."""
    ######## TODO flow: class_fm_sample ########
    # As time_fm_sample, with the velocity v_u + γ (v_c − v_u). About 12 lines.
    device = c.device
    x = torch.randn(len(c), 1, *img_wh, generator=torch.Generator(device).manual_seed(seed), device=device)
    without, caches = torch.zeros(len(c), device=device), []
    for i in range(num_ts):
        t = torch.full((len(x),), i / num_ts, device=device)
        v_u, v_c = unet(x, c, t, without), unet(x, c, t, 1 - without)
        x = x + (v_u + guidance_scale * (v_c - v_u)) / num_ts
        if i % 20 == 0 or i == num_ts - 1:
            caches.append(x)
    return x, torch.stack(caches, dim=1)
    ######## END TODO ########


class TimeConditionalFM(nn.Module):
    """A network with its training loss as `forward`, and its sampler."""

    def __init__(self, unet, num_ts=50):
        super().__init__()
        self.unet, self.num_ts = unet, num_ts

    def forward(self, x):
        return time_fm_forward(self.unet, x, self.num_ts)

    def sample(self, img_wh, seed=0):
        return time_fm_sample(self.unet, img_wh, self.num_ts, seed)


class ClassConditionalFM(nn.Module):
    """The same with classes."""

    def __init__(self, unet, num_ts=300, p_uncond=0.1):
        super().__init__()
        self.unet, self.num_ts, self.p_uncond = unet, num_ts, p_uncond

    def forward(self, x, c):
        return class_fm_forward(self.unet, x, c, self.p_uncond, self.num_ts)

    def sample(self, c, img_wh, guidance_scale=5.0, seed=0):
        return class_fm_sample(self.unet, c, img_wh, self.num_ts, guidance_scale, seed)
