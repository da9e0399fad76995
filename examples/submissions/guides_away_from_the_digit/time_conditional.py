"""The diffusion model of part 2: the schedule, the training loss, and the sampler (tasks 2-2 and 2-3).

DDPM: Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models", 2020. t counts from 1 to T, and entry t of a table belongs to t.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F


def ddpm_schedule(beta1, beta2, num_ts):
    """The tables of β_t, α_t and ᾱ_t for t = 0 … T, with T = num_ts, as a dictionary of tensors, (T + 1,). 0 < beta1 < beta2 < 1."""
    assert beta1 < beta2 < 1.0, "Expect beta1 < beta2 < 1.0."
    ######## TODO 2-2: ddpm_schedule ########
    # β_t evenly spaced from β_0 = beta1 to β_T = beta2;  α_t = 1 − β_t;  ᾱ_t = α_1 α_2 ⋯ α_t, so that ᾱ_0 = 1. About 4 lines.
    # Tables of T entries, where entry 0 belongs to t = 1, are right too, as long as the loss and the sampler read them so.
    betas = torch.linspace(beta1, beta2, num_ts + 1)
    alphas = 1 - betas
    alpha_bars = torch.cat([torch.ones(1), alphas[1:].cumprod(dim=0)])
    return {"betas": betas, "alphas": alphas, "alpha_bars": alpha_bars}
    ######## END TODO ########


def ddpm_forward(unet, ddpm_schedule, x_0, num_ts):
    """The training loss for clean images x_0, (B, C, H, W). `unet` takes (x_t, t/T), and gives the noise. Returns a scalar."""
    ######## TODO 2-2: ddpm_forward ########
    # DDPM, Algorithm 1: a t of 1 … T for each image, standard normal ε, x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε (Eq. 4), and the mean squared
    # error between ε and the network's answer. About 5 lines.
    t = torch.randint(1, num_ts + 1, (x_0.shape[0],), device=x_0.device)
    eps = torch.randn_like(x_0)
    alpha_bar = ddpm_schedule["alpha_bars"].to(x_0.device)[t].view(-1, 1, 1, 1)
    x_t = alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * eps
    return F.mse_loss(unet(x_t, t / num_ts), eps)
    ######## END TODO ########


@torch.inference_mode()
def ddpm_sample(unet, ddpm_schedule, img_wh, num_ts, seed=0):
    """Draw images. img_wh: (H, W). The same seed gives the same images. Returns x_0, (N, 1, H, W); how many is up to you."""
    ######## TODO 2-3: ddpm_sample ########
    # DDPM, Algorithm 2: x_T ~ N(0, I), and for t = T, …, 1, with z ~ N(0, I) for t > 1 and z = 0 for t = 1:
    #   x̂_0 = (x_t − √(1 − ᾱ_t) ε_θ(x_t, t/T)) / √ᾱ_t
    #   x_{t−1} = √ᾱ_{t−1} β_t / (1 − ᾱ_t) x̂_0 + √α_t (1 − ᾱ_{t−1}) / (1 − ᾱ_t) x_t + √β_t z
    # About 13 lines. A torch.Generator of your own, or torch.manual_seed, makes a seed tell.
    betas, alphas, alpha_bars = (ddpm_schedule[name] for name in ("betas", "alphas", "alpha_bars"))
    generator = torch.Generator(betas.device).manual_seed(seed)
    x = torch.randn(16, 1, *img_wh, generator=generator, device=betas.device)
    for t in range(num_ts, 0, -1):
        z = torch.randn(x.shape, generator=generator, device=x.device) if t > 1 else 0
        eps = unet(x, torch.full((len(x),), t / num_ts, device=x.device))
        x0_hat = (x - (1 - alpha_bars[t]).sqrt() * eps) / alpha_bars[t].sqrt()
        of_x0 = alpha_bars[t - 1].sqrt() * betas[t] / (1 - alpha_bars[t])
        of_xt = alphas[t].sqrt() * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t])
        x = of_x0 * x0_hat + of_xt * x + betas[t].sqrt() * z
    return x
    ######## END TODO ########


class DDPM(nn.Module):
    """A network with its schedule, its training loss as `forward`, and its sampler."""

    def __init__(self, unet, betas=(1e-4, 0.02), num_ts=300):
        super().__init__()
        self.unet, self.num_ts = unet, num_ts
        for name, table in ddpm_schedule(*betas, num_ts).items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, x):
        return ddpm_forward(self.unet, dict(self.named_buffers(recurse=False)), x, self.num_ts)

    def sample(self, img_wh, seed=0):
        return ddpm_sample(self.unet, dict(self.named_buffers(recurse=False)), img_wh, self.num_ts, seed)
