"""All figures of the assignment, as functions from tensors to figures (given; nothing to do here).

Images are (N, 1, 28, 28), and are shown from 0, black, to 1, white. Each figure has a caption that says what it was made with.
"""

import textwrap
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

SIGMAS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0)
BLUE, ORANGE, GREEN, INK = "#1f6fb4", "#d9622b", "#3a8f5c", "#333333"


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110)


def grid(rows: list, row_titles: list[str], column_titles: list[str], caption: str) -> Figure:
    """Rows of images, (N, 1, H, W) each; titles on the left and above, "" for none."""
    columns = max(map(len, rows))
    figure = Figure(figsize=(0.85 * columns + 0.014 * max(map(len, row_titles)) * 7 + 0.3, 0.85 * len(rows) + 0.75), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_frame_on(False)
    for row, panels, title in zip(rows, axes, row_titles):
        for image, ax in zip(row, panels):
            ax.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        panels[0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=6)
    for ax, title in zip(axes[0], column_titles):
        ax.set_title(title, fontsize=9, color=INK)
    return _captioned(figure, caption)


def noising(x: torch.Tensor, noisy: list, caption: str) -> Figure:
    """The same images under noise of each strength: x, (N, 1, H, W), and for each of SIGMAS a z of that shape."""
    rows = [torch.stack([z[i] for z in noisy]) for i in range(len(x))]
    return grid(rows, [""] * len(x), [f"σ = {sigma:g}" for sigma in SIGMAS], caption)


def denoising(x, z, answers, sigma: float, caption: str) -> Figure:
    """Clean, noisy and denoised images, three rows."""
    return grid([x, z, answers], ["clean x", f"noisy z, σ = {sigma:g}", "denoised"], [], caption)


def strengths(noisy, answers, trained: float, caption: str) -> Figure:
    """One digit under noise of each of SIGMAS, and the denoiser's answers: (7, 1, H, W) each."""
    columns = [f"σ = {sigma:g}" + ("\n(trained)" if sigma == trained else "") for sigma in SIGMAS]
    return grid([noisy, answers], ["noisy", "denoised"], columns, caption)


def samples(images, caption: str, labelled: bool) -> Figure:
    """Ten in a row; with labels a column for each digit."""
    rows = [images[i : i + 10] for i in range(0, len(images), 10)]
    return grid(rows, [""] * len(rows), [str(digit) for digit in range(10)] if labelled else [], caption)


def loss_curve(losses: dict, steps_per_epoch: int, caption: str, what: str = "mean squared error") -> Figure:
    """Losses of every step, by name, on a logarithmic axis: pale, and as a running mean, strong."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    ax = figure.subplots()
    for (name, values), color in zip(losses.items(), (BLUE, ORANGE, GREEN)):
        steps = np.arange(1, len(values) + 1)
        ax.plot(steps, values, color=color, alpha=0.25, linewidth=0.8, label=f"{name}, each step")
        window = max(1, min(50, len(values) // 5))
        mean = np.convolve(values, np.ones(window) / window, mode="valid")
        ax.plot(steps[window - 1 :], mean, color=color, label=f"{name}, mean of {window} steps")
    ax.set(xlabel="training step", ylabel=f"loss: {what}", yscale="log")
    above = ax.secondary_xaxis("top", functions=(lambda step: step / steps_per_epoch, lambda epoch: epoch * steps_per_epoch))
    above.set_xlabel("epoch")
    ax.grid(alpha=0.25, which="both")
    ax.spines["right"].set_visible(False)
    ax.legend(fontsize=8, frameon=False)
    return _captioned(figure, caption)


def animation(states: torch.Tensor, path: Path, seconds: float = 4.0, scale: int = 2) -> None:
    """A GIF of sampling: states, (N, frames, 1, H, W), ten images in a row, the last frame for a while longer."""
    rows = -(-len(states) // 10)
    blank = states.new_zeros(10 * rows - len(states), *states.shape[1:])
    tiles = torch.cat([states, blank]).unflatten(0, (rows, 10))[:, :, :, 0]  # (rows, 10, frames, H, W)
    greys = tiles.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2).clamp(0, 1).mul(15).round()  # 16 of them: noise makes large files
    frames = greys.mul(17).byte().numpy()
    pictures = [Image.fromarray(frame).resize((frame.shape[1] * scale, frame.shape[0] * scale), Image.Resampling.NEAREST) for frame in frames]
    times = [round(1000 * seconds / len(pictures))] * (len(pictures) - 1) + [1500]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=times, loop=0)


def _captioned(figure: Figure, caption: str) -> Figure:
    width = max(40, int(figure.get_size_inches()[0] * 15))
    figure.supxlabel("\n".join(textwrap.wrap(caption, width)), fontsize=8, color="#555555")
    return figure
