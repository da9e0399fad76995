"""The visible checks of the bonus task edm. Each method is checked with numbers given in the place of what the others give.

Where σ_data is 1.5, σ² + σ_data² is a square for σ = 2 and for σ = 1.125, so that the sums can be done again by hand.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch

from autograder.assignments.latent_diffusion.visible_networks import ROWS, SIZE, SIZES, Network, expect_labels, labels
from autograder.kit.checks import (
    Code,
    Compare,
    Floats,
    WrongAnswer,
    any_form,
    describe,
    example,
    expect,
    expect_tensor,
    seed,
    visible,
)

SIGMA_DATA, SIGMAS, AT = 1.5, (2.0, 1.125), ("at σ = 2", "at σ = 1.125")
FACTORS = {"c_skip": (0.36, 0.64), "c_out": (1.2, 0.9), "c_in": (0.4, 8 / 15), "c_noise": (0.173287, 0.0294458)}  # there


def edm(code: Code, network: Network, **settings: float) -> Any:
    model = code.module("libs.edm").EDM(img_shape=SIZE, **SIZES, **settings)
    model.model = network
    return model


# The factors


def numbers_of(code: Code, compare: Compare, name: str) -> None:
    """What a method gives at the two σ, each as a tensor of one number, or else as a number."""
    method = getattr(edm(code, Network(torch.zeros_like), sigma_data=SIGMA_DATA), name)

    def in_form(form: Callable[[float], Any]) -> None:
        given = [number(method(form(sigma)), name) for sigma in SIGMAS]
        compare(f"{name} for σ_data = 1.5,", given, within=1e-5, places=AT)

    any_form([partial(in_form, lambda sigma: torch.tensor([sigma])), partial(in_form, float)])


def number(value: Any, name: str) -> float:
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    hint = " (is there a `return`?)" if value is None else ""
    expect(isinstance(value, (int, float)), f"{name} must return one number for each σ; yours returned {describe(value)}{hint}.")
    return float(value)


@visible("edm", region="libs/edm.py:EDM.c_skip", where="EDM, Table 1, row “Skip scaling”")
def skip_scaling(code: Code, compare: Compare) -> None:
    """`c_skip` gives the numbers of the solution for σ_data = 1.5, at σ = 2 and 1.125."""
    numbers_of(code, compare, "c_skip")


@visible("edm", region="libs/edm.py:EDM.c_out", where="EDM, Table 1, row “Output scaling”")
def output_scaling(code: Code, compare: Compare) -> None:
    """`c_out` gives the numbers of the solution for σ_data = 1.5, at σ = 2 and 1.125."""
    numbers_of(code, compare, "c_out")


@visible("edm", region="libs/edm.py:EDM.c_in", where="EDM, Table 1, row “Input scaling”")
def input_scaling(code: Code, compare: Compare) -> None:
    """`c_in` gives the numbers of the solution for σ_data = 1.5, at σ = 2 and 1.125."""
    numbers_of(code, compare, "c_in")


@visible("edm", region="libs/edm.py:EDM.c_noise", where="EDM, Table 1, row “Noise cond.”")
def noise_condition(code: Code, compare: Compare) -> None:
    """`c_noise` gives the numbers of the solution at σ = 2 and 1.125."""
    numbers_of(code, compare, "c_noise")


# The denoiser


def give_factors(model: Any, fits_images: bool) -> None:
    """Put the numbers of FACTORS in the place of the four methods, in the shape of σ, or so that they multiply images."""

    def factor(name: str, sigma: Any) -> torch.Tensor:
        sigma = torch.as_tensor(sigma)
        first, second = (torch.tensor(value, dtype=sigma.dtype) for value in FACTORS[name])
        found = torch.where(abs(sigma - SIGMAS[0]) < 1e-3, first, second)
        return found.reshape(-1, 1, 1, 1) if fits_images and name != "c_noise" else found

    for name in FACTORS:
        setattr(model, name, partial(factor, name))


@visible("edm", region="libs/edm.py:EDM.denoise", where="EDM, Eq. 7")
def denoiser(code: Code, compare: Compare) -> None:
    """`denoise` puts the factors where they belong, each image with its own σ, and gives the network the labels and a time of shape (B,)."""

    def in_form(fits_images: bool, shape: tuple[int, ...]) -> None:
        network = Network(lambda x: torch.full_like(x, 2.0))
        model = edm(code, network, sigma_data=SIGMA_DATA)
        give_factors(model, fits_images)
        denoised = model.denoise(torch.ones(2, *SIZE), torch.tensor(SIGMAS).reshape(shape), labels(2))
        found = expect_tensor(denoised, (2, *SIZE), "The result of denoise")
        expect(bool(network.asked), "denoise must call self.model; yours never called it.")
        x, label, time = network.asked[0]
        expect_labels(label, 2, "denoise")
        told = expect_tensor(time, (2,), "The time that denoise gives the network")
        compare("For an image of ones, what the network is given", x.double().mean((1, 2, 3)), within=1e-5, places=AT)
        compare("The time that the network is told", told, within=1e-5, places=AT)
        compare("For an image of ones and an answer of 2, D", found.mean((1, 2, 3)), within=1e-5, places=AT)

    any_form([partial(in_form, *form) for form in product((False, True), ((2,), (2, 1, 1, 1)))])


# The loss


def noised_and_loss(code: Code, images: torch.Tensor, **settings: float) -> tuple[Floats, Any]:
    """What the denoiser is asked for, where the noise is one of ones, and the loss, where the denoiser is off by 3."""
    network = Network(lambda x: (images + 3 - 0.36 * (images + 2)) / 1.2)  # off by 3 as well, for those who go by F: σ is 2
    model = edm(code, network, sigma_data=SIGMA_DATA, **settings)
    give_factors(model, fits_images=False)
    model.c_in = lambda sigma: 1.0
    asked = []

    def denoise(x: torch.Tensor, sigma: Any, label: Any) -> torch.Tensor:
        asked.append((x, label, None))
        return images + 3 * network.scale

    model.denoise = denoise
    told = labels(ROWS).repeat(len(images) // ROWS)
    loss = model.compute_loss(images.clone(), told, torch.ones_like(images))
    asked += network.asked
    expect(bool(asked), "compute_loss must ask self.denoise; yours never asked it.")
    expect_labels(asked[0][1][:ROWS], ROWS, "compute_loss")
    return expect_tensor(asked[0][0], tuple(images.shape), "What compute_loss gives the denoiser"), loss


@visible("edm", region="libs/edm.py:EDM.compute_loss", where="EDM, Eq. 8 and Table 1, part “Training”")
def edm_loss(code: Code, compare: Compare) -> None:
    """`compute_loss` has the noise and the weight of the solution at σ = 2, and σ whose logarithms are spread like its own."""
    images = example(ROWS, *SIZE)
    noised, loss = noised_and_loss(code, images, P_mean=float(np.log(2)), P_std=1e-6)
    added = (noised - images.numpy()).mean()
    compare("For P_mean = ln 2, P_std = 0.000001 and noise of ones, the noise in the images", added, within=1e-4, digits=3)
    expect(isinstance(loss, torch.Tensor) and loss.numel() == 1, f"compute_loss must return one number; yours returned {describe(loss)}.")
    compare("The loss where D is off by 3 everywhere, for σ_data = 1.5 and σ = 2,", float(loss.detach()), within=1e-3, digits=3)
    expect(loss.requires_grad, "The loss must carry a gradient back to the network; yours does not.")
    seed(8)
    many = images.repeat(170, 1, 1, 1)
    sigma = noised_and_loss(code, many, P_mean=0.4, P_std=0.6)[0] - many.numpy()
    within_image = np.ptp(sigma, axis=(1, 2, 3)).max()
    expect(bool(within_image < 1e-3), "All numbers of an image must have noise of the same σ; in yours σ differs within one.")
    expect(bool(sigma.min() > 0), f"Every σ must be positive; the least of yours is {sigma.min():.2f}.")
    levels = np.log(sigma.mean((1, 2, 3)))
    compare("For P_mean = 0.4 and P_std = 0.6, the mean of ln σ", levels.mean(), within=0.1, digits=1)
    compare("For P_mean = 0.4 and P_std = 0.6, the standard deviation of ln σ", levels.std(), within=0.1, digits=1)


# The sampler


@visible("edm", region="libs/edm.py:EDM.sigma_steps", where="EDM, Eq. 5")
def sigma_steps(code: Code, compare: Compare) -> None:
    """`sigma_steps` gives the four σ of the solution from 64 to 1 with ρ = 3, and 0 at the end."""
    steps = edm(code, Network(torch.zeros_like)).sigma_steps(4, 1.0, 64.0, 3.0)
    try:
        found = torch.as_tensor(steps).double().ravel().numpy()
    except (TypeError, ValueError, RuntimeError):
        raise WrongAnswer(f"sigma_steps must return a tensor of σ; yours returned {describe(steps)}.") from None
    expect(len(found) in (4, 5), f"For num_steps = 4, sigma_steps must give 4 values of σ, and 0 at the end; yours gives {len(found)}.")
    compare("For sigma_max = 64, sigma_min = 1 and rho = 3,", found[:4], within=1e-3, places=[f"σ_{i}" for i in range(4)], digits=3)
    expect(len(found) == 4 or found[4] == 0, f"The last σ must be 0; yours is {found[-1]:.4g}.")


@visible("edm", region="libs/edm.py:EDM.generate", where="EDM, Alg. 1, lines 3 to 8")
def heun_steps(code: Code, compare: Compare) -> None:
    """`generate` goes from σ = 4 by 2 and 1 to 0 in the steps of the solution, where D(x; σ) is x/2 at every σ."""

    def in_form(sigmas: tuple[float, ...]) -> None:
        network = Network(torch.zeros_like)
        asked: list[tuple[torch.Tensor, float, Any]] = []

        def denoise(x: torch.Tensor, sigma: Any, label: Any) -> torch.Tensor:
            expect(len(asked) < 100, "D is asked for more than 100 times in 3 steps; look for a loop that does not end.")
            asked.append((x.detach().clone(), float(torch.as_tensor(sigma).ravel()[0]), label))
            return x / 2

        def steps(num_steps: int, *ends: Any, **named: Any) -> torch.Tensor:
            expect(num_steps == 3, f"generate must ask self.sigma_steps for num_steps σ, here 3; yours asked for {num_steps}.")
            return torch.tensor(sigmas)

        model = edm(code, network)
        model.denoise, model.sigma_steps = denoise, steps
        seed(11)
        images = expect_tensor(model.generate(labels(ROWS), num_steps=3), (ROWS, *SIZE), "The result of generate")
        expect(bool(asked), "generate must ask self.denoise in every step; yours never asked it.")
        compare("How often D is asked for in 3 steps", len(asked), digits=0)
        compare("The σ of these calls,", [sigma for _, sigma, _ in asked], digits=0, places=[f"in call {i}," for i in range(1, 6)])
        expect_labels(asked[0][2], ROWS, "generate")
        states = [x.double().numpy() for x, _, _ in asked]
        compare("The spread of the start", states[0].std(), relative=0.2, digits=1)
        guess, step = (float((x * states[0]).sum() / (states[0] ** 2).sum()) for x in states[1:3])
        compare("The factor of x in Euler's step from σ = 4 to 2", guess, within=1e-4)
        compare("The factor of x in the whole step from σ = 4 to 2", step, within=1e-4)
        between = (images > 0.02) & (images < 0.98)  # nothing is clamped there
        last = float(((2 * images - 1) * states[-1])[between].sum() / (states[-1][between] ** 2).sum())
        compare("The factor of x in the last step, from σ = 1 to 0,", last, within=1e-3)
        low, high = images.min(), images.max()
        expect(bool(low >= 0 and high <= 1), f"Images are in 0 … 1; yours reach from {low:.2f} to {high:.2f}.")

    any_form([partial(in_form, sigmas) for sigmas in ((4.0, 2.0, 1.0, 0.0), (4.0, 2.0, 1.0))])
