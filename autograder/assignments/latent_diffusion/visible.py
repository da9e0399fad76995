"""The visible checks: what students run themselves, in the kit. Shipped as it is.

They know contracts and numbers that the solution gave, and no formula. What a step does is measured: two calls with equal random numbers
differ by what the change of their inputs makes, and by nothing else.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from autograder.assignments.latent_diffusion.visible_bonus import (
    ddim_loop,
    ddim_steps,
    distances,
    names_of_tensors,
    nearest_distances,
    output_numbers,
    sizes_of_parts,
)
from autograder.assignments.latent_diffusion.visible_edm import (
    denoiser,
    edm_loss,
    heun_steps,
    input_scaling,
    noise_condition,
    output_scaling,
    sigma_steps,
    skip_scaling,
)
from autograder.assignments.latent_diffusion.visible_networks import (
    CLASSES,
    ROWS,
    SIZE,
    Network,
    T,
    build,
    expect_labels,
    labels,
)
from autograder.kit.checks import (
    Code,
    Compare,
    Floats,
    describe,
    example,
    expect,
    expect_tensor,
    picture,
    seed,
    visible,
)

__all__ = [
    "ddim_loop", "ddim_steps", "decoder_numbers", "denoiser", "distances", "edm_loss", "forward_process", "heun_steps", "input_scaling",
    "latent_loop", "latent_loss", "loop", "loss", "names_of_tensors", "nearest_distances", "noise_condition", "noised_images", "output_numbers",
    "output_scaling", "sigma_steps", "sizes_of_parts", "skip_scaling", "steps",
]  # fmt: skip

ALSO_RIGHT = ("t-by-index",)  # adds noise of the variance β_t, whose numbers are right, too
LATENT, IMAGE = (4, 1, 2), (3, 8, 16)


# Task 1


@visible("1", region="libs/unet.py:UNet.forward", where="the TODO, and a level of the encoder")
def decoder_numbers(code: Code, compare: Compare) -> None:
    """`UNet` gives what the solution gives, with the same weights, for images that are not square."""
    for mults, attention in (((1, 2), (0, 1)), ((1, 2, 2), ())):
        seed(1)
        net = code.module("libs.unet").UNet(8, 6, CLASSES, in_channels=2, dim_mults=mults, attn_levels=attention, num_groups=4, num_heads=2)
        for number, parameter in enumerate(net.parameters()):
            parameter.data = 0.3 * example(*parameter.shape, salt=number) if parameter.ndim else parameter.data
        side = 2 ** len(mults)
        with torch.no_grad():
            out = net(example(2, 2, side, 2 * side), labels(2), torch.tensor([3, 11]))
        numbers = expect_tensor(out, (2, 2, side, 2 * side), "The output of UNet").ravel()[:: max(1, side * side // 2)][:5]
        compare(f"Some numbers of the output with {len(mults)} levels", numbers, within=2e-4, relative=1e-3, digits=4)


# Task 2


@visible("2", region="libs/ddpm.py:DDPM.q_sample", where="DDPM, Eq. 4")
def noised_images(code: Code, compare: Compare) -> None:
    """`q_sample` gives x_t for an image of ones and noise of twos, and with noise of its own where it is given none."""
    model = build(code, Network(torch.zeros_like))
    ones, t = torch.ones(4, *SIZE), torch.tensor([0, 3, 10, T - 1])
    x_t = expect_tensor(model.q_sample(ones.clone(), t, 2 * ones), (4, *SIZE), "x_t")
    compare("x_t at t = 0, 3, 10 and 19", x_t[:, 0, 0, 0], within=1e-5, relative=1e-5, digits=4)
    seed(3)
    drawn = expect_tensor(model.q_sample(0 * ones.repeat(40, 1, 1, 1), t[-1:].repeat(160)), (160, *SIZE), "x_t")
    compare("The spread of x_t at t = 19 for black images, without noise given", drawn.std(), relative=0.1, digits=3)


# Task 3


def answered(answer: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return answer


def step_numbers(code: Code, compare: Compare, t: int) -> None:
    """The factors of x and of the network's answer in one step, and its noise; of numbers so small that no estimate of x_0 is clamped."""
    answers = [0.02 * example(ROWS, *SIZE, salt=salt) for salt in (1, 2)]
    inputs = [0.02 * example(ROWS, *SIZE, salt=salt) for salt in (3, 4)]
    outputs = []
    for x, answer in zip(inputs, answers):
        network = Network(functools.partial(answered, answer))
        seed(5)
        out = build(code, network).p_sample(x.clone(), labels(ROWS), torch.full((ROWS,), t), t)
        expect(len(network.asked) == 1, f"p_sample must call the network once; yours called it {len(network.asked)} times.")
        expect_labels(network.asked[0][1], ROWS, "p_sample")
        outputs.append(expect_tensor(out, (ROWS, *SIZE), "x_{t−1}"))
    change = [(two - one).double().numpy().ravel() for one, two in (inputs, answers)]
    design = np.stack([change[0], -change[1]], axis=1)
    (a, b), *_ = np.linalg.lstsq(design, (outputs[1] - outputs[0]).ravel(), rcond=None)
    compare(f"The factor of x_t in the step of t = {t}", a, within=1e-4, digits=5)
    compare(f"The factor of −ε_θ in the step of t = {t}", b, within=1e-4, digits=5)
    noise = outputs[0] - a * inputs[0].double().numpy() + b * answers[0].double().numpy()
    compare(f"The standard deviation of the noise in the step of t = {t}", noise.std(), within=2e-3, relative=0.2, digits=4)


