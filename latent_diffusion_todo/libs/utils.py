"""What train.py needs besides the model: the running mean of the weights, order and pictures (given; nothing to do here)."""

import contextlib
import functools
import textwrap
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure


def default(value, fallback):
    """`value`, or where it is None, the fallback: what it gives if it is a function, else itself."""
    if value is not None:
        return value
    return fallback() if callable(fallback) else fallback


def trained_state(model):
    """The tensors of a model by name, without those of the frozen autoencoder and without frozen weights."""
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    return {name: value for name, value in model.state_dict().items() if not name.startswith("vae.") and name not in frozen}


class EMA:
    """An exponential moving average of a model's trained weights: mean ← decay · mean + (1 − decay) · weight.

    The decay is smaller in the first steps, (1 + n) / (10 + n), so that the weights at the beginning are soon forgotten. Buffers are no
    weights and are taken over as they are. The autoencoder of latent diffusion is frozen: it is neither averaged nor copied.
    """

    def __init__(self, model, decay=0.999):
        self.decay, self.updates = decay, 0
        self.mean = {name: value.detach().clone() for name, value in trained_state(model).items()}

    @torch.no_grad()
    def update(self, model):
        """After each step of the optimiser."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        weights = {name for name, _ in model.named_parameters()}
        for name, value in trained_state(model).items():
            if name in weights:
                self.mean[name].lerp_(value, 1 - decay)
            else:
                self.mean[name].copy_(value)

    @contextlib.contextmanager
    def applied(self, model):
        """Inside, the model has the averaged weights; afterwards its own again."""
        own = {name: value.detach().clone() for name, value in trained_state(model).items()}
        model.load_state_dict(self.mean, strict=False)
        try:
            yield model
        finally:
            model.load_state_dict(own, strict=False)

    def state_dict(self):
        return {"updates": self.updates, "mean": self.mean}

    def load_state_dict(self, state):
        self.updates = state["updates"]
        for name, value in self.mean.items():
            value.copy_(state["mean"][name])


@functools.lru_cache(maxsize=2)
def epoch_order(count, seed, epoch):
    """The order of the images in one epoch, (count,). It depends on nothing else, so that it need not be kept."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))


def save_samples(images, class_names, path, caption):
    """Images in 0 … 1, (classes · N, C, H, W), those of a class one after another: a row for each class, with its name."""
    rows, count = len(class_names), len(images) // len(class_names)
    pixels = images.detach().float().clamp(0, 1).cpu().permute(0, 2, 3, 1).numpy()  # (B, H, W, C)
    figure = Figure(figsize=(count + 0.8, rows + 0.7), layout="constrained")
    axes = figure.subplots(rows, count, squeeze=False)
    for panel, image in zip(axes.flat, pixels):
        panel.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        panel.set(xticks=[], yticks=[])
        panel.set_frame_on(False)
    for name, panels in zip(class_names, axes):
        panels[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    _save(figure, path, caption)


def save_loss_curve(losses, path, caption):
    """The loss of every step, pale, and its running mean, strong, on a logarithmic axis."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    window = max(1, min(100, len(losses) // 5))
    mean = np.convolve(losses, np.ones(window) / window, mode="valid")
    axes.plot(np.arange(1, len(losses) + 1), losses, color="#1f6fb4", alpha=0.25, linewidth=0.8, label="each step")
    axes.plot(np.arange(window, len(losses) + 1), mean, color="#1f6fb4", label=f"mean of {window} steps")
    axes.set(xlabel="training step", ylabel="loss: mean squared error", yscale="log")
    axes.grid(alpha=0.25, which="both")
    axes.legend(fontsize=8, frameon=False)
    _save(figure, path, caption)


def _save(figure, path, caption):
    width = max(40, int(figure.get_size_inches()[0] * 15))
    figure.supxlabel("\n".join(textwrap.wrap(caption, width)), fontsize=8, color="#555555")
    figure.savefig(Path(path), dpi=100)
