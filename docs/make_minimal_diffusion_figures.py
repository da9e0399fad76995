"""Draw the figures of the digits handout with this project's own solution: `python docs/make_minimal_diffusion_figures.py [losses.json]`.

Writes solutions/minimal_diffusion_todo/figures/*.png. `losses.json`: what `python -m autograder.assignments.minimal_diffusion.calibrate 1`
printed; without it the U-Net is trained here, which takes two minutes of one core. Seeded and single-threaded.
"""

import json
import sys
from pathlib import Path

import matplotlib
import numpy as np
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, Rectangle

FOLDER = Path(__file__).resolve().parent.parent / "solutions" / "minimal_diffusion_todo"
sys.path.insert(0, str(FOLDER))
sys.dont_write_bytecode = True

import ddpm  # noqa: E402
import unet  # noqa: E402
from drawn_digits import drawn_digits  # noqa: E402

BLUE, ORANGE, GREY, INK = "#1f6fb4", "#d9622b", "#b9c0c7", "#333333"
STEPS, BATCH = 200, 16

plt.rcParams.update({"font.size": 9.5, "axes.edgecolor": "#888888", "legend.frameon": False, "figure.constrained_layout.use": True})


def main(losses_file=None):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    save(draw_forward(), "forward.png")
    save(draw_schedule(), "schedule.png")
    save(draw_unet(), "unet.png")
    first = train(ddpm.DDPM())
    known = json.loads(Path(losses_file).read_text().splitlines()[0])["losses"] if losses_file else train(ddpm.DDPM(unet.UNet()))
    save(draw_losses(first, known), "loss.png")


def digits(count, size=32):
    images, labels = drawn_digits(count, size, 0)
    return torch.from_numpy(images)[:, None].expand(-1, 3, -1, -1) * 2 - 1, torch.from_numpy(labels)


