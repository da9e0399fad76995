"""What a training leaves on disk: settings, checkpoints, loss plot, sample grids (given; nothing to do here).

Checkpoints hold plain data only and are written whole or not at all. `last.ckpt` is what DiffusionModule.load reads;
`training_state.pt` also holds what is needed to go on as if nothing had happened.
"""

import json
import math
import os
import textwrap
from pathlib import Path

import numpy as np
import torch
from dataset import tensor_to_pil_image
from errors import UserError
from matplotlib.figure import Figure

STATE, CHECKPOINT = "training_state.pt", "last.ckpt"


def save_whole(data: dict, path: Path) -> None:
    """torch.save, so that a crash at any moment leaves the old file or the new one."""
    partial = path.with_name(path.name + ".partial")
    torch.save(data, partial)
    os.replace(partial, path)


def load_plain(path, must_hold: tuple = ()) -> dict:
    """A checkpoint that holds plain data only, on the CPU. Raises UserError for any other file, without running what is in it."""
    if not Path(path).is_file():
        raise UserError(f"There is no checkpoint {path}.")
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch raises many kinds for broken and for refused files
        raise UserError(
            f"{path} is broken, or holds Python objects, which can run code when opened, so it was not read ({type(error).__name__}). "
            "Use a checkpoint that train.py wrote."
        ) from None
    if not isinstance(data, dict) or any(name not in data for name in must_hold):
        raise UserError(f"{path} was not written by train.py; use {CHECKPOINT} of a training's folder.")
    return data


def write_settings(folder: Path, settings: dict) -> None:
    """settings.json of a training."""
    (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")


def plot_loss(losses, path: Path, caption: str) -> None:
    """The loss of every step and its running mean, as PNG."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    losses = np.asarray(losses, dtype=np.float64)
    window = max(1, min(100, len(losses) // 10))
    axes.plot(np.arange(1, len(losses) + 1), losses, color="tab:blue", alpha=0.25, linewidth=0.8, label="each step")
    if window > 1:
        mean = np.convolve(losses, np.ones(window) / window, mode="valid")
        axes.plot(np.arange(window, len(losses) + 1), mean, color="tab:blue", label=f"mean of {window} steps")
    axes.set(xlabel="training step", ylabel="loss: mean squared error of the noise", yscale="log", title="Training loss")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.supxlabel("\n".join(textwrap.wrap(caption, 110)), fontsize=7)
    figure.savefig(path, dpi=120)


def save_grid(images: torch.Tensor, path: Path, caption: str) -> None:
    """Images in [−1, 1], (B, 3, H, W), in a near-square grid with a caption, as PNG."""
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    figure = Figure(figsize=(1.2 * columns, 1.2 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for panel in axes.flat:
        panel.axis("off")
    for panel, image in zip(axes.flat, tensor_to_pil_image(images)):
        panel.imshow(image, interpolation="nearest")
    figure.supxlabel("\n".join(textwrap.wrap(caption, 22 * columns)), fontsize=7)
    figure.savefig(path, dpi=120)
