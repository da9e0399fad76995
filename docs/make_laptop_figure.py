"""Draw the picture of a training in the image handout: loss, and samples over time.

    cd solutions/image_diffusion_todo
    python train.py --preset laptop --save_dir results/laptop --keep_every 500
    python ../../docs/make_laptop_figure.py results/laptop

Writes solutions/image_diffusion_todo/figures/laptop.png. For a training on the stand-in only: no photographs belong in the repository.
"""

import sys
from pathlib import Path

import torch
from matplotlib.figure import Figure

FOLDER = Path(__file__).resolve().parent.parent / "solutions" / "image_diffusion_todo"
sys.path.insert(0, str(FOLDER))
sys.dont_write_bytecode = True

from dataset import tensor_to_pil_image  # noqa: E402
from run_folder import load_plain  # noqa: E402
from sampling import draw, load_model  # noqa: E402

STEPS = (500, 1000, 1500, 2000, 2500, 3000)
SAMPLES, SEED = 7, 0


def main(run: Path) -> None:
    """`run`: the folder of a training with a checkpoint for each of STEPS."""
    state = load_plain(run / "training_state.pt", must_hold=("losses", "remarks"))
    if not any("stand-in" in mark for mark in state["remarks"]):
        sys.exit("This training was not on the stand-in; its pictures do not belong in the repository.")
    losses = torch.tensor(state["losses"], dtype=torch.float64)
    mean = losses.unfold(0, 100, 1).mean(dim=1)

    figure = Figure(figsize=(8.4, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.25))
    axes = left.subplots()
    axes.plot(range(1, len(losses) + 1), losses, color="tab:blue", alpha=0.25, linewidth=0.6, label="each step")
    axes.plot(range(100, len(losses) + 1), mean, color="tab:blue", label="mean of 100 steps")
    axes.set(xlabel="training step", ylabel="loss: mean squared error of the noise", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    panels = right.subplots(len(STEPS), SAMPLES)
    for row, step in zip(panels, STEPS):
        model, _ = load_model(run / f"step={step}.ckpt", torch.device("cpu"))
        images = tensor_to_pil_image(draw(model, SAMPLES, SEED, 50))
        row[0].text(-0.12, 0.5, str(step), transform=row[0].transAxes, ha="right", va="center", fontsize=9)
        for panel, image in zip(row, images):
            panel.imshow(image, interpolation="nearest")
            panel.axis("off")
    right.supylabel("training step", fontsize=10)
    figure.savefig(FOLDER / "figures" / "laptop.png", dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
