"""Draw the figures of the handout of latent diffusion: `python docs/make_latent_diffusion_figures.py [LOGS]`.

Writes solutions/latent_diffusion_todo/figures/*.png. LOGS: the folder with trainings of the solution, mnist_laptop/ and afhq_laptop/, for the
pictures of samples, such as after

    cd solutions/latent_diffusion_todo && python train.py configs/mnist_laptop.yaml && python train.py configs/afhq_laptop.yaml

Without it those pictures are left as they are.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent / "solutions" / "latent_diffusion_todo"
sys.path.insert(0, str(FOLDER))
sys.dont_write_bytecode = True

from faces import render_face  # noqa: E402
from libs.ddpm import DDPM  # noqa: E402

from autograder.oracles.preconditioning import GaussianDenoiser, rho_steps  # noqa: E402

BLUE, ORANGE, GREEN, GREY, INK = "#1f6fb4", "#d9622b", "#3a8f5c", "#aab2ba", "#333333"

plt.rcParams.update({"font.size": 9.5, "figure.constrained_layout.use": True})


def main(logs: str | None = None) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    save(draw_network(), "unet.png")
    save(draw_latent_path(), "latent.png")
    save(draw_orders(), "heun.png")
    if logs:
        copy_samples(Path(logs))


# --- the network ------------------------------------------------------------------------------------------------------

LEVELS = (("H×W", "D", 7.2), ("H/2×W/2", "2D", 4.7), ("H/4×W/4", "4D", 2.2))  # size, channels of the level, height in the figure
WIDTHS = ("D", "D", "2D")  # channels with which a level is entered on the way down, and left on the way up


def draw_network():
    """The encoder on the left, the middle below, the decoder on the right; grey lines carry what the encoder stored."""
    figure, ax = plt.subplots(figsize=(10.8, 4.9))
    ax.set(xlim=(-1.6, 27.4), ylim=(-0.7, 8.7))
    ax.axis("off")
    for (size, channels, y), enters, left in zip(LEVELS, WIDTHS, (2.6, 4.2, 5.8)):
        ax.text(-1.5, y, size, color="#777777", va="center", fontsize=9)
        level(ax, left, y, BLUE, f"({enters} → {channels})")
        right = 27.2 - left - 5.4
        circle(ax, right - 0.75, y, "cat", INK)
        level(ax, right, y, ORANGE, f"({channels}+{channels} → {enters})")
        above = y + 1.02
        ax.plot([left + 4.6, left + 4.6, right - 0.75, right - 0.75], [y + 0.55, above, above, y + 0.5], color=GREY, linewidth=1.6)
        arrow(ax, (right - 0.75, y + 0.62), (right - 0.75, y + 0.34), GREY)
        ax.text(13.7, above + 0.1, channels, ha="center", color="#777777", fontsize=8)
        arrow(ax, (right - 0.42, y), (right - 0.05, y))
    ways(ax)
    box(ax, 11.1, -0.55, 5.4, 1.1, "ResBlock · transformer · ResBlock\n(4D → 4D)", GREEN)
    ax.plot([8.4, 8.4], [LEVELS[2][2] - 0.58, 0], color=INK, linewidth=1.3)
    arrow(ax, (8.4, 0), (11.0, 0))
    arrow(ax, (15.25, 0.6), (15.25, LEVELS[2][2] - 0.36))
    return figure


def level(ax, x, y, colour, channels):
    box(ax, x, y - 0.55, 5.2, 1.1, f"ResBlock {channels}\ntransformer, where there is one", colour)


def ways(ax) -> None:
    """What leads into the network, from one level to the next, and out."""
    top, middle, low = (y for _, _, y in LEVELS)
    box(ax, -0.1, top - 0.55, 1.9, 1.1, "conv_in\n(C → D)", INK)
    arrow(ax, (1.85, top), (2.55, top))
    for x, upper, lower in ((4.7, top, middle), (6.3, middle, low)):
        arrow(ax, (x, upper - 0.58), (x, lower + 0.6))
        ax.text(x - 0.15, (upper + lower) / 2, "Downsample", ha="right", va="center", fontsize=8, color=BLUE)
    for x, upper, lower in ((16.85, middle, low), (18.45, top, middle)):
        arrow(ax, (x, lower + 0.58), (x, upper - 0.36))
        ax.text(x + 0.15, (upper + lower) / 2, "Upsample", ha="left", va="center", fontsize=8, color=ORANGE)
    box(ax, 25.2, top - 0.55, 2.1, 1.1, "final_conv\n(D → C)", INK)
    arrow(ax, (24.45, top), (25.15, top))


# --- the latent path --------------------------------------------------------------------------------------------------


@torch.no_grad()
def draw_latent_path():
    """A drawn face, its latent, noised latents on the way back, and what the decoder makes of the latent."""
    model = DDPM((3, 64, 64), timesteps=500, dim=8, context_dim=8, num_classes=3, use_vae=True)
    image = torch.from_numpy(render_face("wild", 6, 64)).permute(2, 0, 1)[None].float() / 255
    latent = model.vae.encoder(image)
    pictures = [image, latent, *(model.q_sample(latent, torch.tensor([t])) for t in (499, 160, 0)), model.vae.decoder(latent)]
    names = ("image\n(3, H, W), 0 … 1", "latent $x_0$\n(4, H/8, W/8)", "$x_{T-1}$: noise", "$x_t$", "$x_0$", "image\n(3, H, W), 0 … 1")
    figure, ax = plt.subplots(figsize=(10.8, 2.5))
    ax.set(xlim=(0, 29), ylim=(-0.2, 6.4))
    ax.axis("off")
    for x, picture, name in zip((0.3, 6.6, 12.0, 16.0, 20.0, 25.6), pictures, names):
        shown = picture if picture.shape[1] == 3 else (picture[:, :3] + 3) / 6
        panel = ax.inset_axes((x, 1.5, 3, 3), transform=ax.transData)
        panel.imshow(shown[0].clamp(0, 1).permute(1, 2, 0).numpy(), interpolation="nearest")
        panel.set(xticks=[], yticks=[])
        ax.text(x + 1.5, 1.2, name, ha="center", va="top", fontsize=8.5, color=INK)
    for begin, end, name, colour in (
        (3.5, 6.4, "vae.encoder", BLUE), (15.1, 15.9, "", GREEN), (19.1, 19.9, "", GREEN), (23.2, 25.4, "vae.decoder", BLUE)
    ):  # fmt: skip
        arrow(ax, (begin, 3), (end, 3), colour)
        ax.text((begin + end) / 2, 3.3, name, ha="center", fontsize=8.5, color=colour)
    ax.text(17.5, 5.1, "the sampler: p_sample, T times", ha="center", color=GREEN)
    ax.text(4.9, 5.1, "the loss: compute_loss", ha="center", color=INK)
    ax.plot([11, 11], [0.2, 5.9], color=GREY, linestyle=":")
    return figure


# --- the order of a method ---------------------------------------------------------------------------------------------

SIGMA_MAX, SIGMA_MIN, RHO = 80, 0.002, 7
STEPS = (6, 9, 12, 17, 24, 34, 48, 68, 96, 136, 192, 272, 384, 544, 768)
FITTED = 90  # steps and more, of which the slopes are fitted


def draw_orders():
    """The error of Euler's and Heun's method against the calls of the network, for Gaussian data, whose flow has a closed solution."""
    random = np.random.default_rng(0)
    data = GaussianDenoiser(random.uniform(-0.5, 0.5, 64), random.uniform(0.2, 0.6, 64))
    start = SIGMA_MAX * random.standard_normal((64, 64))
    exact = data.flow(start, SIGMA_MAX, SIGMA_MIN)
    figure, ax = plt.subplots(figsize=(6.4, 4.0))
    for name, method, calls_a_step, colour, marker in (("Euler", euler, 1, BLUE, "o"), ("Heun", GaussianDenoiser.heun, 2, ORANGE, "s")):
        ends = [method(data, start, rho_steps(steps + 1, SIGMA_MIN, SIGMA_MAX, RHO)) for steps in STEPS]
        calls, errors = calls_a_step * np.array(STEPS), np.array([np.sqrt(((end - exact) ** 2).mean()) for end in ends])
        fitted = np.array(STEPS) >= FITTED
        slope, offset = np.polyfit(np.log(calls[fitted]), np.log(errors[fitted]), 1)
        ax.loglog(calls, errors, marker, color=colour, markersize=5, label=f"{name}'s method: slope {slope:.2f}".replace("-", "−"))
        ax.loglog(calls, np.exp(offset) * calls**slope, color=colour, linewidth=1, alpha=0.6)
    ax.set(xlabel="calls of the network", ylabel="error of x, root of the mean square\n(the data: standard deviation 0.2 … 0.6)")
    ax.axvline(35, ymin=0.22, color=GREY, linestyle=":")
    ax.text(36.5, 0.3, "num_steps = 18:\n35 calls", fontsize=8, color="#777777", va="top")
    ax.grid(True, which="major", color="#e4e7ea")
    ax.legend(frameon=False, title=f"lines: fitted to {FITTED} steps and more", loc="lower left")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def euler(data, x, sigmas):
    for now, to in zip(sigmas, sigmas[1:]):
        x = x + (to - now) * data.slope(x, now)
    return x


# --- samples ----------------------------------------------------------------------------------------------------------


def copy_samples(logs: Path) -> None:
    """The last samples that each of the trainings drew; their captions say after which epoch, and on what they were trained."""
    for name in ("mnist_laptop", "afhq_laptop"):
        last = max((logs / name).glob("sample-*.png"), key=lambda path: int(path.stem.removeprefix("sample-")))
        with Image.open(last) as picture:
            picture.convert("RGB").save(FOLDER / "figures" / f"samples_{name}.png", optimize=True)


# --- shapes -----------------------------------------------------------------------------------------------------------


def box(ax, x, y, width, height, text, colour) -> None:
    ax.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.15", facecolor=colour, edgecolor="none"))
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=8, color="white")


def circle(ax, x, y, text, colour) -> None:
    ax.text(x, y, text, ha="center", va="center", fontsize=7.5, color="white",
            bbox=dict(boxstyle="circle,pad=0.25", facecolor=colour, edgecolor="none"))  # fmt: skip


def arrow(ax, begin, end, colour=INK) -> None:
    how = dict(arrowstyle="-|>", mutation_scale=10, linewidth=1.3, color=colour, shrinkA=0, shrinkB=0)
    ax.add_patch(FancyArrowPatch(begin, end, **how))


def save(figure, name: str) -> None:
    path = FOLDER / "figures" / name
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    print(path.relative_to(FOLDER.parent.parent))


if __name__ == "__main__":
    main(*sys.argv[1:2])
