"""Which pictures a training leaves in its folder, and when (given; nothing to do here).

A picture that cannot be drawn, since its TODO is open or its code fails, is reported, and the training goes on.
"""

import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pictures
import torch
from denoising import add_noise
from digits import Digits, one_of_each
from errors import UserError
from models import DENOISERS, LABELLED, SCALE, denoised, draw
from pictures import SIGMAS, save
from randomness import untouched_random
from recipe import Recipe
from run_folder import load_state, recipe_of

IN_FULL = (5, 20)  # epochs whose samples are deliverables: four rows instead of one


def draw_epoch(folder: Path, model: torch.nn.Module, recipe: Recipe, test: Digits, epoch: int) -> None:
    """What can be seen of the model after an epoch of its training; the generators and the training are not touched."""
    caption = f"{test.name}; {recipe.in_words}; after epoch {epoch} of {recipe.epochs}."
    with untouched_random(next(model.parameters()).device):
        torch.manual_seed(0)
        if recipe.model in DENOISERS:
            _try("denoised digits", lambda: _draw_denoised(folder, model, recipe, test, epoch, caption))
        else:
            _try("samples", lambda: _draw_samples(folder, model, recipe, epoch, caption))


def draw_noising(folder: Path, test: Digits) -> None:
    """A few test digits under noise of each strength; needs no network."""

    def noising() -> None:
        x = one_of_each(test)[[0, 2, 5, 7]]
        caption = f"Noise of growing strength: z = x + σ ε. Data: {test.name}, for testing."
        save(pictures.noising(x, [add_noise(x, sigma) for sigma in SIGMAS], caption), folder / "noising.png")

    with untouched_random(torch.device("cpu")):
        torch.manual_seed(0)
        _try("noised digits", noising)


def draw_loss(folder: Path, recipe: Recipe, losses: list[float], steps_per_epoch: int, data: str) -> None:
    """Of each step so far; that of a better U-Net beside that of the diagram, where both were trained in the same way."""
    curves = {"training loss": losses}
    if recipe.model == "better" and (other := _losses_of_the_diagram(folder.parent / "denoiser", recipe, data)):
        curves = {"your U-Net": losses, "that of the diagram": other}
    found = "‖ε_θ − ε‖²" if recipe.model in ("time", "class") else "‖D(z) − x‖²" if recipe.model in DENOISERS else "‖v_θ − (x₁ − x₀)‖²"
    save(pictures.loss_curve(curves, steps_per_epoch, f"Data: {data}; {recipe.in_words}.", f"mean of {found}"), folder / "loss.png")


def _losses_of_the_diagram(folder: Path, recipe: Recipe, data: str) -> list[float] | None:
    """None where that was not trained, or otherwise."""
    try:
        state = load_state(folder)
        same = state["data"] == data and replace(recipe_of(state), model=recipe.model) == recipe
    except UserError:
        return None
    return state["losses"] if same else None


def _draw_denoised(folder, model, recipe, test, epoch, caption) -> None:
    x = one_of_each(test)
    z = add_noise(x, recipe.sigma)
    figure = pictures.denoising(x, z, denoised(model, z), recipe.sigma, f"Digits for testing: {caption}")
    save(figure, folder / f"denoised_epoch_{epoch:02d}.png")
    if epoch == recipe.epochs:
        digit = x[7:8]
        noisy = torch.cat([add_noise(digit, sigma) for sigma in SIGMAS])
        save(pictures.strengths(noisy, denoised(model, noisy), recipe.sigma, f"A digit for testing: {caption}"), folder / "strengths.png")


def _draw_samples(folder, model, recipe, epoch, caption) -> None:
    images, states = draw(model, recipe, 4 if epoch in IN_FULL or epoch == recipe.epochs else 1)
    labelled = recipe.model in LABELLED
    told = f"Samples with guidance γ = {SCALE:g}" if labelled else "Samples"
    save(pictures.samples(images, f"{told}. Data: {caption}", labelled), folder / f"samples_epoch_{epoch:02d}.png")
    if epoch == recipe.epochs and states is not None:
        pictures.animation(states, folder / "sampling.gif")


def _try(what: str, drawing: Callable[[], None]) -> None:
    try:
        drawing()
    except NotImplementedError as error:
        print(f"\nNo {what} yet, since this is not done: {error}.")
    except Exception:
        traceback.print_exc()
        print(f"\nYour code failed when {what} were drawn, see above. When it is mended, --redraw draws them from the checkpoints.")
