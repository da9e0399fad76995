"""The visible checks of `SimpleNet` (task 1-1), and what students see of the points. Shipped as it is."""

import itertools
from pathlib import Path
from typing import Any

import torch

from autograder.kit.checks import Code, Compare, describe, example, expect, expect_tensor, picture, visible

ARCHITECTURES = ((3, (5, 4), 2), (2, (6,), 3), (2, (4, 4, 4), 2))
T = 20


def build(code: Code, dim_in: int, dim_hids: tuple[int, ...], dim_out: int) -> Any:
    return code.module("network").SimpleNet(dim_in, dim_out, list(dim_hids), T)


def layers_of(code: Code, net: Any) -> list[Any]:
    return [module for module in net.modules() if isinstance(module, code.module("network").TimeLinear)]


def sizes_of(dim_in: int, dim_hids: tuple[int, ...], dim_out: int) -> str:
    return f"With dim_in = {dim_in}, dim_hids = {list(dim_hids)} and dim_out = {dim_out}"


@visible("1-1", region="SimpleNet.__init__", where="the handout, task 1-1")
def network_layers(code: Code, compare: Compare) -> None:
    """`SimpleNet` has a `TimeLinear` layer for each pair of neighbours in its sizes, where `parameters()` finds it."""
    for architecture in ARCHITECTURES:
        net = build(code, *architecture)
        sizes = sorted((layer.dim_in, layer.dim_out) for layer in layers_of(code, net))
        what = f"{sizes_of(*architecture)}, the TimeLinear layers among net.modules()"
        compare(what, sizes, says="{what} must have the sizes {expected}; yours have {got}.", show=arrows)
        count = sum(parameter.numel() for parameter in net.parameters())
        compare(f"{sizes_of(*architecture)}, the number of parameters", count, digits=0)


@visible("1-1", region="SimpleNet", where="the handout, task 1-1")
def network_numbers(code: Code, compare: Compare) -> None:
    """`SimpleNet` maps (B, dim_in) and t to the (B, dim_out) of the worked example."""
    for architecture in ARCHITECTURES:
        dim_in, _, dim_out = architecture
        net = build(code, *architecture)
        set_weights(layers_of(code, net))
        x, t = 3 * example(7, dim_in), torch.tensor([0, 1, 3, 7, 11, 18, 19])
        out = expect_tensor(net(x.clone(), t), (7, dim_out), f"{sizes_of(*architecture)}, the output")
        places = [f"for x = {[round(v, 1) for v in row]} at t = {step}" for row, step in zip(x.tolist(), t.tolist())]
        compare(f"{sizes_of(*architecture)} and fixed weights, the output", out, relative=1e-3, places=places)


@visible("1-1", region="SimpleNet", where="the handout, task 1-1")
def network_forms_of_t(code: Code, compare: Compare) -> None:
    """`SimpleNet` takes one t for all rows too, and its gradient reaches every layer."""
    net = build(code, 2, (8, 6), 2)
    layers = layers_of(code, net)
    set_weights(layers)
    x = example(64, 2)
    full = net(x.clone(), torch.full((64,), 7))
    one = expect_tensor(net(x.clone(), torch.tensor([7])), (64, 2), "The output for t of shape (1,)")
    expect(
        abs(one - full.detach().double().numpy()).max() < 1e-4, "One t for all rows must give what it gives row by row."
    )
    expect(full.requires_grad, f"The output must carry a gradient; yours is {describe(full)} without one.")
    (full**2).mean().backward()
    silent = [
        f"{layer.dim_in} → {layer.dim_out}"
        for layer in layers
        if layer.fc.weight.grad is None or not layer.fc.weight.grad.any()
    ]
    expect(not silent, f"Training must reach every layer; no gradient reaches {', '.join(silent)}.")


def arrows(sizes: list[list[float]]) -> str:
    return (
        ", ".join(f"{dim_in:g} → {dim_out:g}" for dim_in, dim_out in sizes)
        or "none (nn.Linear does not count, and a list hides its layers)"
    )


