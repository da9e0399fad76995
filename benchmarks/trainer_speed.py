"""Speed of the image trainer: the plain training loop, as the course writes it, against ours; same model, same batch.

Both train the laptop preset on the drawn faces, in blocks of steps taken in turn, so that whatever else the machine does
meets both. The ratio of each pair of blocks is one measurement; the median is reported. On a GPU the canonical preset is taken.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

Row = tuple[str, str, str]  # what, figure, bound
SOLUTIONS = Path(__file__).resolve().parent.parent / "solutions"
FACES_PER_CATEGORY = 100


@dataclass(frozen=True)
class Comparison:
    """Steps per second of both loops, a value for each pair of blocks, and the losses of every step."""

    plain: list[float]
    ours: list[float]
    plain_losses: list[float]
    our_losses: list[float]

    @property
    def ratios(self) -> list[float]:
        return [ours / plain for plain, ours in zip(self.plain, self.ours)]


def trainer(rounds: int = 5, block: int = 6) -> list[Row]:
    """Rows for the table: the ratio, and the two mean losses over the same steps."""
    canonical = torch.cuda.is_available()
    found = compare("canonical" if canonical else "laptop", rounds, block)
    figure = (
        f"{median(found.ratios):.2f}× ({min(found.ratios):.2f} to {max(found.ratios):.2f}); "
        f"{median(found.plain):.2f} → {median(found.ours):.2f} steps/s"
    )
    plain, ours = (sum(losses[block:]) / len(losses[block:]) for losses in (found.plain_losses, found.our_losses))
    where = "GPU, canonical preset" if canonical else f"CPU, laptop preset, {torch.get_num_threads()} threads"
    return [
        (f"training against the plain loop, {where}", figure, "at least 8×" if canonical else "at least 1.5×"),
        ("mean loss of the same steps, plain and ours", f"{plain:.4f} and {ours:.4f}", "alike; each batch is random"),
    ]


def compare(preset: str, rounds: int, block: int) -> Comparison:
    """Both loops, `block` steps in turn, `rounds` times, after one block each to warm up."""
    for folder in ("2d_plot_diffusion_todo", "image_diffusion_todo"):  # the second one is searched first
        sys.path.insert(0, str(SOLUTIONS / folder))
    from faces import write_faces
    from recipe import PRESETS

    with tempfile.TemporaryDirectory() as root:
        write_faces(root, train=FACES_PER_CATEGORY, val=1)
        with closing(plain_loop(PRESETS[preset], root)) as plain, closing(our_loop(PRESETS[preset], root)) as ours:
            for loop in (plain, ours):
                seconds(loop, block)
            speeds: dict[str, list[float]] = {"plain": [], "ours": []}
            losses: dict[str, list[float]] = {"plain": [], "ours": []}
            for _ in range(rounds):
                for name, loop in (("plain", plain), ("ours", ours)):
                    taken, new = seconds(loop, block)
                    speeds[name].append(block / taken)
                    losses[name] += new
    return Comparison(speeds["plain"], speeds["ours"], losses["plain"], losses["ours"])


def seconds(loop: Iterator[Callable[[], list[float]]], block: int) -> tuple[float, list[float]]:
    """Wall-clock seconds for `block` steps, and their losses; what is still running on a GPU is waited for."""
    started = time.perf_counter()
    for _ in range(block):
        read = next(loop)
    losses = read()
    return time.perf_counter() - started, losses


def plain_loop(recipe, root: str) -> Iterator[Callable[[], list[float]]]:
    """The course's loop: files read and resized by four worker processes, float32, Adam's defaults, the loss read twice a step."""
    from dataset import AFHQDataModule, get_data_iterator
    from ddpm import BaseScheduler, DiffusionModule
    from network import UNet

    torch.manual_seed(recipe.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = AFHQDataModule(root, recipe.batch_size, 4, recipe.max_num_images_per_cat, recipe.image_resolution)
    batches = get_data_iterator(data.train_dataloader())
    ddpm = DiffusionModule(UNet(**recipe.network_settings()), BaseScheduler(**recipe.schedule_settings())).to(device)
    optimizer = torch.optim.Adam(ddpm.network.parameters(), lr=recipe.learning_rate)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min((t + 1) / recipe.warmup_steps, 1.0))
    losses: list[float] = []

    def read() -> list[float]:
        new, losses[:] = losses[:], []
        return new

    while True:
        images, labels = next(batches)
        images, labels = images.to(device), labels.to(device)
        loss = ddpm.compute_loss(images)
        _description = f"Loss: {loss.item():.4f}"
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        yield read


def our_loop(recipe, root: str) -> Iterator[Callable[[], list[float]]]:
    """The trainer of the assignment, as `train.py` sets it up."""
    from dataset import AFHQDataModule
    from trainer import Trainer, pick_device, pick_precision

    data = AFHQDataModule(root, recipe.batch_size, 0, recipe.max_num_images_per_cat, recipe.image_resolution)
    device = pick_device()
    compile_mode = "reduce-overhead" if device.type == "cuda" else None
    training = Trainer(recipe, data.train_pixels(), device, pick_precision(device), compile_mode)

    def read() -> list[float]:
        training.read()
        new, training.losses = training.losses, []
        return new

    while True:
        training.one_step()
        yield read


if __name__ == "__main__":
    for row in trainer():
        print(*row, sep=" | ")
