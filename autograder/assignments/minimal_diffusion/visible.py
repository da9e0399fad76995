"""The visible checks: what students run themselves, in the kit. Shipped as it is.

They know contracts and numbers that the solution gave. What a function does is measured: two calls with equal random numbers differ by what
the change of their inputs makes, and by nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autograder.kit.checks import (
    Code,
    Compare,
    Floats,
    WrongAnswer,
    describe,
    example,
    expect,
    expect_tensor,
    picture,
    seed,
    visible,
)

ALSO_RIGHT = ("posterior-variance",)  # variants whose numbers are right, too
T, ROWS, SIZE = 400, 16, (3, 4, 4)
NAMES = ("beta_t", "alpha_t", "alphabar_t", "sqrtab", "sqrtmab", "oneover_sqrta", "mab_over_sqrtmab_inv", "sigma_t")


class Network(torch.nn.Module):
    """Gives prepared answers, and remembers what it was asked."""

    def __init__(self, answer: Callable[[int, torch.Tensor], torch.Tensor]):
        super().__init__()
        self.answer = answer
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.x: list[torch.Tensor] = []
        self.beside: list[tuple[Any, ...]] = []

    def forward(self, x: torch.Tensor, *beside: Any, **more: Any) -> torch.Tensor:
        expect(len(self.x) < 2 * T, f"The network is called more than {2 * T} times; look for a loop that does not end.")
        self.x.append(x.detach().clone())
        self.beside.append((*beside, *more.values()))
        return self.scale * self.answer(len(self.x) - 1, x)


def build(code: Code, file: str, network: Network) -> Any:
    kind = code.module(file).DDPM
    try:
        model = kind(network)
    except TypeError:
        model = kind()
    model.net = network
    return model


# Exercise 1


@visible("1", region="ddpm.py:schedule", where="equations (A) and (C)")
def schedule_tables(code: Code, compare: Compare) -> None:
    """Every table has T + 1 entries, and the right ones at t = 1, 2, 200 and 400."""
    module = code.module("ddpm")
    for name in [name for name in NAMES if hasattr(module, name)]:
        table = getattr(module, name)
        if table is None:
            raise NotImplementedError("TODO 1: schedule")
        expect(isinstance(table, torch.Tensor), f"{name} must be a tensor; yours is {describe(table)}.")
        expect(table.numel() == T + 1, f"{name} must have {T + 1} entries, one for each t of 0 … {T}; yours has {table.numel()}.")
        entries = table.detach().double().ravel()[[1, 2, 200, 400]]
        places = [f"at t = {t}" for t in (1, 2, 200, 400)]
        compare(name, entries, within=1e-6, relative=1e-3, places=places, digits=6)


def noised(
    code: Code, file: str, rows: int, answer: Callable[[int, torch.Tensor], torch.Tensor]
) -> tuple[Floats | None, Floats, Any, Network]:
    """The factor of x in the x_t of each image, what remains of x_t, the loss, and the network. No factors where no seed reaches the noise."""
    x = 0.5 + 0.5 * example(rows, 3, 2, 2).abs()
    network = Network(answer)
    model, labels = build(code, file, network), torch.arange(rows) % 10
    losses = []
    for sign in (1, -1, 1):
        seed(7)
        losses.append(model(sign * x, *([labels] if file == "conditional" else [])))
    expect(len(network.x) == 3, f"DDPM.forward must call the network once; three calls of yours made {len(network.x)}.")
    first, second, again = (expect_tensor(seen, tuple(x.shape), "The x_t that the network is given") for seen in network.x)
    numbers = x.double().numpy()
    if not np.array_equal(first, again):
        return None, first, losses[0], network
    factors = ((first - second) * numbers).sum((1, 2, 3)) / (2 * numbers**2).sum((1, 2, 3))
    return factors, first - factors[:, None, None, None] * numbers, losses[0], network


def compare_images(code: Code, compare: Compare, file: str) -> None:
    factors, noise, _, network = noised(code, file, 16_384, lambda number, x: torch.zeros_like(x))
    if file == "conditional":
        expect_labels(network.beside[0], torch.arange(16_384) % 10, "DDPM.forward")
    if factors is None:
        return  # the grader measures in another way
    compare("The largest factor of x in x_t, at t = 1,", factors.max(), within=2e-5)
    compare("The smallest factor of x in x_t, at t = T,", factors.min(), within=2e-5)
    different = 1 + int((np.diff(np.sort(factors)) > 2e-5).sum())  # the nearest two are 1e-4 apart, and float32 is off by 1e-6
    compare("The number of different factors of x, one for each t,", different, digits=0)
    compare("The noise in the images with the largest tenth of factors", noise[factors.argsort()[-1600:]].std(), relative=0.05)
    compare("The noise in the images with the smallest tenth of factors", noise[factors.argsort()[:1600]].std(), relative=0.05)


def compare_loss(code: Code, compare: Compare, file: str) -> None:
    _, _, loss, network = noised(code, file, 2048, lambda number, x: torch.zeros_like(x))
    expect(isinstance(loss, torch.Tensor) and loss.numel() == 1, f"DDPM.forward must return one number; yours returned {describe(loss)}.")
    compare("With a network that answers 0, the loss", float(loss.detach()), within=0.06, digits=2)
    _, _, loss, network = noised(code, file, 2048, lambda number, x: torch.full_like(x, 2.0))
    compare("With a network that answers 2, the loss", float(loss.detach()), within=0.15, digits=2)
    expect(loss.requires_grad, "The loss must carry a gradient back to the network; yours does not.")
    loss.backward()
    expect(network.scale.grad is not None and bool(network.scale.grad != 0), "The loss must carry a gradient back to the network.")


@visible("1", region="ddpm.py:DDPM.forward", where="DDPM, Eq. 4")
def forward_images(code: Code, compare: Compare) -> None:
    """The network is given x_t, with one t of 1 … T for each image."""
    compare_images(code, compare, "ddpm")


@visible("1", region="ddpm.py:DDPM.forward", where="DDPM, Eq. 14")
def forward_loss(code: Code, compare: Compare) -> None:
    """The loss is about as large as it must be for two simple networks, and carries a gradient."""
    compare_loss(code, compare, "ddpm")


# Exercise 2


@dataclass(frozen=True)
class Run:
    """The states x_T, …, x_1 and the result; what the network answered, and the network."""

    states: list[Floats]
    answers: list[Floats]
    network: Network


def run(code: Code, file: str, shift: float, rows: int = ROWS, size: tuple[int, ...] = SIZE) -> Run:
    """The network finds fixed images, well within −1 … 1, and others with another `shift`, so that nothing has to be clamped."""
    share, answers = shares(code), []

    def answer(number: int, x: torch.Tensor) -> torch.Tensor:
        image = 0.4 * example(rows, *size, salt=3) + shift * example(rows, *size, salt=number)
        kept = share[max(T - number, 1)]
        answers.append(((x - kept.sqrt() * image) / (1 - kept).sqrt()).float())
        return answers[-1]

    network = Network(answer)
    model = build(code, file, network)
    seed(11)
    try:
        result = model.sample(rows, size)
    except TypeError as error:
        if file != "conditional" or "missing 1 required" not in str(error):
            raise
        result = model.sample(rows, size, torch.arange(rows) % 10)  # it wants the labels
    expect(bool(network.x), "DDPM.sample must ask the network for the noise at every step; yours never called it.")
    expect(len(network.x) == T, f"DDPM.sample must take {T} steps, and call the network once in each; yours called it {len(network.x)} times.")
    states = [expect_tensor(x, (rows, *size), "Every x_t that the network is given") for x in network.x]
    states.append(expect_tensor(result, (rows, *size), "The result of DDPM.sample"))
    return Run(states, [answer.double().numpy() for answer in answers], network)


def shares(code: Code) -> torch.Tensor:
    """The student's own ᾱ_t; a half, where there is no such table. Any would do, but for what is clamped."""
    table: Any = getattr(code.module("ddpm"), "alphabar_t", None)
    usable = isinstance(table, torch.Tensor) and table.numel() == T + 1 and bool(((table > 0) & (table < 1)).all())
    return table.detach().ravel() if usable else torch.full((T + 1,), 0.5)


