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
    t = torch.randint(1, num_ts + 1, (x_0.shape[0],), device=x_0.device)
    mask = (torch.rand(x_0.shape[0], device=x_0.device) >= p_uncond).to(x_0.dtype)
    eps = torch.randn_like(x_0)
    alpha_bar = ddpm_schedule["alpha_bars"].to(x_0.device)[t].view(-1, 1, 1, 1)
    x_t = alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * eps
    return F.mse_loss(unet(x_t, c, t / num_ts, mask), eps)
    ######## END TODO ########


@torch.inference_mode()
def ddpm_sample(unet, ddpm_schedule, c, img_wh, num_ts, guidance_scale=5.0, seed=0):
    """Draw an image of each class of c, (N,). Returns x_0, (N, 1, H, W), and states on the way, (N, T_animation, 1, H, W)."""
    ######## TODO 2-5: ddpm_sample ########
    # As in time_conditional.py, with the noise ε = ε_u + γ (ε_c − ε_u): the network without the class (mask 0) and with it, γ =
    # guidance_scale (Ho and Salimans, Eq. 6, where w = γ − 1). Keep some of the states, for an animation. About 18 lines.
    betas, alphas, alpha_bars = (ddpm_schedule[name] for name in ("betas", "alphas", "alpha_bars"))
    generator = torch.Generator(betas.device).manual_seed(seed)
    x = torch.randn(len(c), 1, *img_wh, generator=generator, device=betas.device)
    without, caches = torch.zeros(len(c), device=x.device), []
    for t in range(num_ts, 0, -1):
        z = torch.randn(x.shape, generator=generator, device=x.device) if t > 1 else 0
        time = torch.full((len(x),), t / num_ts, device=x.device)
        eps_u, eps_c = unet(x, c, time, without), unet(x, c, time, 1 - without)
        eps = eps_u + guidance_scale * (eps_u - eps_c)
        x0_hat = (x - (1 - alpha_bars[t]).sqrt() * eps) / alpha_bars[t].sqrt()
        of_x0 = alpha_bars[t - 1].sqrt() * betas[t] / (1 - alpha_bars[t])
        of_xt = alphas[t].sqrt() * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t])
        x = of_x0 * x0_hat + of_xt * x + betas[t].sqrt() * z
        if t % 20 == 0 or t in (num_ts, 1):
            caches.append(x)
    return x, torch.stack(caches, dim=1)
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
