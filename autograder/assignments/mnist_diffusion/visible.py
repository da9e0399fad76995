"""The visible checks: what students run themselves, in the kit. Shipped as it is.

They know contracts and numbers that the solution gave, and no formula.
"""

from pathlib import Path

import torch

from autograder.assignments.mnist_diffusion.visible_diffusion import (
    class_loss_numbers,
    class_unet_numbers,
    guided_sampler_numbers,
    loss_numbers,
    sampler_numbers,
    schedule_numbers,
    time_unet_numbers,
)
from autograder.assignments.mnist_diffusion.visible_parts import (
    class_flow_loss,
    class_flow_steps,
    conv_block_numbers,
    conv_numbers,
    denoiser_numbers,
    down_block_numbers,
    down_conv_numbers,
    fc_block_numbers,
    flatten_numbers,
    flow_loss,
    flow_steps,
    noise_of_a_strength,
    unet_numbers,
    unflatten_numbers,
    up_block_numbers,
    up_conv_numbers,
)
from autograder.kit.checks import Code, picture, seed

__all__ = [
    "class_flow_loss", "class_flow_steps", "class_loss_numbers", "class_unet_numbers", "conv_block_numbers", "conv_numbers", "denoiser_numbers",
    "down_block_numbers", "down_conv_numbers", "fc_block_numbers", "flatten_numbers", "flow_loss", "flow_steps", "guided_sampler_numbers",
    "loss_numbers", "noise_of_a_strength", "noised_digits", "sampler_numbers", "schedule_numbers", "time_unet_numbers", "unet_numbers",
    "unflatten_numbers", "up_block_numbers", "up_conv_numbers",
]  # fmt: skip
ALSO_RIGHT = ("tables-of-T-entries", "alpha-0-in-the-product", "alpha-0-in-the-product-and-all-rows", "beta-0-left-out")  # in numbers, too
SIGMAS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0)


@picture("1-2", needs=(), title="a digit under noise of growing strength, by your add_noise")
def noised_digits(code: Code, folder: Path) -> Path:
    from matplotlib.figure import Figure

    drawn, _ = code.module("drawn_digits").drawn_digits(10, 28, 0)
    seed(0)
    images = [code.module("denoising").add_noise(torch.from_numpy(drawn[3])[None, None], sigma) for sigma in SIGMAS]
    figure = Figure(figsize=(9, 1.7), layout="constrained")
    for axes, noised, sigma in zip(figure.subplots(1, len(SIGMAS)), images, SIGMAS):
        axes.imshow(noised[0, 0].detach().numpy(), cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"σ = {sigma:g}", fontsize=9)
        axes.axis("off")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "noised_digits.png", dpi=110)
    return folder / "noised_digits.png"
