"""Forward process, DDPM and DDIM sampling, and the training loss (tasks 1-2, 1-3 and 1-4).

DDPM: Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models", 2020. DDIM: Song, Meng, Ermon, "Denoising Diffusion
Implicit Models", 2021; its α_t is DDPM's ᾱ_t. Here `alphas` holds α_t = 1 − β_t and `alphas_cumprod` holds
ᾱ_t = α_0 ⋯ α_t, and t counts from 0 to T − 1.
"""

from typing import Optional

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def extract(input, t: torch.Tensor, x: torch.Tensor):
    """input[t], shaped to multiply x.

    input: (T,); t: an integer, or a tensor of shape (), (1,) or (B,); x: (B, …). Returns (1, 1, …) or (B, 1, …).
    """
    t = torch.atleast_1d(torch.as_tensor(t, device=input.device)).long()
    return input[t].reshape(-1, *[1] * (x.ndim - 1))


class BaseScheduler(nn.Module):
    """The variance schedule β_0 … β_{T−1} and what follows from it, as float32 buffers of shape (T,)."""

    def __init__(self, num_train_timesteps: int, beta_1: float = 1e-4, beta_T: float = 0.02, mode: str = "linear"):
        super().__init__()
        self.num_train_timesteps = num_train_timesteps
        self.settings = dict(num_train_timesteps=num_train_timesteps, beta_1=beta_1, beta_T=beta_T, mode=mode)
        self.timesteps = torch.arange(num_train_timesteps - 1, -1, -1)  # T−1, …, 0

        if mode == "linear":
            betas = torch.linspace(beta_1, beta_T, num_train_timesteps, dtype=torch.float64)
        elif mode == "quad":
            betas = torch.linspace(beta_1**0.5, beta_T**0.5, num_train_timesteps, dtype=torch.float64) ** 2
        else:
            raise NotImplementedError(f"{mode} is not implemented.")

        alphas = 1 - betas
        self.register_buffer("betas", betas.float())
        self.register_buffer("alphas", alphas.float())
        self.register_buffer("alphas_cumprod", alphas.cumprod(dim=0).float())


