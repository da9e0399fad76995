"""Your models under one roof: how each is made, its loss on a batch, and pictures drawn by its sampler (given; nothing to do here).

Your files are called by the names of the handout only. A sampler may answer with one image or with many, and beside them states on the way.
"""

import class_conditional
import flow_matching
import time_conditional
import torch
import torch.nn as nn
from better_unet import BetterUNet
from denoising import denoising_loss
from recipe import Recipe
from unet import ClassConditionalUNet, TimeConditionalUNet, UnconditionalUNet

DENOISERS, LABELLED = ("denoiser", "better"), ("class", "flow_class")
SIZE, CLASSES, SCALE = (28, 28), 10, 5.0
FRAMES = 40  # of an animation, about


def make_model(recipe: Recipe) -> nn.Module:
    """A denoiser is a bare network; the others are wrapped with their loss and sampler."""
    D, T = recipe.num_hiddens, recipe.num_ts
    if recipe.model == "denoiser":
        return UnconditionalUNet(1, D)
    if recipe.model == "better":
        return BetterUNet(1, D)
    if recipe.model in LABELLED:
        wrapper = class_conditional.DDPM if recipe.model == "class" else flow_matching.ClassConditionalFM
        return wrapper(ClassConditionalUNet(1, CLASSES, D), num_ts=T, p_uncond=recipe.p_uncond)
    wrapper = time_conditional.DDPM if recipe.model == "time" else flow_matching.TimeConditionalFM
    return wrapper(TimeConditionalUNet(1, CLASSES, D), num_ts=T)


def loss_of(model: nn.Module, recipe: Recipe, x: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """The training loss on images x, (B, 1, 28, 28), of the classes c, (B,)."""
    if recipe.model in DENOISERS:
        return denoising_loss(model, x, recipe.sigma)
    return model(x, c) if recipe.model in LABELLED else model(x)


@torch.no_grad()
def denoised(model: nn.Module, z: torch.Tensor) -> torch.Tensor:
    """A trained denoiser's answer to noisy images z, on the CPU."""
    device = next(model.parameters()).device
    return model.eval()(z.to(device)).cpu()


@torch.no_grad()
def draw(model: nn.Module, recipe: Recipe, rows: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Samples, (N, 1, 28, 28), and states on the way to them, (N, frames, 1, 28, 28), or None where those cannot be watched; on the CPU.

    With labels there are `rows` rows of the digits 0 … 9, else `rows` times 10 samples, from the seeds 0, 1, … until there are enough.
    """
    model.eval()
    if recipe.model in LABELLED:
        c = torch.arange(CLASSES, device=next(model.parameters()).device).repeat(rows)
        return _watched(model, recipe.num_ts, lambda: model.sample(c, SIZE, SCALE, 0))
    images, states = [], []
    while sum(map(len, images)) < CLASSES * rows:
        seed = len(images)
        drawn, watched = _watched(model, recipe.num_ts, lambda: model.sample(SIZE, seed))  # noqa: B023
        images.append(drawn)
        states.append(watched)
    together = None if any(watched is None for watched in states) else torch.cat(states)[: CLASSES * rows]
    return torch.cat(images)[: CLASSES * rows], together


def _watched(model, num_ts, sample):
    """What `sample()` draws, and the x that the network was given on the way, each once, every so many steps, and last the samples."""
    seen = []

    def note(module, arguments, keywords):
        x = next(value for value in (*arguments, *keywords.values()) if value.ndim == 4).detach()
        if not (seen and seen[-1].shape == x.shape and torch.equal(seen[-1], x)):  # guidance asks twice about the same x
            seen.append(x.clone())

    hook = model.unet.register_forward_pre_hook(note, with_kwargs=True)
    try:
        images = final_images(sample()).detach().float().cpu()
    finally:
        hook.remove()
    kept = [x[: len(images)].cpu() for x in seen[:: max(1, num_ts // FRAMES)] if len(x) >= len(images)]
    return images, torch.stack([*kept, images], dim=1) if kept else None


def final_images(answer) -> torch.Tensor:
    """The images, (N, C, H, W), in what a sampler answers: x, (x, caches), a list of images, or the whole trajectory as a list or a tensor."""
    if isinstance(answer, tuple | list):
        parts = [torch.as_tensor(part) for part in answer if isinstance(part, torch.Tensor) or hasattr(part, "__array__")]
        if all(part.ndim == 3 for part in parts) and len(parts) == len(answer):
            return torch.stack(parts)
        several = len(parts) > 1 and all(part.shape == parts[0].shape for part in parts)
        return final_images(parts[-1] if several else parts[0])
    if answer.ndim == 5:  # (N, steps, C, H, W)
        return answer[:, -1]
    return answer if answer.ndim == 4 else answer.reshape(-1, 1, *answer.shape[-2:])