def compare_steps(code: Code, compare: Compare, file: str) -> None:
    one, other = run(code, file, 0.0), run(code, file, 0.3)
    states, others = one.states, other.states
    if not np.array_equal(states[0], others[0]):
        return  # no seed reaches the noise; the grader measures in another way
    for t in (T, 200, 1):
        k = T - t
        change = other.answers[k] - one.answers[k]
        before, after = others[k] - states[k], others[k + 1] - states[k + 1]
        a, b = (1.0, -(after * change).sum() / (change**2).sum()) if t == T else two_factors(before, change, after)
        if t < T:
            compare(f"The factor of x_t in the step of t = {t}", a, within=1e-4, digits=6)  # by way of x_0, float32 loses so much
        compare(f"The factor of −ε_θ in the step of t = {t}", b, within=1e-5, relative=2e-3, digits=6)
        noise = states[k + 1] - a * states[k] + b * one.answers[k]
        what = f"The standard deviation of the noise in the step of t = {t}"
        compare(what, noise.std().round(5) if t < T else 0.0, within=1e-4, relative=0.15, digits=4)


def two_factors(before: Floats, change: Floats, after: Floats) -> tuple[float, float]:
    """(a, b) of after = a before − b change, by least squares."""
    xx, xe, ee = (before**2).sum(), (before * change).sum(), (change**2).sum()
    xy, ey = (before * after).sum(), (change * after).sum()
    whole = xx * ee - xe**2
    return float((ee * xy - xe * ey) / whole), float((xe * xy - xx * ey) / whole)


