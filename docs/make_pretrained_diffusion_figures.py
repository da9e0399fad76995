"""Draw the figures of the handout of pretrained_diffusion with the solution and the small model: `python docs/make_pretrained_diffusion_figures.py`.

Writes solutions/pretrained_diffusion_todo/figures/*.png; about two minutes on one core.
"""

import os
import sys
import textwrap
from pathlib import Path

import matplotlib
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import ConnectionPatch

FOLDER = Path(__file__).resolve().parent.parent / "solutions" / "pretrained_diffusion_todo"
sys.path.insert(0, str(FOLDER))
sys.dont_write_bytecode = True
os.chdir(FOLDER)  # pictures/ lies there

import figures  # noqa: E402
import sampling  # noqa: E402
from model import seed_everything, stage_1  # noqa: E402

BLUE, ORANGE, INK, SOFT = "#1f6fb4", "#d9622b", "#333333", "#666666"
TIMESTEPS = figures.TIMESTEPS
SAMPLED = ("a rocket ship", "an ice cream cone", "a skull", "a snowy mountain village", "an oil painting of a cat", "a pencil drawing of a fish")
SHOWN = (0, 5, 10, 15, 20, 25, 33)  # states of the chain
STEP = 12  # the step that is taken apart

plt.rcParams.update({"font.size": 9.5})


def main() -> None:
    torch.set_num_threads(1)
    stage_1.scheduler.set_timesteps(timesteps=TIMESTEPS)
    (FOLDER / "figures").mkdir(exist_ok=True)
    save(draw_step(), "step.png")
    save(draw_what_you_get(), "what_you_get.png")


def save(figure, name: str) -> None:
    figure.savefig(FOLDER / "figures" / name, dpi=130, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    print(name)


def show(axes, image, title: str = "", below: str = "") -> None:
    axes.set_axis_off()
    if image is None:
        return
    axes.imshow(figures.pixels(image), interpolation="nearest")
    axes.set_title(title, fontsize=9, color=INK, pad=4)
    axes.text(0.5, -0.06, below, transform=axes.transAxes, ha="center", va="top", fontsize=8.5, color=SOFT)


# --- one step, and the chain ------------------------------------------------------------------------------------------


def draw_step():
    """Above, states of a guided chain; below, what one of its steps is made of."""
    seed_everything(figures.SEED)
    states = figures.frames("a house")
    figure = plt.figure(figsize=(10.4, 3.9))
    grid = figure.add_gridspec(2, 7, hspace=0.25, wspace=0.14)
    panels = {}
    for column, number in enumerate(SHOWN):
        axes = panels[number] = figure.add_subplot(grid[0, column])
        show(axes, states[number], "the result" if number == 33 else f"i = {number}, t = {TIMESTEPS[number]}")
    for left, right in zip(SHOWN, SHOWN[1:]):
        arrow(figure, panels[left], panels[right], SOFT)
    t, t_next = TIMESTEPS[STEP], TIMESTEPS[STEP + 1]
    x_t, x_next = states[STEP], states[STEP + 1]
    output = stage_1.unet(x_t, t, encoder_hidden_states=figures.prompt("a house"), return_dict=False)[0]
    x0_hat = sampling.one_step_denoise(x_t, t, figures.prompt("a house"))
    parts = (
        (0, x_t, f"x_t, t = {t}", "noisy"),
        (2, output[:, :3] / 2, "ε_θ", "what the network\ntakes for noise"),
        (4, x0_hat, "x̂₀, equation B", "the clean picture\nthat this means"),
        (6, x_next, f"x_t′, t′ = {t_next}", "x̂₀ and x_t, weighted,\nand fresh noise v"),
    )
    below = {}
    for column, image, title, words in parts:
        below[column] = figure.add_subplot(grid[1, column])
        show(below[column], image, title, words)
    for left, right, name in ((0, 2, "network"), (2, 4, "(B)"), (4, 6, "(C)")):
        arrow(figure, below[left], below[right], BLUE, name)
    return figure


def arrow(figure, left, right, color: str, name: str = "") -> None:
    figure.add_artist(
        ConnectionPatch(
            (1.02, 0.5), (-0.02, 0.5), "axes fraction", "axes fraction", axesA=left, axesB=right, arrowstyle="-|>", color=color, linewidth=1.2
        )
    )
    if name:
        (x0, y), (x1, _) = (axes.transAxes.transform(point) for axes, point in ((left, (1, 0.5)), (right, (0, 0.5))))
        place = figure.transFigure.inverted().transform(((x0 + x1) / 2, y))
        figure.text(place[0], place[1] + 0.02, name, ha="center", fontsize=9, color=color)


# --- what you will have at the end ------------------------------------------------------------------------------------


def draw_what_you_get():
    """Guided samples, edits, a hole, anagrams, hybrids: a row each of seven."""
    rows = [samples(), edits(), holes(), anagrams(), hybrids()]
    names = ["guided\nsamples", "edits, from much\nnoise to little", "inpainting", "upright and\nupside down", "from near and\nfrom far"]
    figure, axes = plt.subplots(len(rows), 7, figsize=(10.4, 1.5 * len(rows)), gridspec_kw={"hspace": 0.42, "wspace": 0.08})
    for row, panels, name in zip(rows, axes, names):
        for panel in panels:
            panel.set_axis_off()
        for panel, (image, below) in zip(panels, row):
            show(panel, image, "", below)
        panels[0].text(-0.12, 0.5, name, transform=panels[0].transAxes, ha="right", va="center", fontsize=9.5, color=INK)
    return figure


def samples():
    seed_everything(figures.SEED)
    return [(figures.sample(text, figures.SCALE), textwrap.fill(text, 18)) for text in SAMPLED]


def edits():
    seed_everything(figures.SEED)
    image = figures.own("drawing_1").image
    return [*((figures.edit(image, level, figures.QUALITY), f"i_start = {level}") for level in figures.LEVELS), (image, "drawing")]


def holes():
    seed_everything(figures.SEED)
    found = []
    for name, (top, bottom, left, right) in (("test", (6, 30, 14, 50)), ("photo_2", (4, 30, 10, 54))):
        image, mask = figures.own(name).image, torch.zeros(1, 3, 64, 64)
        mask[:, :, top:bottom, left:right] = 1
        filled = sampling.inpaint(image, mask, figures.prompt(figures.QUALITY), figures.prompt(""), TIMESTEPS, scale=figures.SCALE, display=False)
        found += [(image, "original"), (image * (1 - mask) - mask, "hole"), (figures.to_image(filled), "filled")]
    return found


def anagrams():
    return [item for one, other in figures.ILLUSIONS for item in pair(sampling.make_flip_illusion, one, other, lambda x: x.flip(-2))]


def hybrids():
    def far(x):
        small = torch.nn.functional.interpolate(x, size=(16, 16), mode="bilinear", antialias=True)
        return torch.nn.functional.pad(small, (24, 24, 24, 24), value=1.0)

    return [item for low, high in figures.HYBRIDS for item in pair(sampling.make_hybrids, low, high, far, near_is_second=True)]


def pair(function, one: str, other: str, turned, near_is_second: bool = False):
    seed_everything(figures.SEED)
    x = figures.to_image(function(figures.noise(), 0, *map(figures.prompt, (one, other, "")), TIMESTEPS, scale=figures.SCALE, display=False))
    first, second = (other, one) if near_is_second else (one, other)
    return [(x, textwrap.fill(first, 18)), (turned(x), textwrap.fill(second, 18))]


if __name__ == "__main__":
    main()