@visible("3", region="libs/ddpm.py:DDPM.p_sample", where="DDPM, Eq. 11 and Alg. 2")
def steps(code: Code, compare: Compare) -> None:
    """The steps of `p_sample` at t = 19, 7 and 0 have the factors and the noise of the solution."""
    for t in (T - 1, 7, 0):
        step_numbers(code, compare, t)


@visible("3", region="libs/ddpm.py:DDPM.p_sample_loop", where="DDPM, Alg. 2")
def loop(code: Code, compare: Compare) -> None:
    """`p_sample_loop` starts from noise, takes T steps with the labels, from t = T − 1 to 0, and returns images in 0 … 1."""
    network = Network(torch.zeros_like)
    model = build(code, network)
    seed(7)
    images = expect_tensor(model.p_sample_loop(labels(ROWS)), (ROWS, *SIZE), "The result of p_sample_loop")
    expect(bool(network.asked), "p_sample_loop must call the network in every step; yours never called it.")
    compare("How many steps there are", len(network.asked), digits=0)
    compare("The first times", first_times(network), digits=0)
    expect_labels(network.asked[0][1], ROWS, "p_sample_loop")
    compare("The spread of the start", network.asked[0][0].double().numpy().std(), relative=0.3, digits=2)
    expect(bool(images.min() >= 0 and images.max() <= 1), f"Images are in 0 … 1; yours reach from {images.min():.2f} to {images.max():.2f}.")


def first_times(network: Network) -> Floats:
    return np.array([float(torch.as_tensor(time).ravel()[0]) for _, _, time in network.asked[:4]])


# Task 4


