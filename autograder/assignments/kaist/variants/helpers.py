"""Right solutions of ddpm.py: helper functions and modules, and files that replace the whole."""

from autograder.assignments.kaist.variants.places import (
    BEFORE_DIFFUSION_MODULE,
    BEFORE_SAVE,
    DDIM,
    DDPM_IMPORTS,
    LOSS,
    P_SAMPLE,
    P_SAMPLE_LOOP,
    Q_SAMPLE,
)
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (
    Variant(
        "schedule-helper-class",
        "a class computes all coefficients of a step once; the steps read them off",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                c = Coefficients(self.var_scheduler)
                mean = extract(c.of_x, t, xt) * xt - extract(c.of_eps, t, xt) * self.predict_noise(xt, t)
                return mean + extract(c.sigma, t, xt) * torch.randn_like(xt)
            """,
            LOSS: """
                t = torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],), device=x0.device)
                noise = torch.randn_like(x0)
                return F.mse_loss(self.predict_noise(self.q_sample(x0, t, noise), t), noise)
            """,
        },
        edits={
            "ddpm.py": (
                (
                    BEFORE_DIFFUSION_MODULE,
                    "class Coefficients:\n"
                    "    def __init__(self, schedule):\n"
                    "        self.of_x = schedule.alphas.rsqrt()\n"
                    "        self.of_eps = self.of_x * schedule.betas / (1 - schedule.alphas_cumprod).sqrt()\n"
                    "        self.sigma = schedule.betas.sqrt().clone()\n"
                    "        self.sigma[0] = 0\n\n\n" + BEFORE_DIFFUSION_MODULE,
                ),
                (
                    BEFORE_SAVE,
                    "    def predict_noise(self, xt, t):\n        return self.network(xt, t)\n\n" + BEFORE_SAVE,
                ),
            )
        },
    ),
    Variant(
        "helper-module",
        "the arithmetic of all steps in a module of its own, next to ddpm.py",
        bodies={
            Q_SAMPLE: "return steps.noised(x0, noise, extract(self.var_scheduler.alphas_cumprod, t, x0))",
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                z = torch.randn_like(xt) * (t > 0).reshape(-1, *[1] * (xt.ndim - 1))
                tables = (self.var_scheduler.betas, self.var_scheduler.alphas_cumprod)
                return steps.ddpm(xt, self.network(xt, t), z, *(extract(table, t, xt) for table in tables))
            """,
            DDIM: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
                table = self.var_scheduler.alphas_cumprod
                now, before = extract(table, t, xt), steps.clean_or(extract(table, t_prev.clamp(min=0), xt), t_prev < 0)
                return steps.ddim(xt, self.network(xt, t), torch.randn_like(xt), now, before, eta)
            """,
        },
        edits={"ddpm.py": ((DDPM_IMPORTS, DDPM_IMPORTS + "\nimport steps\n"),)},
        files={
            "steps.py": '''"""One step of each sampler, as functions of its coefficients."""

import torch


def noised(x0, noise, alpha_bar):
    return torch.sqrt(alpha_bar) * x0 + torch.sqrt(1 - alpha_bar) * noise


def denoised(xt, eps, alpha_bar):
    return (xt - torch.sqrt(1 - alpha_bar) * eps) / torch.sqrt(alpha_bar)


def ddpm(xt, eps, z, beta, alpha_bar):
    return (xt - beta / torch.sqrt(1 - alpha_bar) * eps) / torch.sqrt(1 - beta) + torch.sqrt(beta) * z


def clean_or(alpha_bar, is_clean):
    return torch.where(is_clean.reshape(alpha_bar.shape), torch.ones_like(alpha_bar), alpha_bar)


def ddim(xt, eps, z, now, before, eta):
    sigma = eta * torch.sqrt((1 - before) / (1 - now) * (1 - now / before))
    direction = torch.sqrt(torch.clamp(1 - before - sigma**2, min=0)) * eps
    return torch.sqrt(before) * denoised(xt, eps, now) + direction + sigma * z
'''
        },
    ),
    Variant(
        "tables-as-buffers",
        "what the equations need is computed once, in the constructors, and kept in buffers",
        bodies={
            Q_SAMPLE: "return extract(self.root_alpha_bar, t, x0) * x0 + extract(self.root_one_minus_alpha_bar, t, x0) * noise",
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                tables = self.var_scheduler
                x0 = (xt - extract(self.root_one_minus_alpha_bar, t, xt) * self.network(xt, t)) / extract(self.root_alpha_bar, t, xt)
                mean = extract(tables.weight_x0, t, xt) * x0 + extract(tables.weight_xt, t, xt) * xt
                return mean + extract(tables.posterior_std, t, xt) * torch.randn_like(xt)
            """,
        },
        edits={
            "ddpm.py": (
                (
                    "        self.var_scheduler = var_scheduler\n",
                    "        self.var_scheduler = var_scheduler\n"
                    "        self.register_buffer('root_alpha_bar', var_scheduler.alphas_cumprod.sqrt())\n"
                    "        self.register_buffer('root_one_minus_alpha_bar', (1 - var_scheduler.alphas_cumprod).sqrt())\n",
                ),
                (
                    '        self.register_buffer("alphas", alphas.float())\n',
                    '        self.register_buffer("alphas", alphas.float())\n'
                    "        after = alphas.cumprod(dim=0)\n"
                    "        before = torch.cat([torch.ones(1, dtype=after.dtype), after[:-1]])\n"
                    "        self.register_buffer('weight_x0', (before.sqrt() * betas / (1 - after)).float())\n"
                    "        self.register_buffer('weight_xt', (alphas.sqrt() * (1 - before) / (1 - after)).float())\n"
                    "        self.register_buffer('posterior_std', (betas * (1 - before) / (1 - after)).sqrt().float())\n",
                ),
            )
        },
    ),
    Variant(
        "static-and-class-methods",
        "the mean of the step in a static method, the loop calls the step through the class",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                values = [extract(getattr(self.var_scheduler, name), t, xt) for name in ("betas", "alphas", "alphas_cumprod")]
                mean = self.reverse_mean(xt, self.network(xt, t), *values)
                return mean.add(values[0].sqrt().mul(torch.randn_like(xt)).mul(t.gt(0).view_as(values[0])))
            """,
            P_SAMPLE_LOOP: """
                xt = torch.randn(shape, device=self.device)
                for t in self.var_scheduler.timesteps:
                    xt = DiffusionModule.p_sample(self, xt, t)
                return xt
            """,
        },
        edits={
            "ddpm.py": (
                (
                    BEFORE_SAVE,
                    "    @staticmethod\n"
                    "    def reverse_mean(x, eps, beta, alpha, alpha_bar):\n"
                    "        return torch.pow(alpha, -0.5) * (x - beta * torch.pow(1 - alpha_bar, -0.5) * eps)\n\n"
                    + BEFORE_SAVE,
                ),
            )
        },
    ),
    Variant(
        "course-files-of-2023",
        "given code as in the original course: extract by gather, float32 schedule, NumPy time steps, save and load of whole objects",
        files={
            "ddpm.py": '''from typing import Optional

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def extract(input, t: torch.Tensor, x: torch.Tensor):
    """Pick input[t] with gather and give it the rank of x."""
    if t.ndim == 0:
        t = t[None]
    picked = input.gather(0, t.long().to(input.device))
    return picked.reshape(t.shape[0], *(1 for _ in x.shape[1:]))


class BaseScheduler(nn.Module):
    def __init__(self, num_train_timesteps: int, beta_1: float = 1e-4, beta_T: float = 0.02, mode: str = "linear"):
        super().__init__()
        self.num_train_timesteps = num_train_timesteps
        self.timesteps = torch.from_numpy(np.arange(num_train_timesteps)[::-1].astype(np.int64).copy())

        if mode == "linear":
            betas = torch.linspace(beta_1, beta_T, steps=num_train_timesteps)
        elif mode == "quad":
            betas = torch.linspace(beta_1**0.5, beta_T**0.5, num_train_timesteps).square()
        else:
            raise NotImplementedError(mode)

        alphas = 1.0 - betas
        for name, value in (("betas", betas), ("alphas", alphas), ("alphas_cumprod", torch.cumprod(alphas, dim=0))):
            self.register_buffer(name, value)


class DiffusionModule(nn.Module):
    def __init__(self, network: nn.Module, var_scheduler: BaseScheduler, **kwargs):
        super().__init__()
        self.network = network
        self.var_scheduler = var_scheduler

    @property
    def device(self):
        return next(self.network.parameters()).device

    @property
    def image_resolution(self):
        return self.network.image_resolution

    def q_sample(self, x0, t, noise: Optional[torch.Tensor] = None):
        if noise is None:
            noise = torch.randn_like(x0)
        alphas_prod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
        xt = torch.sqrt(alphas_prod_t) * x0 + torch.sqrt(1 - alphas_prod_t) * noise
        return xt

    @torch.no_grad()
    def p_sample(self, xt, t):
        if isinstance(t, int):
            t = torch.tensor([t]).to(self.device)
        eps_factor = (1 - extract(self.var_scheduler.alphas, t, xt)) / (
            1 - extract(self.var_scheduler.alphas_cumprod, t, xt)
        ).sqrt()
        eps_theta = self.network(xt, t)
        mean = (xt - eps_factor * eps_theta) / extract(self.var_scheduler.alphas, t, xt).sqrt()
        noise = torch.randn_like(xt) if (t > 0).any() else 0
        return mean + extract(self.var_scheduler.betas, t, xt).sqrt() * noise

    @torch.no_grad()
    def p_sample_loop(self, shape):
        xt = torch.randn(shape).to(self.device)
        for t in self.var_scheduler.timesteps:
            xt = self.p_sample(xt, t.to(self.device))
        return xt

    @torch.no_grad()
    def ddim_p_sample(self, xt, t, t_prev, eta=0.0):
        alpha_prod_t = extract(self.var_scheduler.alphas_cumprod, t, xt)
        if t_prev >= 0:
            alpha_prod_t_prev = extract(self.var_scheduler.alphas_cumprod, t_prev, xt)
        else:
            alpha_prod_t_prev = torch.ones_like(alpha_prod_t)
        eps_theta = self.network(xt, t)
        sigma = eta * torch.sqrt((1 - alpha_prod_t_prev) / (1 - alpha_prod_t) * (1 - alpha_prod_t / alpha_prod_t_prev))
        x0 = (xt - torch.sqrt(1 - alpha_prod_t) * eps_theta) / torch.sqrt(alpha_prod_t)
        direction = torch.sqrt(1 - alpha_prod_t_prev - sigma**2) * eps_theta
        return torch.sqrt(alpha_prod_t_prev) * x0 + direction + sigma * torch.randn_like(xt)

    @torch.no_grad()
    def ddim_p_sample_loop(self, shape, num_inference_timesteps=50, eta=0.0):
        ratio = self.var_scheduler.num_train_timesteps // num_inference_timesteps
        timesteps = torch.from_numpy((np.arange(num_inference_timesteps) * ratio)[::-1].astype(np.int64).copy())
        prev_timesteps = timesteps - ratio

        xt = torch.randn(shape).to(self.device)
        for t, t_prev in zip(timesteps, prev_timesteps):
            xt = self.ddim_p_sample(xt, t, t_prev, eta)
        return xt

    def compute_loss(self, x0):
        batch_size = x0.shape[0]
        t = torch.randint(0, self.var_scheduler.num_train_timesteps, size=(batch_size,)).to(x0.device)
        noise = torch.randn_like(x0)
        eps_theta = self.network(self.q_sample(x0, t, noise), t)
        return F.mse_loss(eps_theta, noise)

    def save(self, file_path):
        torch.save({"parts": (self.network, self.var_scheduler), "state_dict": self.state_dict()}, file_path)

    def load(self, file_path):
        content = torch.load(file_path, map_location="cpu", weights_only=False)
        self.network, self.var_scheduler = content["parts"]
        self.load_state_dict(content["state_dict"])
'''
        },
    ),
)
