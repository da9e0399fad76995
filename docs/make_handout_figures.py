"""Draw the figures of the Swiss-roll handout with this project's own solution: `python docs/make_handout_figures.py`.

Takes a minute and a half on one core and writes solutions/2d_plot_diffusion_todo/figures/*.png. Seeded and
single-threaded, so the same versions of torch and matplotlib give the same pictures. The gallery of wrong results
comes from code with one mistake each; the handout shows the symptom and says where to look.
"""

import io
import sys
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

matplotlib.use("Agg")
import matplotlib.pyplot as plt

FOLDER = Path(__file__).resolve().parent.parent / "solutions" / "2d_plot_diffusion_todo"
sys.path.insert(0, str(FOLDER))
sys.dont_write_bytecode = True

from chamferdist import chamfer_distance  # noqa: E402
from dataset import TwoDimDataClass  # noqa: E402
from ddpm import BaseScheduler, DiffusionModule  # noqa: E402
from network import SimpleNet  # noqa: E402

NUM_TIMESTEPS, NUM_SAMPLES, BATCH_SIZE, NUM_ITERATIONS = 1000, 2048, 128, 5000
GREY, BLUE, ORANGE, RED = "#b9c0c7", "#1f6fb4", "#d9622b", "#b3263b"
LARGEST_FILE = 150_000  # bytes

plt.rcParams.update(
    {
        "font.size": 10,
        "axes.titlesize": 10.5,
        "axes.labelsize": 10,
        "axes.edgecolor": "#888888",
        "axes.linewidth": 0.8,
        "xtick.color": "#555555",
        "ytick.color": "#555555",
        "legend.frameon": False,
        "legend.handletextpad": 0.3,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.h_pad": 0.08,
    }
)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)
    dataset = TwoDimDataClass("swiss_roll", 1_000_000, BATCH_SIZE)
    target = dataset.X[:NUM_SAMPLES]
    ddpm = DiffusionModule(SimpleNet(2, 2, [128, 128, 128], NUM_TIMESTEPS), BaseScheduler(NUM_TIMESTEPS))
    losses = train(ddpm, dataset)

    torch.manual_seed(1)
    ddpm_samples, ddpm_states = record(ddpm, lambda: ddpm.p_sample_loop((NUM_SAMPLES, 2)))
    ddim_samples, ddim_states = record(ddpm, lambda: ddpm.ddim_p_sample_loop((NUM_SAMPLES, 2), 50))

    save(draw_results(target, ddpm_samples, ddim_samples), "results.png")
    save(draw_forward(ddpm, target), "forward.png")
    save(draw_loss(losses), "loss.png")
    save(draw_sampling(target, ddpm_states, ddim_states), "sampling.png")
    save(draw_wrong_results(target, wrong_results(ddpm, dataset)), "wrong_results.png")


# What is shown


