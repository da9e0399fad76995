"""The visible checks: what students run themselves, in the kit. Shipped as it is.

The functions run around a small made-up model whose answers are plain sums, so that a check takes milliseconds and no weights are loaded. The
checks know contracts and numbers that the solution gave, and no formula.
"""

from pathlib import Path
from typing import Any

import torch

from autograder.assignments.pretrained_diffusion.visible_model import (
    NULL,
    ONE,
    TWO,
    MadeUp,
    as_image,
    call,
    call_with_two,
    start,
)
from autograder.kit.checks import Code, Compare, example, expect, expect_tensor, picture, seed, visible

PLACES = ((0, 3, 5), (1, 40, 20), (2, 63, 31))
TIMESTEPS = [900, 640, 400, 170, 0]
SCALE = 3.0


def pixels(image: Any) -> list[float]:
    return [float(image[place]) for place in PLACES]


def untouched(given: torch.Tensor, name: str, before: torch.Tensor) -> None:
    expect(torch.equal(given, before), f"{name} must leave the image that it is given as it is; yours changes it in place.")


@visible("1-1", region="forward", where="DDPM, Eq. 4")
def forward_numbers(code: Code, compare: Compare) -> None:
    """`forward` holds the image and the noise as often as the solution does, draws new noise at every call, and leaves the image as it is."""
    made_up = MadeUp()
    forward, image = made_up.sampling(code).forward, torch.full((1, 3, 200, 200), 0.8)
    for t in (100, 500, 900):
        seed(1)
        out = expect_tensor(forward(image, t), (1, 3, 200, 200), "The result of forward")
        compare(f"With an image of 0.8 and t = {t}, the mean of the result", out.mean(), within=0.02, digits=2)
        compare(f"With an image of 0.8 and t = {t}, the standard deviation of the result", out.std(), within=0.012, digits=2)
    other = expect_tensor(forward(image, 900), (1, 3, 200, 200), "The result of forward")
    expect(not (other == out).all(), "forward must draw new noise at every call; yours added the same noise again.")
    untouched(image, "forward", torch.full((1, 3, 200, 200), 0.8))


@visible("1-2", region="classical_denoise", where="task 1-2")
def blur_numbers(code: Code, compare: Compare) -> None:
    """`classical_denoise` gives the numbers of the solution, for two kernels and two σ."""
    blur, image = MadeUp().sampling(code).classical_denoise, example(1, 3, 24, 24)
    for kernel_size, sigma in ((5, 1.3), (9, 2.5)):
        out = as_image(blur(image, kernel_size, sigma), (3, 24, 24), "classical_denoise")
        places = ("in the corner", "in the middle", "at a side")
        values = [out[0, 0, 0], out[1, 12, 12], out[2, 0, 12]]
        compare(f"With kernel_size = {kernel_size} and sigma = {sigma}, the result", values, within=2e-3, places=places)


@visible("1-3", region="one_step_denoise", where="DDPM, Eq. 15")
def one_step_numbers(code: Code, compare: Compare) -> None:
    """`one_step_denoise` asks the network once, about its image at its t with its prompt, and gives the numbers of the solution."""
    for t in (250, 750):
        made_up, image = MadeUp(), start()
        given = image.clone()
        out = as_image(made_up.sampling(code).one_step_denoise(given, t, made_up.prompts[ONE]), (3, 64, 64), "one_step_denoise")
        made_up.expect_asked("one_step_denoise", [t], [ONE])
        compare(f"At t = {t}, three pixels of the result", pixels(out), within=5e-3, places=("0, 3, 5", "1, 40, 20", "2, 63, 31"))
        untouched(given, "one_step_denoise", image)


def compare_loop(made_up: MadeUp, compare: Compare, name: str, result: Any, i_start: int, prompts: list[str]) -> None:
    """The times and prompts of a loop, the first pixel of every x on the way, and the result."""
    made_up.expect_asked(name, TIMESTEPS[i_start:-1], prompts)
    for t, x in zip(TIMESTEPS[i_start + 1 : -1], made_up.states()[1:]):
        compare(f"The pixel 0, 3, 5 of the x of {name} at t = {t}", x[0, 3, 5], within=4e-3)
    out = as_image(result, (3, 64, 64), name)
    compare(f"Three pixels of the result of {name}", pixels(out), within=4e-3, places=("0, 3, 5", "1, 40, 20", "2, 63, 31"))


@visible("1-4", region="iterative_denoise", where="DDPM, Eq. 7, and the handout's task 1-4")
def loop_numbers(code: Code, compare: Compare) -> None:
    """`iterative_denoise` asks the network at each of the timesteps from i_start on, but the last, and its x are those of the solution."""
    for i_start in (1, 0):
        made_up, image = MadeUp(), start()
        given = image.clone()
        result = call(made_up.sampling(code).iterative_denoise, given, i_start, made_up.prompts[ONE], TIMESTEPS)
        if i_start:
            compare_loop(made_up, compare, "iterative_denoise", result, i_start, [ONE])
        made_up.expect_asked("iterative_denoise", TIMESTEPS[i_start:-1], [ONE])
        untouched(given, "iterative_denoise", image)