def set_weights(layers: list[Any]) -> None:
    """Fixed weights for every layer, the same for layers of equal size, so that no initialisation decides anything."""
    for layer in layers:
        mlp = layer.time_embedding.mlp
        for salt, part in enumerate((layer.fc, mlp[0], mlp[2])):
            with torch.no_grad():
                part.weight.copy_(example(*part.weight.shape, salt=salt) / part.weight.shape[1] ** 0.5)
                part.bias.copy_(example(*part.bias.shape, salt=salt + 3))


# Pictures


@picture("1-2", needs=(), title="the roll on its way to noise, by your q_sample")
def forward_process(code: Code, folder: Path) -> Path:
    times = (0, 40, 100, 200, 400, 999)
    points = roll(code)
    diffusion = module(code, torch.nn.Linear(2, 2), 1000)
    torch.manual_seed(0)
    clouds = [diffusion.q_sample(points, torch.full((len(points),), t)) for t in times]
    return scatter(clouds, [f"t = {t}" for t in times], folder / "forward.png")


@picture("1-2", needs=("q_sample",), title="DDPM with a perfect network")
def ddpm_samples(code: Code, folder: Path) -> Path:
    diffusion = module(code, PerfectNetwork(code, 100), 100)
    torch.manual_seed(0)
    samples = diffusion.p_sample_loop((300, 2))
    return scatter([roll(code), samples], ["data", "your DDPM, perfect network"], folder / "ddpm.png")


@picture("1-3", needs=("q_sample",), title="DDIM with a perfect network")
def ddim_samples(code: Code, folder: Path) -> Path:
    diffusion = module(code, PerfectNetwork(code, 1000), 1000)
    torch.manual_seed(0)
    samples = diffusion.ddim_p_sample_loop((300, 2), num_inference_timesteps=50, eta=0.0)
    return scatter([roll(code), samples], ["data", "your DDIM, perfect network"], folder / "ddim.png")


class PerfectNetwork(torch.nn.Module):
    """Finds the noise as well as anybody can who knows the data: no training. It learns from the student's own `q_sample`
    how much of the data and of the noise is in x_t.
    """

    def __init__(self, code: Code, num_timesteps: int):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.data = roll(code)[:600]
        probe = module(code, torch.nn.Linear(2, 2), num_timesteps)
        t, ones, zeros = torch.arange(num_timesteps), torch.ones(num_timesteps, 2), torch.zeros(num_timesteps, 2)
        self.signal = probe.q_sample(ones, t, zeros)[:, 0]
        self.strength = probe.q_sample(zeros, t, ones)[:, 0]

    def forward(self, x: torch.Tensor, t: Any) -> torch.Tensor:
        step = int(torch.as_tensor(t).ravel()[0])
        signal, strength = self.signal[step], self.strength[step]
        centres = signal * self.data
        likeness = torch.softmax(-(torch.cdist(x, centres) ** 2) / (2 * strength**2), dim=1)
        return (x - likeness @ centres) / strength


def module(code: Code, network: torch.nn.Module, num_timesteps: int) -> Any:
    """With the variances of the training, larger where there are fewer steps, so that the last x_t is noise."""
    ddpm, scale = code.module("ddpm"), 1000 / num_timesteps
    scheduler = ddpm.BaseScheduler(num_timesteps, beta_1=1e-4 * scale, beta_T=0.02 * scale, mode="linear")
    return ddpm.DiffusionModule(network, scheduler)


def roll(code: Code) -> torch.Tensor:
    import numpy as np

    np.random.seed(0)
    points: torch.Tensor = code.module("dataset").load_twodim(2000, "swiss_roll")
    return points


def scatter(clouds: list[torch.Tensor], titles: list[str], path: Path) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3 * len(clouds), 3.2), layout="constrained")
    for axes, cloud, title in zip(itertools.chain(figure.subplots(1, len(clouds))), clouds, titles):
        axes.scatter(*cloud.detach().T, s=2, color="tab:blue", linewidths=0)
        axes.set(title=title, xlim=(-5, 5), ylim=(-5, 5), aspect="equal", xlabel="x", ylabel="y")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    return path