def train(ddpm, dataset, num_iterations=NUM_ITERATIONS):
    """The recipe of task 1-5, with weights averaged as in the notebook. Returns the losses, (num_iterations,)."""
    optimizer = torch.optim.Adam(ddpm.network.parameters(), lr=1e-3)
    order = torch.randperm(len(dataset))[: num_iterations * BATCH_SIZE].view(num_iterations, BATCH_SIZE)
    average = torch.optim.swa_utils.AveragedModel(ddpm.network)
    losses = []
    for iteration, rows in enumerate(tqdm(order, desc="training", mininterval=1.0)):
        loss = ddpm.compute_loss(dataset.X[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if iteration >= num_iterations - 1000 and iteration % 10 == 9:
            average.update_parameters(ddpm.network)
        losses.append(loss.item())
    ddpm.network.load_state_dict(average.module.state_dict())
    return np.array(losses)


def record(ddpm, sample):
    """Samples, and {t: x_t} for every call of the network on the way."""
    states = {}

    def look(network, args):
        xt, t = args
        states[int(t.flatten()[0])] = xt

    handle = ddpm.network.register_forward_pre_hook(look)
    samples = sample()
    handle.remove()
    return samples, {**states, "x0": samples}


@torch.no_grad()
def wrong_ddpm(ddpm, step, timesteps=range(NUM_TIMESTEPS - 1, -1, -1)):
    """DDPM sampling with another step: step(x_t, t, ε_θ, z) → x_{t−1}."""
    torch.manual_seed(1)
    xt = torch.randn(NUM_SAMPLES, 2)
    for t in timesteps:
        xt = step(xt, t, ddpm.network(xt, t), torch.randn_like(xt) * (t > 0))
    return xt


@torch.no_grad()
def wrong_ddim(ddpm, step, stride=20):
    """DDIM sampling with another step: step(x_t, t, t_prev, ε_θ) → x_{t_prev}."""
    torch.manual_seed(1)
    xt = torch.randn(NUM_SAMPLES, 2)
    for t in range(NUM_TIMESTEPS - stride, -1, -stride):
        xt = step(xt, t, t - stride, ddpm.network(xt, t))
    return xt


class NetWithoutReLU(SimpleNet):
    """A mistake in task 1-1: the layers follow each other with nothing between them."""

    def forward(self, x, t):
        for layer in self.layers:
            x = layer(x, t)
        return x


def wrong_results(ddpm, dataset):
    """[(title, samples)]: six mistakes that students make, each in otherwise right code."""
    beta, alpha, bar = ddpm.var_scheduler.betas, ddpm.var_scheduler.alphas, ddpm.var_scheduler.alphas_cumprod

    def mean(x, t, eps):
        return (x - beta[t] / (1 - bar[t]).sqrt() * eps) / alpha[t].sqrt()

    def x0(x, t, eps):
        return (x - (1 - bar[t]).sqrt() * eps) / bar[t].sqrt()

    def bar_or_one(t):
        return bar[t] if t >= 0 else torch.tensor(1.0)

    def no_root(x, t, eps, z):
        return (x - beta[t] / (1 - bar[t]) * eps) / alpha[t].sqrt() + beta[t].sqrt() * z

    def wraps_around(x, t, t_prev, eps):
        return bar[t_prev].sqrt() * x0(x, t, eps) + (1 - bar[t_prev]).sqrt() * eps

    def direction_without_root(x, t, t_prev, eps):
        return bar_or_one(t_prev).sqrt() * x0(x, t, eps) + (1 - bar_or_one(t_prev)) * eps

    without_relu = DiffusionModule(NetWithoutReLU(2, 2, [128, 128, 128], NUM_TIMESTEPS), ddpm.var_scheduler)
    train(without_relu, dataset, num_iterations=1500)

    def right(x, t, eps, z):
        return mean(x, t, eps) + beta[t].sqrt() * z

    return [
        ("A   DDPM: a short piece", wrong_ddpm(ddpm, lambda x, t, eps, z: mean(x, t, eps) + beta[t] * z)),
        ("B   DDPM: scattered", wrong_ddpm(ddpm, no_root)),
        ("C   DDPM: a round cloud", wrong_ddpm(ddpm, right, timesteps=range(NUM_TIMESTEPS))),
        ("D   both: blurred, no roll", without_relu.p_sample_loop((NUM_SAMPLES, 2))),
        ("E   DDIM: a clump in the middle", wrong_ddim(ddpm, wraps_around)),
        ("F   DDIM: the outer end is missing", wrong_ddim(ddpm, direction_without_root)),
    ]


# How it is drawn


def cloud(ax, points, color, label=None, size=2.5):
    ax.scatter(points[:, 0], points[:, 1], s=size, color=color, linewidths=0, label=label, rasterized=True)


def square(ax, limit=4.6, x_label=True, y_label=True):
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[-4, 0, 4], yticks=[-4, 0, 4])
    ax.set_xlabel("$x_1$") if x_label else ax.tick_params(labelbottom=False)
    ax.set_ylabel("$x_2$") if y_label else ax.tick_params(labelleft=False)


def legend(figure, axes):
    """One legend with large dots, under the whole figure."""
    entries = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels())}
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=len(entries), markerscale=3.5)


def draw_results(target, ddpm_samples, ddim_samples):
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.9))
    cloud(axes[0], target, "#5b6670", "target")
    axes[0].set_title("the data\n2048 points")
    for ax, name, steps, samples, color in [
        (axes[1], "DDPM", 1000, ddpm_samples, BLUE),
        (axes[2], "DDIM", 50, ddim_samples, ORANGE),
    ]:
        cloud(ax, target, GREY)
        cloud(ax, samples, color, f"{name} samples")
        ax.set_title(f"{name}, {steps} steps\nChamfer distance {chamfer_distance(samples, target):.1f}")
    for index, ax in enumerate(axes):
        square(ax, y_label=index == 0)
    legend(figure, axes)
    return figure


