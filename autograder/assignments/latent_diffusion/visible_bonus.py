"""The visible checks of the bonus tasks ddim, fid and sd; those of edm are in visible_edm.py."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from autograder.assignments.latent_diffusion.visible_networks import ROWS, SIZE, Network, build, expect_labels, labels
from autograder.judges.visible_checkpoint import OF_OUTPUTS, PREFIX, weights
from autograder.kit.checks import (
    Code,
    Compare,
    Floats,
    any_form,
    describe,
    example,
    expect,
    expect_tensor,
    seed,
    visible,
)

# ddim


@visible("ddim", region="libs/ddim.py:DDIM.p_sample", where="DDIM, Eq. 12")
def ddim_steps(code: Code, compare: Compare) -> None:
    """The steps of `DDIM.p_sample` from t = 15 to 8 and to clean data give, for an image of ones, the numbers of the solution."""
    model = build(code, Network(lambda x: torch.full_like(x, 0.5)), "libs.ddim", "DDIM")
    ones = torch.ones(3, *SIZE)
    for t_prev in (8, -1):
        for eta in (0.0, 1.0):
            seed(6)
            out = model.p_sample(ones.clone(), labels(3), torch.full((3,), 15), torch.full((3,), t_prev), eta)
            found = expect_tensor(out, (3, *SIZE), "x_{t_prev}")
            where = "clean data" if t_prev < 0 else f"t = {t_prev}"
            within = 1e-4 if eta == 0 or t_prev < 0 else 0.06
            compare(f"The mean of the step to {where} with η = {eta:g}", found.mean(), within=within, digits=4 if within < 0.01 else 2)


@visible("ddim", region="libs/ddim.py:DDIM.p_sample_loop", where="the TODO")
def ddim_loop(code: Code, compare: Compare) -> None:
    """`DDIM.p_sample_loop` takes num_steps steps with the labels, and returns images in 0 … 1."""
    network = Network(torch.zeros_like)
    images = build(code, network, "libs.ddim", "DDIM").p_sample_loop(labels(ROWS), num_steps=5)
    numbers = expect_tensor(images, (ROWS, *SIZE), "The result of DDIM.p_sample_loop")
    compare("How many steps there are", len(network.asked), digits=0)
    expect_labels(network.asked[0][1], ROWS, "DDIM.p_sample_loop")
    expect(bool(numbers.min() >= 0 and numbers.max() <= 1), "Images are in 0 … 1; those of DDIM.p_sample_loop are not.")


# fid


def from_arrays(code: Code, name: str, *given: Sequence[Any]) -> Floats:
    """What a function of libs/fid.py gives for arrays of NumPy, or else for tensors, as a row of numbers."""

    def in_form(form: Any) -> Floats:
        value = getattr(code.module("libs.fid"), name)(*(form(np.array(numbers, dtype=np.float64)) for numbers in given))
        hint = " (is there a `return`?)" if value is None else ""
        try:
            found = np.asarray(value)
        except (TypeError, ValueError, RuntimeError):
            found = np.array(None)
        kind = "a complex number" if found.dtype.kind == "c" else describe(value)
        expect(found.dtype.kind in "fiu", f"{name} must return real numbers; yours returned {kind}{hint}.")
        expect(bool(np.isfinite(found).all()), f"{name} must return finite numbers; yours returned NaN or infinity.")
        return found.ravel()

    return any_form([functools.partial(in_form, form) for form in (np.asarray, torch.from_numpy)])


@visible("fid", region="libs/fid.py:frechet_distance", where="Heusel et al., Eq. 6")
def distances(code: Code, compare: Compare) -> None:
    """`frechet_distance` of distributions in two dimensions gives the numbers of the solution, which can be worked out by hand."""
    zero, wide, tilted = (0, 0), ((4, 0), (0, 9)), ((2, 1), (1, 5))
    for which, given in (
        ("of equal covariances, whose means differ by (3, 4),", ((1, 2), wide, (4, 6), wide)),
        ("of equal means and the covariances diag(4, 9) and diag(1, 25)", (zero, wide, zero, ((1, 0), (0, 25)))),
        ("of equal means and the covariances [[2, 1], [1, 5]] and diag(4, 1)", (zero, tilted, zero, ((4, 0), (0, 1)))),
    ):
        found = from_arrays(code, "frechet_distance", *given)
        expect(found.size == 1, f"frechet_distance must return one number; yours returned {found.size}.")
        compare(f"The distance {which}", found[0], within=0.01, digits=3)


@visible("fid", region="libs/fid.py:nearest_training_distance", where="the TODO")
def nearest_distances(code: Code, compare: Compare) -> None:
    """`nearest_training_distance` of the points (0, 0), (3, 4) and (6, 9) gives the numbers of the solution, in their order."""
    points, training = ((0, 0), (3, 4), (6, 9)), ((20, 0), (0, 0), (6, 8), (20, 20))
    found = from_arrays(code, "nearest_training_distance", points, training)
    expect(found.size == 3, f"For 3 features, nearest_training_distance must return 3 distances; yours returned {found.size}.")
    places = [f"of {point}" for point in points]
    compare("From (20, 0), (0, 0), (6, 8) and (20, 20), the nearest distance", found, within=1e-3, places=places, digits=3)


# sd

THOUSANDS = "{what} must be {expected} thousand; yours is {got} thousand."
OR_LOADED = (
    "{what} must be {expected}; yours is {got}. Either SDUNet computes something else, or load_stable_diffusion has laid a weight in another's place."
)


@visible("sd", region="libs/stable_diffusion.py:SDUNet.__init__", where="the first lines of the file")
def sizes_of_parts(code: Code, compare: Compare) -> None:
    """`SDUNet` has as many weights as the solution, in each of its parts."""
    model = code.module("libs.stable_diffusion").SDUNet(32, 24, mults=(1, 2, 4, 4))
    where = "For width = 32 and context_dim = 24, the number of"
    for name, part in model.named_children():
        if name in ("time_embed", "input_blocks", "middle_block", "output_blocks", "out"):
            compare(f"{where} weights in {name}", thousands(part), within=0.01, relative=0, digits=2, says=THOUSANDS)
    compare(f"{where} all weights", thousands(model), within=0.01, relative=0, digits=2, says=THOUSANDS)


def thousands(part: torch.nn.Module) -> float:
    return sum(p.numel() for p in part.parameters()) / 1000


def a_checkpoint() -> dict[str, torch.Tensor]:
    """Of a narrow network, with the names of Stable Diffusion's, and something that is none of the U-Net's."""
    return {name: torch.from_numpy(tensor.copy()) for name, tensor in weights(OF_OUTPUTS).items()} | {"alphas_cumprod": torch.ones(5)}


@visible("sd", region="libs/stable_diffusion.py:SDUNet.forward", where="the TODO, and what it says of the time")
def output_numbers(code: Code, compare: Compare) -> None:
    """`SDUNet`, with the weights of a small checkpoint, gives what the solution gives, for latents that are not square."""
    model = code.module("libs.stable_diffusion").load_stable_diffusion(a_checkpoint())
    told: list[torch.Tensor] = []
    if isinstance(getattr(model, "time_embed", None), torch.nn.Module):
        model.time_embed.register_forward_pre_hook(lambda layer, given: told.append(given[0].detach()))
    with torch.no_grad():
        out = model(example(2, 4, 8, 16), example(2, 3, OF_OUTPUTS.context, salt=1), torch.tensor([1, 400]))
    numbers = expect_tensor(out, (2, 4, 8, 16), "The output of SDUNet")
    if told and told[0].shape == (2, OF_OUTPUTS.width):
        ends = told[0][1, [0, -1]].double()
        compare("For time = 400, of the numbers that stand for it,", ends, within=1e-3, places=("the first", "the last"))
    compare("With the weights of the checkpoint, some numbers of the output", numbers.ravel()[::199][:5], within=2e-3, says=OR_LOADED)


@visible("sd", region="libs/stable_diffusion.py:load_stable_diffusion", where="the TODO, and the names in PARTS")
def names_of_tensors(code: Code, compare: Compare) -> None:
    """`load_stable_diffusion` lays every tensor of a small checkpoint in; one that is missing, or belongs nowhere, is an error that names it."""
    load = code.module("libs.stable_diffusion").load_stable_diffusion
    model = load(a_checkpoint())
    expect(isinstance(model, torch.nn.Module), f"load_stable_diffusion must return the network; yours returned {describe(model)}.")
    squares = torch.cat([p.detach().double().ravel() ** 2 for p in model.parameters()])
    compare("The mean of the squares of all weights, in thousandths,", 1000 * squares.mean(), within=1e-2)
    missing, unknown = "middle_block.1.transformer_blocks.0.attn2.to_k.weight", "output_blocks.12.0.in_layers.0.weight"
    without, more = a_checkpoint(), a_checkpoint() | {PREFIX + unknown: torch.ones(32)}
    del without[PREFIX + missing]
    for tensors, name, what in ((without, missing, "is missing in the checkpoint"), (more, unknown, "belongs nowhere")):
        try:
            load(tensors)
        except NotImplementedError:
            raise
        except Exception as error:
            said = "" if name in str(error) else f"{type(error).__name__}: {str(error)[:200]}"
        else:
            said = "none."
        expect(not said, f"Where {name} {what}, load_stable_diffusion must raise an error that names it; yours raises {said}")