class DiffusionModule(nn.Module):
    """A noise predictor and a variance schedule, with what is needed to train it and to sample from it."""

    def __init__(self, network: nn.Module, var_scheduler: BaseScheduler, **kwargs):
        super().__init__()
        self.network = network
        self.var_scheduler = var_scheduler

    @property
    def device(self):
        return next(self.network.parameters()).device

    @property
    def image_resolution(self):
        """Side of the images in pixels, or None for a network that is not for images."""
        return getattr(self.network, "image_resolution", None)

    def q_sample(self, x0: torch.Tensor, t: torch.Tensor, noise: Optional[torch.Tensor] = None):
        """Draw x_t from q(x_t | x_0).

        x0: (B, …) clean data; t: (B,) integers in 0 … T−1; noise: standard normal, like x0, drawn here if not given.
        Returns x_t, like x0.
        """
        if noise is None:
            noise = torch.randn_like(x0)

        ######## TODO 1-2: q_sample ########
        # Compute x_t in one step from x_0 and the noise (DDPM, Eq. 4). About 2 lines.
        ### BEGIN SOLUTION
        alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
        return alphas_cumprod_t.sqrt() * x0 + (1 - alphas_cumprod_t).sqrt() * noise
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 1-2: q_sample")
        ######## END TODO ########

    @torch.no_grad()
    def p_sample(self, xt: torch.Tensor, t: torch.Tensor):
        """One denoising step of DDPM, x_t → x_{t−1}.

        xt: (B, …); t: an integer in 0 … T−1, or a tensor of shape (), (1,) or (B,). Returns x_{t−1}, like xt.
        """
        ######## TODO 1-2: p_sample ########
        # One step of DDPM, Algorithm 2 (line 4): predict the noise with self.network(xt, t), compute the mean (Eq. 11),
        # and add noise of standard deviation σ_t except at the last step, t = 0. Both of the paper's choices for σ_t²
        # are right (Sec. 3.2). About 8 lines.
        ### BEGIN SOLUTION
        t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
        beta_t = extract(self.var_scheduler.betas, t, xt)
        alpha_t = extract(self.var_scheduler.alphas, t, xt)
        alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, xt)

        eps_theta = self.network(xt, t)
        mean = (xt - beta_t / (1 - alphas_cumprod_t).sqrt() * eps_theta) / alpha_t.sqrt()
        is_not_last = (t > 0).float().reshape(beta_t.shape)
        return mean + is_not_last * beta_t.sqrt() * torch.randn_like(xt)
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 1-2: p_sample")
        ######## END TODO ########

    @torch.no_grad()
    def p_sample_loop(self, shape):
        """Draw samples with DDPM. shape: of the result, (B, …). Returns x_0, a tensor of that shape."""
        ######## TODO 1-2: p_sample_loop ########
        # DDPM, Algorithm 2: start from pure noise and take the step p_sample for every t from T−1 down to 0.
        # About 4 lines.
        ### BEGIN SOLUTION
        xt = torch.randn(shape, device=self.device)
        for t in self.var_scheduler.timesteps:
            xt = self.p_sample(xt, t)
        return xt
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 1-2: p_sample_loop")
        ######## END TODO ########

    @torch.no_grad()
    def ddim_p_sample(self, xt: torch.Tensor, t: torch.Tensor, t_prev: torch.Tensor, eta: float = 0.0):
        """One denoising step of DDIM, x_t → x_{t_prev}.

        xt: (B, …); t, t_prev: integers or tensors of shape (), (1,) or (B,), t_prev < t. A negative t_prev stands for
        clean data, where ᾱ = 1.
        eta: 0 for the deterministic step, up to 1 for as much noise as DDPM. Returns x_{t_prev}, like xt.
        """
        ######## TODO 1-3: ddim_p_sample ########
        # DDIM, Eq. 12, with σ_t from Eq. 16 (their α is our ᾱ): estimate x_0, point back towards x_t, and add noise of
        # standard deviation σ_t. About 8 lines.
        ### BEGIN SOLUTION
        t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
        t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
        alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, xt)
        alphas_cumprod_prev = extract(self.var_scheduler.alphas_cumprod, t_prev.clamp(min=0), xt)
        is_clean = (t_prev < 0).reshape(alphas_cumprod_prev.shape)
        alphas_cumprod_prev = torch.where(is_clean, 1.0, alphas_cumprod_prev)

        eps_theta = self.network(xt, t)
        x0_pred = (xt - (1 - alphas_cumprod_t).sqrt() * eps_theta) / alphas_cumprod_t.sqrt()
        variance = (1 - alphas_cumprod_prev) / (1 - alphas_cumprod_t) * (1 - alphas_cumprod_t / alphas_cumprod_prev)
        sigma_t = eta * variance.sqrt()
        direction = (1 - alphas_cumprod_prev - sigma_t**2).clamp(min=0).sqrt() * eps_theta
        return alphas_cumprod_prev.sqrt() * x0_pred + direction + sigma_t * torch.randn_like(xt)
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 1-3: ddim_p_sample")
        ######## END TODO ########

    @torch.no_grad()
    def ddim_p_sample_loop(self, shape, num_inference_timesteps=50, eta=0.0):
        """Draw samples with DDIM in `num_inference_timesteps` steps.

        shape: of the result, (B, …). Returns x_0, a tensor of that shape.
        """
        step_ratio = self.var_scheduler.num_train_timesteps // num_inference_timesteps
        timesteps = torch.from_numpy(np.arange(num_inference_timesteps)[::-1] * step_ratio)  # e.g. 980, 960, …, 20, 0
        prev_timesteps = timesteps - step_ratio  # e.g. 960, 940, …, 0, −20; below 0 means clean data

        ######## TODO 1-3: ddim_p_sample_loop ########
        # Start from pure noise and take the step ddim_p_sample for every pair (t, t_prev) above. About 4 lines.
        ### BEGIN SOLUTION
        xt = torch.randn(shape, device=self.device)
        for t, t_prev in zip(timesteps, prev_timesteps):
            xt = self.ddim_p_sample(xt, t, t_prev, eta)
        return xt
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 1-3: ddim_p_sample_loop")
        ######## END TODO ########

    def compute_loss(self, x0: torch.Tensor):
        """The simplified training loss (DDPM, Eq. 14) for clean data x0, (B, …). Returns a scalar."""
        ######## TODO 1-4: compute_loss ########
        # DDPM, Algorithm 1: draw a t from 0 … T−1 for each row and standard normal noise, make x_t with q_sample,
        # predict the noise, and return the mean, over everything, of the squared error. About 5 lines.
        ### BEGIN SOLUTION
        t = torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],), device=x0.device)
        noise = torch.randn_like(x0)
        xt = self.q_sample(x0, t, noise)
        return F.mse_loss(self.network(xt, t), noise)
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 1-4: compute_loss")
        ######## END TODO ########

    def save(self, file_path):
        """Write the weights and the settings needed to rebuild the module. Plain data only: no code is stored."""
        checkpoint = {
            "format": "diffusion-module-1",
            "network": getattr(self.network, "settings", None),
            "var_scheduler": getattr(self.var_scheduler, "settings", None),
            "state_dict": self.state_dict(),
        }
        torch.save(checkpoint, file_path)

    def load(self, file_path):
        """Read what `save` wrote, rebuilding network and schedule from the stored settings.

        Raises ValueError for any other file.
        """
        try:
            checkpoint = torch.load(file_path, map_location="cpu", weights_only=True)
            is_ours = checkpoint["format"] == "diffusion-module-1"
        except FileNotFoundError:
            raise
        except Exception:
            is_ours = False
        if not is_ours:
            raise ValueError(
                f"{file_path} was not written by this version of DiffusionModule.save. Files of the original assignment "
                "hold whole Python objects, which can run code when opened, so they are not read. Train again, or save "
                "the model again with this file's save()."
            )
        device = self.device
        if checkpoint["network"] is not None:
            self.network = type(self.network)(**checkpoint["network"])
        if checkpoint["var_scheduler"] is not None:
            self.var_scheduler = type(self.var_scheduler)(**checkpoint["var_scheduler"])
        self.load_state_dict(checkpoint["state_dict"])
        self.to(device)
