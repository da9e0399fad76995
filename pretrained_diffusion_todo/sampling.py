"""Sampling loops around a model that somebody else has trained (Berkeley CS180, project 5 A).

Images x are (1, 3, 64, 64) in [−1, 1]; t counts from 0, nearly clean, to 999, nearly noise; `timesteps` goes down to 0, such as
990, 960, …, 30, 0; a prompt is an embedding, (1, 77, 4096). The network `stage_1.unet(x, t, encoder_hidden_states=…, return_dict=False)[0]`
gives (B, 6, 64, 64): the noise estimate ε_θ in the first three channels, the predicted variance in the last three. `alphas_cumprod[t]` is
ᾱ_t, and `add_variance(predicted_variance, t, image)` returns the image with the noise of a step from t. No function changes the image that it
is given. `display` is yours: show on the way what you like where it is True.
"""

import torch
import torchvision.transforms.functional as TF
from model import add_variance, alphas_cumprod, device, stage_1


def forward(im, t):
    """Noise the clean image im, (B, 3, H, W), to the time t, an integer. Returns x_t, (B, 3, H, W)."""
    ######## TODO 1-1: forward ########
    # x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε with fresh ε ~ N(0, I) (DDPM, Eq. 4). About 3 lines.
    raise NotImplementedError("TODO 1-1: forward")
    ######## END TODO ########


def classical_denoise(im_noisy, kernel_size, sigma):
    """Denoise without a model: a Gaussian blur of im_noisy, (B, 3, H, W); kernel_size and sigma in pixels. Returns (B, 3, H, W)."""
    ######## TODO 1-2: classical_denoise ########
    # torchvision has this blur. 1 line.
    raise NotImplementedError("TODO 1-2: classical_denoise")
    ######## END TODO ########


@torch.no_grad()
def one_step_denoise(im_noisy, t, prompt_embeds):
    """Estimate the clean image from im_noisy = x_t, (1, 3, H, W), in one step. Returns x̂_0, (1, 3, H, W)."""
    ######## TODO 1-3: one_step_denoise ########
    # Ask the network for ε_θ, and solve x_t = √ᾱ_t x̂_0 + √(1 − ᾱ_t) ε_θ for x̂_0 (DDPM, Eq. 15). About 4 lines.
    raise NotImplementedError("TODO 1-3: one_step_denoise")
    ######## END TODO ########


@torch.no_grad()
def iterative_denoise(im_noisy, i_start, prompt_embeds, timesteps, display=True):
    """Denoise im_noisy = x_t, (1, 3, H, W), from t = timesteps[i_start] step by step to timesteps[-1]. Returns a NumPy array, (1, 3, H, W)."""
    ######## TODO 1-4: iterative_denoise ########
    # t = timesteps[i] and the next, less noisy t′ = timesteps[i + 1]; α = ᾱ_t/ᾱ_t′ and β = 1 − α; x̂_0 as in task 1-3. One step is
    #   x_t′ = √ᾱ_t′ β/(1 − ᾱ_t) x̂_0 + √α (1 − ᾱ_t′)/(1 − ᾱ_t) x_t + v                  (DDPM, Eq. 7, over a stride)
    # where add_variance adds v, from the variance that the network predicts beside ε_θ. About 13 lines.
    raise NotImplementedError("TODO 1-4: iterative_denoise")
    ######## END TODO ########


@torch.no_grad()
def iterative_denoise_cfg(im_noisy, i_start, prompt_embeds, uncond_prompt_embeds, timesteps, scale=7, display=True):
    """As iterative_denoise, with classifier-free guidance of strength γ = scale; uncond_prompt_embeds is the null prompt."""
    ######## TODO 1-6: iterative_denoise_cfg ########
    # In every step ε = ε_u + γ (ε_c − ε_u) (Ho and Salimans, Eq. 6, where w = γ − 1), with ε_u of the null prompt and ε_c of the prompt. The
    # predicted variance is that of the prompt. About 16 lines.
    raise NotImplementedError("TODO 1-6: iterative_denoise_cfg")
    ######## END TODO ########


@torch.no_grad()
def sdedit(image, i_start, prompt_embeds, uncond_prompt_embeds, timesteps, scale=7, display=True):
    """Edit the clean image, (1, 3, H, W): noise it to timesteps[i_start], and denoise it with guidance. Returns (1, 3, H, W), NumPy."""
    ######## TODO 1-7: sdedit ########
    # SDEdit (Meng et al. 2021), out of two functions that you have. About 2 lines.
    raise NotImplementedError("TODO 1-7: sdedit")
    ######## END TODO ########


@torch.no_grad()
def inpaint(original_image, mask, prompt_embeds, uncond_prompt_embeds, timesteps, scale=7, display=True):
    """New content where mask, (1, 3, H, W), is 1, original_image, (1, 3, H, W), where it is 0. Returns (1, 3, H, W), NumPy."""
    ######## TODO 1-7-2: inpaint ########
    # The guided loop from x ~ N(0, I) at timesteps[0]. After each step, with m the mask (RePaint, Lugmayr et al. 2022, Eq. 8),
    #   x_t′ ← m x_t′ + (1 − m) forward(x_orig, t′)
    # so that the known pixels are always as noisy as the others. About 18 lines.
    raise NotImplementedError("TODO 1-7-2: inpaint")
    ######## END TODO ########


@torch.no_grad()
def make_flip_illusion(image, i_start, prompt_embeds_1, prompt_embeds_2, uncond_prompt_embeds, timesteps, scale=7, display=True):
    """From image = x_t at t = timesteps[i_start], a picture of prompt 1 that is one of prompt 2 upside down. Returns (1, 3, H, W), NumPy."""
    ######## TODO 1-8: make_flip_illusion ########
    # In every step ε = (ε_1 + flip ε_2)/2 (Visual Anagrams, Geng et al. 2024): ε_1 is the guided estimate for prompt 1 of x, and ε_2 that for
    # prompt 2 of the flipped x, with an ε_u of its own. The predicted variance is that of prompt 1. About 20 lines.
    raise NotImplementedError("TODO 1-8: make_flip_illusion")
    ######## END TODO ########


@torch.no_grad()
def make_hybrids(image, i_start, prompt_embeds_1, prompt_embeds_2, uncond_prompt_embeds, timesteps, scale=7, display=True):
    """From image = x_t at t = timesteps[i_start], a picture of prompt 1 from far away and of prompt 2 from near. Returns (1, 3, H, W), NumPy."""
    ######## TODO 1-9: make_hybrids ########
    # In every step ε = low pass of ε_1 + high pass of ε_2 (Factorized Diffusion, Geng et al. 2024), of the two guided estimates of x. The
    # low pass is a Gaussian blur with kernel 33 and σ = 2, the high pass what that takes away. The predicted variance is that of one of the
    # prompts. About 20 lines.
    raise NotImplementedError("TODO 1-9: make_hybrids")
    ######## END TODO ########
