"""The pretrained model, and what the course gives around it (given; nothing to do here).

Out of the box it is a small model of this project's own, which draws simple pictures from the prompts in `prompt_embeds_dict`, on any laptop. With
DIFFUSION_MODEL=deepfloyd in the environment it is DeepFloyd IF, as deepfloyd.py has it. Everything that you write works with either.

    stage_1.unet(image, t, encoder_hidden_states=prompt_embeds, return_dict=False)[0]    (B, 6, 64, 64): noise estimate, predicted variance
    stage_1.scheduler.set_timesteps(timesteps=…), .alphas_cumprod
    alphas_cumprod         (1000,): ᾱ_t
    prompt_embeds_dict     prompt → its embeddings; make_prompt_embeds(prompt) for others
    device                 where the model computes
"""

import os
import random
from pathlib import Path

import numpy as np
import torch
import torchvision.transforms.functional as TF
from PIL import Image, ImageOps
from torch import Tensor

HERE = Path(__file__).resolve().parent
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model_name = os.environ.get("DIFFUSION_MODEL", "small")

if model_name == "small":
    from small_model.stage import load_small_model

    stage_1, stage_2 = load_small_model(device), None
    prompt_embeds_dict = {prompt: stage_1.encode(prompt) for prompt in stage_1.prompts}
elif model_name == "deepfloyd":
    from deepfloyd import load_deepfloyd

    stage_1, stage_2, prompt_embeds_dict = load_deepfloyd(HERE, device)
else:
    raise ValueError(f'DIFFUSION_MODEL is "{model_name}"; it can be "small" or "deepfloyd".')

alphas_cumprod = stage_1.scheduler.alphas_cumprod.to(device)  # (1000,)


def make_prompt_embeds(prompt: str) -> Tensor:
    """Of a prompt, as in `prompt_embeds_dict`. The small model combines the words that it knows: "a pencil drawing of a skull".

    Raises ValueError for what the model cannot embed.
    """
    if prompt in prompt_embeds_dict:
        return prompt_embeds_dict[prompt]
    if model_name == "small":
        return stage_1.encode(prompt)
    raise ValueError(
        f'There are no embeddings of "{prompt}" in the file; make them: python deepfloyd.py embed "{prompt}"'
    )


def add_variance(predicted_variance: Tensor, t: int | Tensor, image: Tensor) -> Tensor:
    """The noise of the step from t on top of `image`, (B, 3, 64, 64), the mean of the step: fresh, with the variance that the network predicted.

    `stage_1.scheduler.set_timesteps(timesteps=…)` must have said before where a step from t leads.
    """
    log_variance = stage_1.scheduler._get_variance(t, predicted_variance=predicted_variance)
    return image + (log_variance / 2).exp() * torch.randn_like(image)


def process_pil_im(image: Image.Image) -> Tensor:
    """Any picture → (1, 3, 64, 64) in [−1, 1]: upright, its middle square, made smaller; what is transparent becomes white."""
    image = ImageOps.exif_transpose(image).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return (2 * TF.to_tensor(ImageOps.fit(image, (64, 64), Image.Resampling.LANCZOS)) - 1)[None].to(device)


def upsample(image: Tensor, prompt_embeds: Tensor) -> Tensor:
    """(B, 3, 64, 64) → (B, 3, 256, 256), both in [−1, 1]: by DeepFloyd's stage 2. The small model has none, and interpolates."""
    if stage_2 is None:
        return TF.resize(image, [256, 256], TF.InterpolationMode.BICUBIC, antialias=True).clamp(-1, 1)
    from deepfloyd import upsampled

    return upsampled(stage_2, image, prompt_embeds)


def seed_everything(seed: int) -> None:
    """The random generators of Python, NumPy and PyTorch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
