"""Draw the figures of the MNIST handout: `python docs/make_mnist_diffusion_figures.py [RESULTS]`.

Writes solutions/mnist_diffusion_todo/figures/*.png. RESULTS: the folder with trainings of the solution, time/ and class/, for the picture of
samples, such as after

    cd solutions/mnist_diffusion_todo && python train.py time --preset laptop && python train.py class --preset laptop

Without it that picture is left as it is.
"""

import sys
from pathlib import Path

import matplotlib
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

FOLDER = Path(__file__).resolve().parent.parent / "solutions" / "mnist_diffusion_todo"
sys.path.insert(0, str(FOLDER))
sys.dont_write_bytecode = True

from denoising import add_noise  # noqa: E402
from drawn_digits import drawn_digits  # noqa: E402
from models import draw, make_model  # noqa: E402
from pictures import SIGMAS  # noqa: E402
from run_folder import load_plain, load_state, recipe_of, weights_file  # noqa: E402
from trainer import load_weights  # noqa: E402

BLUE, ORANGE, GREEN, VIOLET, ROSE, GREY, INK = "#1f6fb4", "#d9622b", "#3a8f5c", "#7a56a3", "#b8326e", "#aab2ba", "#333333"
KINDS = {  # layer → colour
    "Conv2d": BLUE, "ConvTranspose2d": ORANGE, "AvgPool2d": GREEN, "Linear": VIOLET, "BatchNorm2d": "#8793a0", "GELU": "#55606b",
}  # fmt: skip
PALE = {"Conv": "#d7e6f4", "DownConv": "#d7e6f4", "UpConv": "#f8ddd0", "ConvBlock": "#eef4fa"}

plt.rcParams.update({"font.size": 9.5, "figure.constrained_layout.use": True})


def main(results: str | None = None) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    save(draw_blocks(), "blocks.png")
    save(draw_network(conditional=False), "unet.png")
    save(draw_network(conditional=True), "conditioning.png")
    save(draw_noising(), "noising.png")
    if results:
        save(draw_results(Path(results)), "samples.png")


# --- the blocks -------------------------------------------------------------------------------------------------------

BLOCKS = (  # name, what comes in, its parts from left to right, what goes out
    ("Conv(in, out)", "in, H×W", ("Conv2d\n3, 1, 1", "BatchNorm2d", "GELU"), "out, H×W"),
    ("DownConv(in, out)", "in, H×W", ("Conv2d\n3, 2, 1", "BatchNorm2d", "GELU"), "out, H/2×W/2"),
    ("UpConv(in, out)", "in, H×W", ("ConvTranspose2d\n4, 2, 1", "BatchNorm2d", "GELU"), "out, 2H×2W"),
    ("Flatten()", "in, 7×7", ("AvgPool2d\n7", "GELU"), "in, 1×1"),
    ("Unflatten(in)", "in, 1×1", ("ConvTranspose2d\n7, 7, 0", "BatchNorm2d", "GELU"), "in, 7×7"),
    ("ConvBlock(in, out)", "in, H×W", ("Conv\n(in, out)", "Conv\n(out, out)"), "out, H×W"),
    ("DownBlock(in, out)", "in, H×W", ("DownConv\n(in, out)", "ConvBlock\n(out, out)"), "out, H/2×W/2"),
    ("UpBlock(in, out)", "in, H×W", ("UpConv\n(in, out)", "ConvBlock\n(out, out)"), "out, 2H×2W"),
    ("FCBlock(in, out)", "in", ("Linear\nin → out", "GELU", "Linear\nout → out"), "out"),
)


def draw_blocks():
    figure, axes = plt.subplots(5, 2, figsize=(10.4, 5.6))
    order = [*BLOCKS[:5], None, *BLOCKS[5:]]
    cells = [order[row + 5 * column] if row + 5 * column < len(order) else None for row in range(5) for column in range(2)]
    for ax, block in zip(axes.flat, cells):
        ax.set(xlim=(0, 10.9), ylim=(0, 2))
        ax.axis("off")
        if block is None:
            ax.text(0, 0.9, "Numbers of a layer: kernel, stride, padding.\nNumbers beside the arrows: channels, side.", color="#666666", va="center")
            continue
        name, comes, parts, goes = block
        ax.text(0, 1.72, name, fontweight="bold", color=INK)
        ax.text(1.15, 0.7, comes, ha="right", va="center", fontsize=8.5, color="#666666")
        x = 1.35
        for part in parts:
            kind = part.split("\n")[0]
            width = 2.35 if "\n" in part or kind == "BatchNorm2d" else 1.2
            arrow(ax, (x - 0.12, 0.7), (x + 0.25, 0.7))
            box(ax, x + 0.28, 0.15, width, 1.1, part, KINDS.get(kind, PALE.get(kind)), "white" if kind in KINDS else INK)
            x += width + 0.4
        arrow(ax, (x - 0.1, 0.7), (x + 0.25, 0.7))
        ax.text(x + 0.35, 0.7, goes, va="center", fontsize=8.5, color="#666666")
    return figure