@visible("1-6", region="iterative_denoise_cfg", where="Ho and Salimans, Eq. 6")
def guided_loop_numbers(code: Code, compare: Compare) -> None:
    """`iterative_denoise_cfg` asks with the prompt and with the null prompt in every step, and its x are those of the solution."""
    made_up, image = MadeUp(), start()
    given = image.clone()
    loop = made_up.sampling(code).iterative_denoise_cfg
    result = call(loop, given, 1, made_up.prompts[ONE], made_up.prompts[NULL], TIMESTEPS, scale=SCALE)
    compare_loop(made_up, compare, "iterative_denoise_cfg", result, 1, [ONE, NULL])
    untouched(given, "iterative_denoise_cfg", image)


@visible("1-7", region="sdedit", where="task 1-7")
def edit_start(code: Code, compare: Compare) -> None:
    """`sdedit` noises its image to timesteps[i_start], and denoises it with guidance from there."""
    made_up, image = MadeUp(), torch.full((1, 3, 64, 64), 0.8)
    given = image.clone()
    seed(2)
    call(made_up.sampling(code).sdedit, given, 2, made_up.prompts[ONE], made_up.prompts[NULL], TIMESTEPS, scale=SCALE)
    made_up.expect_asked("sdedit", TIMESTEPS[2:-1], [ONE, NULL])
    first = made_up.states()[0]
    compare("With an image of 0.8, the mean of what sdedit denoises", first.mean(), within=0.04, digits=2)
    compare("With an image of 0.8, the standard deviation of what sdedit denoises", first.std(), within=0.03, digits=2)
    untouched(given, "sdedit", image)


@visible("1-7-2", region="inpaint", where="RePaint, Eq. 8")
def inpainting_numbers(code: Code, compare: Compare) -> None:
    """`inpaint` starts from noise, and holds the original where the mask is 0 after every step, as noisy as in the solution."""
    made_up, image, mask = MadeUp(), torch.full((1, 3, 64, 64), 0.8), torch.zeros(1, 3, 64, 64)
    mask[:, :, :, 40:] = 1
    given, of_mask = image.clone(), mask.clone()
    seed(3)
    result = call(made_up.sampling(code).inpaint, given, of_mask, made_up.prompts[ONE], made_up.prompts[NULL], TIMESTEPS, scale=SCALE)
    made_up.expect_asked("inpaint", TIMESTEPS[:-1], [ONE, NULL])
    states = [*made_up.states(), as_image(result, (3, 64, 64), "inpaint")]
    compare("The standard deviation of the first x, where the mask is 1", states[0][:, :, 40:].std(), within=0.06, digits=2)
    for t, x in zip(TIMESTEPS[1:-1], states[1:-1]):
        compare(f"With an image of 0.8 and where the mask is 0, the mean of the x at t = {t}", x[:, :, :40].mean(), within=0.06, digits=2)
        compare(f"Where the mask is 0, the standard deviation of the x at t = {t}", x[:, :, :40].std(), within=0.04, digits=2)
    compare("With an image of 0.8 and where the mask is 0, the mean of the result", states[-1][:, :, :40].mean(), within=0.06, digits=2)
    untouched(given, "inpaint", image)
    expect(torch.equal(of_mask, mask), "inpaint must leave the mask that it is given as it is; yours changes it in place.")


@visible("1-8", region="make_flip_illusion", where="Visual Anagrams (Geng et al. 2024)")
def anagram_numbers(code: Code, compare: Compare) -> None:
    """`make_flip_illusion` asks about x and about x upside down, each with a prompt and the null prompt, and its x are those of the solution."""
    made_up, image = MadeUp(variance_of_prompt=False), start()
    given = image.clone()
    function = made_up.sampling(code).make_flip_illusion
    result = call_with_two(made_up, function, given, 1, TIMESTEPS, scale=SCALE)
    compare_loop(made_up, compare, "make_flip_illusion", result, 1, [ONE, NULL, TWO, NULL])
    untouched(given, "make_flip_illusion", image)


@visible("1-9", region="make_hybrids", where="Factorized Diffusion (Geng et al. 2024)")
def hybrid_numbers(code: Code, compare: Compare) -> None:
    """`make_hybrids` asks with both prompts and with the null prompt in every step, and its x are those of the solution."""
    made_up, image = MadeUp(variance_of_prompt=False), start()
    given = image.clone()
    function = made_up.sampling(code).make_hybrids
    result = call_with_two(made_up, function, given, 1, TIMESTEPS, scale=SCALE)
    compare_loop(made_up, compare, "make_hybrids", result, 1, [ONE, TWO, NULL])
    untouched(given, "make_hybrids", image)


@picture("1-1", needs=(), title="a picture under noise at growing t, by your forward")
def noised_picture(code: Code, folder: Path) -> Path:
    from matplotlib.figure import Figure

    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    disc = torch.where(x**2 + y**2 < 0.4, 0.9, -0.6)
    image = torch.stack([disc, 0.6 * y, -0.5 * x])[None]
    forward = MadeUp().sampling(code).forward
    seed(0)
    figure = Figure(figsize=(9, 1.9), layout="constrained")
    times = (0, 100, 250, 500, 750, 950)
    for axes, t in zip(figure.subplots(1, len(times)), times):
        noised = forward(image, t)[0].detach().float().permute(1, 2, 0)
        axes.imshow((noised / 2 + 0.5).clamp(0, 1).numpy())
        axes.set_title(f"t = {t}", fontsize=9)
        axes.axis("off")
    path = folder / "noised_picture.png"
    figure.savefig(path, dpi=120)
    return path