@visible("2", region="ddpm.py:DDPM.sample", where="DDPM, Alg. 2")
def sample_shapes(code: Code, compare: Compare) -> None:
    """`sample` starts from noise of the shape asked for, takes T steps, and returns images of that shape."""
    for rows, size in ((ROWS, SIZE), (3, (1, 6, 4))):
        states = run(code, "ddpm", 0.0, rows, size).states
        compare(f"The spread of the start for {rows} images of {size}", states[0].std(), relative=0.3, digits=2)


@visible("2", region="ddpm.py:DDPM.sample", where="DDPM, Eq. 11 and Alg. 2")
def sample_steps(code: Code, compare: Compare) -> None:
    """The steps of `sample` at t = 400, 200 and 1 have the factors and the noise of the solution."""
    compare_steps(code, compare, "ddpm")


# Exercise 3


def unet(code: Code, file: str, channels: int = 3, **settings: int) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """A network after its first call, the images, and its answer."""
    net = code.module(file).UNet(**settings)
    before = len(list(net.modules()))
    x = example(2, channels, 32, 32)
    out = net(x.clone(), *([torch.tensor([0, 7])] if file == "conditional" else []))
    expect(len(list(net.modules())) == before, "UNet must make all of its layers in __init__; yours makes some during the first call.")
    unused = [name for name, parameter in net.named_parameters() if isinstance(parameter, torch.nn.UninitializedParameter)]
    expect(not unused, f"UNet has a lazy layer that never runs: {', '.join(unused[:3])}. Use it in forward, or take it out of __init__.")
    expect_tensor(out, (2, settings.get("out_class", 3), 32, 32), "The output of UNet")
    return net, x, out


def expect_gradients(net: Any, out: torch.Tensor) -> None:
    expect(out.requires_grad, "The output of UNet must carry a gradient to its parameters.")
    out.square().mean().backward()
    silent = [name for name, p in net.named_parameters() if p.ndim > 1 and (p.grad is None or not p.grad.any())]
    expect(not silent, f"Every layer of UNet must take part; no gradient reaches {', '.join(silent[:3])}.")


@visible("3", region="unet.py:UNet", where="the diagram")
def unet_shapes(code: Code, compare: Compare) -> None:
    """`UNet` answers in the shape of its images, with out_class channels, and uses every layer that it makes."""
    unet(code, "unet", 1, out_class=5)
    net, _, out = unet(code, "unet")
    expect_gradients(net, out)