# --- the networks -----------------------------------------------------------------------------------------------------

LEVEL = {28: 8.4, 14: 5.7, 7: 3.0, 1: 0.5}  # side of the maps → height in the figure


def draw_network(conditional: bool):
    """The U-Net: each block at the height of what it gives. With where t and c enter, if conditional."""
    figure, ax = plt.subplots(figsize=(10.8, 4.5))
    ax.set(xlim=(0, 29.6), ylim=(-0.6, 10.3))
    ax.axis("off")
    for side, y in LEVEL.items():
        ax.text(0, y, f"{side}×{side}", color="#777777", va="center", fontsize=9)
    way_down(ax)
    way_up(ax)
    if conditional:
        conditions(ax)
    return figure


def way_down(ax) -> None:
    shape(ax, 2.0, 28, "x\nC")
    arrow(ax, (2.35, LEVEL[28]), (2.85, LEVEL[28]))
    block(ax, 3.95, 28, "ConvBlock\n(C, D)", BLUE)
    block(ax, 6.2, 14, "DownBlock\n(D, D)", BLUE)
    block(ax, 8.45, 7, "DownBlock\n(D, 2D)", BLUE)
    block(ax, 10.6, 1, "Flatten", GREEN, width=1.7)
    for begin, end, x, to in ((3.95, 5.1, 28, 14), (6.2, 7.35, 14, 7), (8.45, 9.7, 7, 1)):
        elbow(ax, (begin, LEVEL[x] - 0.6), (end, LEVEL[to]))


def way_up(ax) -> None:
    block(ax, 12.4, 7, "Unflatten\n(2D)", ORANGE)
    block(ax, 17.2, 14, "UpBlock\n(4D, D)", ORANGE)
    block(ax, 21.6, 28, "UpBlock\n(2D, D)", ORANGE)
    block(ax, 25.6, 28, "ConvBlock\n(2D, D)", BLUE)
    block(ax, 28.3, 28, "Conv2d\n(D, C)", INK, width=1.6)
    elbow(ax, (11.45, LEVEL[1]), (12.4, LEVEL[7] - 0.6), first="across")
    skips = ((8.45, 12.4, 16.0, 7, "2D", "4D"), (6.2, 17.2, 20.4, 14, "D", "2D"), (3.95, 21.6, 23.1, 28, "D", "2D"))
    for begin, over, end, side, channels, together in skips:
        y, above = LEVEL[side], LEVEL[side] + 1.15
        ax.plot([begin, begin, end, end], [y + 0.6, above, above, y + 0.5], color=GREY, linewidth=1.6)
        arrow(ax, (end, y + 0.6), (end, y + 0.3), GREY)
        ax.text((begin + over) / 2, above + 0.12, channels, color="#777777", fontsize=8, ha="center")
        arrow(ax, (over + 1.1, y), (end - 0.32, y))
        circle(ax, end, y, "cat", INK)
        ax.text(end + 0.38, y - 0.52, together, color="#777777", fontsize=8)
    elbow(ax, (16.3, LEVEL[7]), (17.2, LEVEL[14] - 0.6), first="across")
    elbow(ax, (20.7, LEVEL[14]), (21.6, LEVEL[28] - 0.6), first="across")
    arrow(ax, (23.4, LEVEL[28]), (24.5, LEVEL[28]))
    arrow(ax, (26.7, LEVEL[28]), (27.5, LEVEL[28]))
    ax.text(28.0, LEVEL[28] - 1.1, "kernel 3, stride 1, padding 1;\nno BatchNorm, no GELU", ha="center", va="center", fontsize=7.5, color="#777777")