def train(model):
    """The recipe of exercise 5. Returns the losses."""
    images, _ = digits(1600)
    model(images[:BATCH])
    adam, losses = torch.optim.Adam(model.parameters(), lr=1e-4), []
    for rows in torch.cat([torch.randperm(len(images)) for _ in range(2)]).split(BATCH)[:STEPS]:
        loss = model(images[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses


def draw_forward(count=10):
    images, labels = digits(200)
    x = images[labels == 5][:1].expand(count, -1, -1, -1)
    t = torch.linspace(1, ddpm.T, count).long()
    eps = torch.randn(count, 1, 32, 32).expand(-1, 3, -1, -1)
    x_t = ddpm.sqrtab[t] * x + ddpm.sqrtmab[t] * eps
    figure, axes = plt.subplots(3, 1, figsize=(9, 3.1))
    for ax, row, title in zip(axes, (x, x_t, eps), ("data $x_0$", "$x_t$", r"the noise $\varepsilon$ in it")):
        ax.imshow(torch.cat(list(row[:, 0]), dim=1), cmap="gray", vmin=-2, vmax=2, aspect="equal")
        ax.set_yticks([])
        ax.set_xticks([])
        ax.set_title(title, loc="left", fontsize=9.5, pad=2)
        ax.set_frame_on(False)
    axes[2].set_xticks(np.arange(count) * 32 + 16, [f"t = {int(step)}" for step in t])
    axes[2].tick_params(length=0)
    return figure


def draw_schedule():
    figure, ax = plt.subplots(figsize=(6, 2.5))
    t = np.arange(1, ddpm.T + 1)
    ax.plot(t, ddpm.sqrtab[1:].flatten(), color=BLUE, label=r"$\sqrt{\bar\alpha_t}$, of the image")
    ax.plot(t, ddpm.sqrtmab[1:].flatten(), color=ORANGE, label=r"$\sqrt{1-\bar\alpha_t}$, of the noise")
    ax.set(xlabel="t", ylabel="factor in $x_t$", xlim=(1, ddpm.T), ylim=(0, 1.02))
    ax.legend(loc="center right")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


DOWN, UP = (72, 96, 128, 196), (256, 196, 128, 96)


def draw_unet():
    figure, ax = plt.subplots(figsize=(9.4, 4.6))
    ax.set(xlim=(-0.6, 14.2), ylim=(-1.2, 5.1))
    ax.axis("off")

    def box(x, level, channels, color):
        ax.add_patch(Rectangle((x - 0.28, 4 - level - 0.3), 0.56, 0.6, facecolor=color, edgecolor="none", alpha=0.9))
        ax.text(x, 4 - level, str(channels), ha="center", va="center", color="white", fontsize=9)

    def arrow(begin, end, color=INK, style="-|>", width=1.2):
        patch = FancyArrowPatch(begin, end, arrowstyle=style, mutation_scale=11, color=color, linewidth=width, shrinkA=0, shrinkB=0)
        ax.add_patch(patch)

    box(0, 0, 3, INK)
    for level, channels in enumerate(DOWN, start=1):
        box(1.3 * level, level, channels, BLUE)
        arrow((1.3 * (level - 1) + 0.28, 4 - level + 0.9), (1.3 * level, 4 - level + 0.32))
    box(6.6, 4, 256, INK)
    arrow((5.5, 0), (6.3, 0))
    for number, channels in enumerate(UP):
        level = 3 - number
        x = 13.2 - 1.3 * (level + 1)
        box(x, level, channels, ORANGE)
        arrow((x - 1.02 if number else 7.75, 4 - level - 0.75 if number else 0.15), (x - 0.1, 4 - level - 0.32))
    for level in range(5):  # what is concatenated: a level's output on the way down goes to where the way up leaves that level
        begin = 1.3 * level + 0.3
        end = 7.6 if level == 4 else 13.2 - 1.3 * (level + 1) + 0.62
        height = 4 - level - (0.42 if level == 4 else 0)
        if level == 4:
            ax.plot([begin - 0.3, begin - 0.3, end, end], [-0.32, -0.75, -0.75, -0.34], color=GREY, linewidth=1.6)
            arrow((end, -0.5), (end, -0.32), GREY, width=1.6)
        else:
            arrow((begin, height), (end - 0.92, height), GREY, width=1.6)
        side = "H" if level == 0 else f"H/{2**level}"
        ax.text(-0.55, 4 - level if level else 4.55, side, ha="left", va="center", color="#777777", fontsize=9)
    ax.text(7.6, 0, "concat", ha="center", va="center", fontsize=8, color="#777777")
    arrow((6.9, 0), (7.2, 0))
    box(13.2, 0, "out", INK)
    arrow((12.2, 4), (12.9, 4))
    down, up = "down block: conv 4×4, stride 2, BatchNorm, ReLU", "up block: transposed conv 4×4, stride 2, BatchNorm, ReLU"
    for x, color, text in ((0.6, BLUE, down), (6.4, ORANGE, up)):
        ax.add_patch(Rectangle((x - 0.5, -1.15), 0.24, 0.24, facecolor=color, edgecolor="none"))
        ax.text(x - 0.15, -1.03, text, va="center", fontsize=8.5, color=INK)
    ax.text(13.2, 3.45, "conv 1×1", ha="center", fontsize=8.5, color=INK)
    ax.text(6.6, 0.42, "conv 3×3", ha="center", fontsize=8.5, color=INK)
    return figure


def draw_losses(first, known):
    figure, ax = plt.subplots(figsize=(6, 2.6))
    for losses, color, label in ((first, GREY, "first network, two convolutions"), (known, BLUE, "U-Net")):
        mean = np.convolve(losses, np.ones(10) / 10, mode="valid")
        ax.plot(np.arange(10, len(losses) + 1), mean, color=color, label=label)
    ax.set(xlabel="step", ylabel="loss, mean of 10", xlim=(0, len(first)), ylim=(0, 1.1))
    ax.legend()
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def save(figure, name):
    (FOLDER / "figures").mkdir(exist_ok=True)
    figure.savefig(FOLDER / "figures" / name, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main(*sys.argv[1:])