@visible("3", region="unet.py:UNet", where="the diagram")
def unet_activation(code: Code, compare: Compare) -> None:
    """`UNet` is no linear map, and its answer depends on the image."""
    net, x, _ = unet(code, "unet")
    net.eval()
    with torch.no_grad():
        one, two, between = net(x), net(-3 * x), net(-x)
    expect(not torch.allclose(one, two, atol=1e-6), "The output of UNet must depend on the image.")
    expect(not torch.allclose((one + two) / 2, between, atol=1e-5), "UNet must have an activation, such as ReLU, in its blocks.")


# Exercise 4


def expect_labels(beside: tuple[Any, ...], labels: torch.Tensor, where: str) -> None:
    if not beside:
        raise WrongAnswer(f"{where} must give the network the labels as well, self.net(x_t, c).")
    if not any(isinstance(value, torch.Tensor) and value.shape == labels.shape and torch.equal(value.long(), labels) for value in beside):
        told = [int(v) for v in beside[0][:12]] if isinstance(beside[0], torch.Tensor) and beside[0].ndim == 1 else describe(beside[0])
        raise WrongAnswer(f"{where} must give the network the labels {labels[:12].tolist()}{' …' * (len(labels) > 12)}; yours gave it {told}.")


@visible("4", region="conditional.py:UNet", where="exercise 4")
def conditional_unet(code: Code, compare: Compare) -> None:
    """The conditional `UNet` answers in the shape of its images, uses every layer, and every label changes its answer."""
    net, x, out = unet(code, "conditional")
    expect_gradients(net, out)
    net.eval()
    with torch.no_grad():
        answers = [net(x[:1], torch.tensor([label])) for label in range(10)]
    same = [(i, j) for j in range(10) for i in range(j) if torch.allclose(answers[i], answers[j], atol=1e-7)]
    expect(not same, f"Every label must change the answer of UNet; yours gives the same for {same[0] if same else ''}.")


@visible("4", region="conditional.py:DDPM.forward", where="exercise 4")
def conditional_forward(code: Code, compare: Compare) -> None:
    """The conditional `forward` gives the network x_t and the labels, and returns the loss."""
    compare_images(code, compare, "conditional")
    compare_loss(code, compare, "conditional")


@visible("4", region="conditional.py:DDPM.sample", where="exercise 4")
def conditional_sample(code: Code, compare: Compare) -> None:
    """The conditional `sample` gives image i the label i modulo 10, in steps as in exercise 2."""
    network = run(code, "conditional", 0.0, 13).network
    expect_labels(network.beside[0], torch.arange(13) % 10, "DDPM.sample")
    compare_steps(code, compare, "conditional")


# Pictures


@picture("1", needs=(), title="a digit on its way to noise, by your tables")
def forward_process(code: Code, folder: Path) -> Path:
    module, digits = code.module("ddpm"), code.module("drawn_digits")
    drawn, _ = digits.drawn_digits(10, 32, 0)
    x = torch.from_numpy(drawn[3]).expand(10, 1, 32, 32) * 2 - 1
    seed(0)
    t = torch.linspace(1, T, 10).long()
    noise = torch.randn_like(x)
    x_t = module.sqrtab.reshape(-1, 1, 1, 1)[t] * x + module.sqrtmab.reshape(-1, 1, 1, 1)[t] * noise
    return rows_of([x, x_t, noise], ["data", "x_t, t = 1 … T", "noise"], folder / "forward.png")


def rows_of(rows: list[torch.Tensor], titles: list[str], path: Path) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.2 * len(rows)), layout="constrained")
    for axes, row, title in zip(figure.subplots(len(rows), 1, squeeze=False)[:, 0], rows, titles):
        axes.imshow(torch.cat(list(row[:, 0]), dim=1).numpy(), cmap="gray", vmin=-2, vmax=2)
        axes.set_title(title, loc="left", fontsize=9)
        axes.axis("off")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path