def conditions(ax) -> None:
    """c multiplies and then t is added, at two places; the first network of part 2 has the additions only."""
    for left, side, name, width, below in ((14.1, 7, 1, "2D", 1), (18.9, 14, 2, "D", 7)):
        y, low = LEVEL[side], LEVEL[below]
        for x, sign, what, color, comes in ((left, "×", "c", ROSE, "num_classes"), (left + 0.85, "+", "t", VIOLET, "1")):
            circle(ax, x, y, sign, color)
            at = left - 0.1 if what == "c" else left + 2.9
            box(ax, at - 1.35, low - 0.6, 2.7, 1.2, f"FCBlock\n({comes}, {width})", color, "white", size=7.0)
            ax.text(at, low - 0.95, f"${what}_{name}$, from {'one-hot c' if what == 'c' else 't'}", ha="center", va="center", fontsize=8, color=color)
            if what == "c":
                arrow(ax, (x, low + 0.6), (x, y - 0.3), color)
            else:
                ax.plot([at, at, x], [low + 0.6, low + 1.15, low + 1.15], color=color, linewidth=1.2)
                arrow(ax, (x, low + 1.15), (x, y - 0.3), color)


def block(ax, x, side, text, color, width=2.2) -> None:
    box(ax, x - width / 2, LEVEL[side] - 0.6, width, 1.2, text, color, "white", size=8.2)


def box(ax, x, y, width, height, text, face, ink, size=8.5) -> None:
    patch = FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.15", facecolor=face, edgecolor="none", zorder=2)
    ax.add_patch(patch)
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=size, color=ink, zorder=3, linespacing=1.25)


def shape(ax, x, side, text) -> None:
    ax.text(x, LEVEL[side], text, ha="center", va="center", color=INK, fontsize=9)


def circle(ax, x, y, text, color) -> None:
    ax.plot([x], [y], marker="o", markersize=14 if text == "cat" else 11, markerfacecolor="white", markeredgecolor=color, zorder=3)
    ax.text(x, y - 0.03, text, ha="center", va="center", fontsize=6.5 if text == "cat" else 9, color=color, zorder=4)


def arrow(ax, begin, end, color=INK) -> None:
    ax.add_patch(FancyArrowPatch(begin, end, arrowstyle="-|>", mutation_scale=9, color=color, linewidth=1.2, shrinkA=0, shrinkB=0))


def elbow(ax, begin, end, first="down") -> None:
    """An arrow with one corner."""
    corner = (begin[0], end[1]) if first == "down" else (end[0], begin[1])
    ax.plot([begin[0], corner[0]], [begin[1], corner[1]], color=INK, linewidth=1.2)
    arrow(ax, corner, end)


# --- images -----------------------------------------------------------------------------------------------------------


def draw_noising():
    images, labels = drawn_digits(100, 28, 0)
    x = torch.stack([torch.from_numpy(images[labels == digit][0])[None] for digit in (2, 5, 7)])
    figure, axes = plt.subplots(3, len(SIGMAS), figsize=(8.4, 3.9))
    for column, sigma in zip(axes.T, SIGMAS):
        tiles(column, add_noise(x, sigma))
        column[0].set_title(f"σ = {sigma:g}", fontsize=9.5)
    return figure


def draw_results(results: Path):
    """Samples after epochs 5 and 20, from the checkpoints: of the model told the time, where it was trained, and of the one told the digit."""
    names = [name for name in ("time", "class") if (results / name / weights_file(20)).exists()]
    rows = {"time": 2, "class": 4}
    figure = plt.figure(figsize=(9.6, sum(0.48 * rows[name] + 0.3 for name in names)))
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    parts = figure.subfigures(len(names), 1, height_ratios=[rows[name] for name in names], squeeze=False)[:, 0]
    for part, name in zip(parts, names):
        recipe = recipe_of(load_state(results / name))
        for half, epoch in zip(part.subfigures(1, 2, wspace=0.03), (5, 20)):
            model = make_model(recipe)
            load_weights(model, load_plain(results / name / weights_file(epoch)))
            images, _ = draw(model, recipe, rows[name])
            tiles(half.subplots(rows[name], 10).flat, images)
            half.suptitle(f"told the {'time' if name == 'time' else 'digit'}, after epoch {epoch}", fontsize=9.5)
    return figure


def tiles(axes, images) -> None:
    for ax, image in zip(axes, images):
        ax.imshow(image[0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.axis("off")


def save(figure, name: str) -> None:
    (FOLDER / "figures").mkdir(exist_ok=True)
    figure.savefig(FOLDER / "figures" / name, dpi=110, pil_kwargs={"optimize": True})
    plt.close(figure)


if __name__ == "__main__":
    main(*sys.argv[1:])