def loss_of(code: Code, answer: float, file: str = "libs.ddpm", kind: str = "DDPM") -> tuple[Any, Network]:
    network = Network(lambda x: torch.full_like(x, answer))
    rows = 2048
    told, t = labels(ROWS).repeat(rows // ROWS + 1)[:rows], torch.arange(rows) % T
    seed(9)
    return build(code, network, file, kind).compute_loss(example(rows, *SIZE), told, t), network


@visible("4", region="libs/ddpm.py:DDPM.compute_loss", where="DDPM, Alg. 1 and Eq. 14")
def loss(code: Code, compare: Compare) -> None:
    """The loss is about as large as it must be for two simple networks, carries a gradient, and asks with x_t, label and t."""
    for answer, within in ((0.0, 0.05), (2.0, 0.15)):
        value, network = loss_of(code, answer)
        expect(isinstance(value, torch.Tensor) and value.numel() == 1, f"compute_loss must return one number; yours returned {describe(value)}.")
        compare(f"With a network that answers {answer:g}, the loss", float(value.detach()), within=within, digits=2)
    expect(value.requires_grad, "The loss must carry a gradient back to the network; yours does not.")
    x_t, _, time = network.asked[0]
    expect(torch.as_tensor(time).numel() == len(x_t), f"compute_loss must give the network the t of every image; yours gave it {describe(time)}.")
    compare("The first times that the network is told", first_numbers(time), digits=0)


def first_numbers(values: Any) -> Floats:
    return torch.as_tensor(values).double().ravel()[:5].numpy()


# Task 5


class Half:
    """One half of an autoencoder: blocks of 8 × 8 pixels, in four mixtures of their colours, and back."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]):
        self.function = function
        self.given: list[torch.Tensor] = []

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        self.given.append(x.detach().clone())
        return self.function(x)


MIX = torch.tensor([[3.0, -1.0, 0.5], [0.2, 2.0, -2.0], [-1.0, 0.3, 2.5], [1.5, 1.5, -3.0]])


def autoencoder() -> SimpleNamespace:
    def encode(images: torch.Tensor) -> torch.Tensor:
        return torch.einsum("ij,bjhw->bihw", MIX, 2 * images[:, :, ::8, ::8])

    def decode(latents: torch.Tensor) -> torch.Tensor:
        return (0.5 + 0.1 * torch.einsum("ij,bihw->bjhw", MIX, latents)).repeat_interleave(8, 2).repeat_interleave(8, 3)

    return SimpleNamespace(encoder=Half(encode), decoder=Half(decode))


def latent(code: Code, network: Network) -> tuple[Any, SimpleNamespace]:
    model, vae = build(code, network, shape=LATENT), autoencoder()
    model.use_vae, model.vae, model.img_shape = True, vae, LATENT
    return model, vae


@visible("5", region="libs/ddpm.py:DDPM.compute_loss", where="the TODO, Task 5")
def latent_loss(code: Code, compare: Compare) -> None:
    """With use_vae, `compute_loss` encodes the images once, as they are, and the network sees noised latents."""
    network = Network(torch.zeros_like)
    model, vae = latent(code, network)
    images = (0.5 + 0.5 * example(ROWS, *IMAGE)).clamp(0, 1)
    seed(2)
    model.compute_loss(images.clone(), labels(ROWS), torch.zeros(ROWS, dtype=torch.long))
    expect(len(vae.encoder.given) == 1, f"compute_loss must call self.vae.encoder once; yours called it {len(vae.encoder.given)} times.")
    compare("The mean of what is encoded", vae.encoder.given[0].mean().item(), within=1e-4, digits=4)
    x_t = expect_tensor(network.asked[0][0], (ROWS, *LATENT), "What the network is given")
    compare("The mean of the four channels at t = 0", x_t.mean((0, 2, 3)), within=0.02, digits=2)


@visible("5", region="libs/ddpm.py:DDPM.p_sample_loop", where="the TODO, Task 5")
def latent_loop(code: Code, compare: Compare) -> None:
    """With use_vae, `p_sample_loop` draws latents, decodes the last ones once, and returns the images."""
    model, vae = latent(code, Network(torch.zeros_like))
    seed(4)
    images = expect_tensor(model.p_sample_loop(labels(ROWS)), (ROWS, *IMAGE), "The result of p_sample_loop")
    expect(len(vae.decoder.given) == 1, f"p_sample_loop must call self.vae.decoder once; yours called it {len(vae.decoder.given)} times.")
    latents = expect_tensor(vae.decoder.given[0], (ROWS, *LATENT), "What is decoded")
    expect(bool(abs(latents).max() > 1.2), f"Latents may be beyond ±1; what you decode is within ±{abs(latents).max():.2f}.")
    decoded = autoencoder().decoder(vae.decoder.given[0]).clamp(0, 1).double().numpy()
    expect(bool(abs(images - decoded).max() < 1e-4), "p_sample_loop must return what self.vae.decoder gives, in 0 … 1; yours returns other numbers.")


# Pictures


@picture("2", needs=("libs/ddpm.py:DDPM.q_sample",), title="a digit on its way to noise, by your q_sample")
def forward_process(code: Code, folder: Path) -> Path:
    from matplotlib.figure import Figure

    drawn, _ = code.module("drawn_digits").drawn_digits(10, 32, 0)
    model = code.module("libs.ddpm").DDPM(img_shape=(1, 32, 32), timesteps=500, dim=8, context_dim=8, dim_mults=(1,), attn_levels=())
    x_0, t = torch.from_numpy(drawn[3]).expand(10, 1, 32, 32) * 2 - 1, torch.linspace(0, 499, 10).long()
    seed(0)
    x_t = model.q_sample(x_0, t)
    figure = Figure(figsize=(9, 1.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(torch.cat(list(x_t[:, 0]), dim=1).numpy(), cmap="gray", vmin=-2, vmax=2)
    axes.set_title("x_t, t = 0 … 499", loc="left", fontsize=9)
    axes.axis("off")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "forward.png", dpi=110)
    return folder / "forward.png"
