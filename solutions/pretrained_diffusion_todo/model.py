"""Placeholder until the given model is there: the course's globals."""

from types import SimpleNamespace

import torch

device = "cuda" if torch.cuda.is_available() else "cpu"
alphas_cumprod = torch.cos(torch.linspace(0.02, 1.55, 1000)).square()
stage_1 = SimpleNamespace(unet=None, scheduler=SimpleNamespace(alphas_cumprod=alphas_cumprod))
prompt_embeds_dict = {}


def add_variance(predicted_variance, t, image):
    return image


def process_pil_im(image):
    return image


def upsample(image, prompt_embeds):
    return image


def seed_everything(seed):
    torch.manual_seed(seed)


def make_prompt_embeds(prompt):
    return prompt_embeds_dict[prompt]