def draw_forward(ddpm, x0):
    torch.manual_seed(2)
    times = [0, 100, 200, 400, 600, 999]
    bar = ddpm.var_scheduler.alphas_cumprod
    figure = plt.figure(figsize=(9, 4.5))
    grid = figure.add_gridspec(2, len(times), height_ratios=[1.0, 1.25])
    shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.8, len(times)))
    for index, t in enumerate(times):
        ax = figure.add_subplot(grid[0, index])
        cloud(ax, ddpm.q_sample(x0, torch.full((len(x0),), t)), shades[index], size=1.6)
        square(ax, limit=5.4, y_label=index == 0)
        ax.set_title(f"$t = {t}$")

    ax = figure.add_subplot(grid[1, :])
    ax.plot(bar.sqrt(), color=BLUE, label=r"signal $\sqrt{\bar\alpha_t}$")
    ax.plot((1 - bar).sqrt(), color=ORANGE, label=r"noise $\sqrt{1-\bar\alpha_t}$")
    for t, shade in zip(times, shades):
        ax.axvline(t, color=shade, linewidth=1.2, linestyle=":")
    ax.set(xlabel="timestep $t$", ylabel="coefficient", xlim=(-8, NUM_TIMESTEPS + 7), ylim=(-0.03, 1.06))
    ax.legend(loc="center right", frameon=True, framealpha=1.0, edgecolor="none")
    return figure


def draw_loss(losses, window=100):
    figure, ax = plt.subplots(figsize=(7, 3))
    smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
    ax.plot(losses, color=GREY, linewidth=0.5, label="each iteration")
    ax.plot(np.arange(window - 1, len(losses)), smooth, color=BLUE, label=f"mean of the last {window}")
    ax.axhline(1.0, color=ORANGE, linewidth=1, linestyle="--", label="always predicting 0")
    ax.set(xlabel="training iteration", ylabel="loss (mean squared error)", xlim=(0, len(losses)), ylim=(0, 1.15))
    ax.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 0.87))
    return figure


def draw_sampling(target, ddpm_states, ddim_states):
    times = [980, 600, 400, 200, 100, "x0"]
    figure, axes = plt.subplots(2, len(times), figsize=(9, 3.85))
    for row, (name, states, color) in enumerate([("DDPM", ddpm_states, BLUE), ("DDIM", ddim_states, ORANGE)]):
        for column, t in enumerate(times):
            ax = axes[row, column]
            cloud(ax, target, GREY, "target" if column == 0 else None, size=1.2)
            cloud(ax, states[t], color, f"{name} samples", size=1.6)
            square(ax, x_label=row == 1, y_label=column == 0)
            if row == 0:
                ax.set_title("result" if t == "x0" else f"$t = {t}$")
        axes[row, 0].set_ylabel(f"{name}\n$x_2$")
    figure.get_layout_engine().set(h_pad=0.02, hspace=0)
    legend(figure, axes.flat)
    return figure


def draw_wrong_results(target, results):
    figure, axes = plt.subplots(2, 3, figsize=(9, 6.7))
    for index, (ax, (title, samples)) in enumerate(zip(axes.flat, results)):
        cloud(ax, target, GREY, "target")
        cloud(ax, samples, RED, "samples")
        square(ax, x_label=index > 2, y_label=index % 3 == 0)
        ax.set_title(title, loc="left")
    legend(figure, axes.flat)
    return figure


def save(figure, name):
    """Write a PNG with a palette of 128 colours: a third of the size, and no difference to the eye."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, bbox_inches="tight", pad_inches=0.1)
    plt.close(figure)
    image = Image.open(buffer).convert("RGB").quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    path = FOLDER / "figures" / name
    path.parent.mkdir(exist_ok=True)
    image.save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(FOLDER.parent.parent)}  {image.width} × {image.height}  {size / 1000:.0f} kB")
    if size > LARGEST_FILE:
        raise SystemExit(f"{name} is larger than {LARGEST_FILE / 1000:.0f} kB: lower the resolution.")


if __name__ == "__main__":
    main()
