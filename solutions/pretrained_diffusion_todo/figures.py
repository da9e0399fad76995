"""Every figure of the course, out of your functions in sampling.py (given; nothing to do here).

Each is a function of no arguments, called with the same seed every time, and named as its file in results/.
"""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sampling
import torch
from errors import UserError
from matplotlib.figure import Figure
from model import device, make_prompt_embeds, model_name, process_pil_im, seed_everything, stage_1, upsample
from PIL import Image
from torch import Tensor

RESULTS, PICTURES = Path("results"), Path("pictures")
ENDINGS = (".jpg", ".jpeg", ".png")
SEED = 180
TIMESTEPS = [*range(990, 0, -30), 0]
SCALE = {"small": 4, "deepfloyd": 7}[model_name]  # γ: beyond 5 or so the small model's colours run away
LEVELS = (1, 3, 5, 7, 10, 20)  # i_start of the edits
QUALITY = "a high quality photo"
INK = "#333333"
NAMES = {"small": "the small model", "deepfloyd": "DeepFloyd IF"}

# Prompts of the figures. With DeepFloyd, change them to your own.
SAMPLED = ("a rocket ship", "a skull", "an oil painting of a snowy mountain village")
NEW_CONTENT = ("a rocket ship", "a snowman", "a skull")  # of the edits with a prompt, by picture
ILLUSIONS = (("an umbrella", "a sailing boat"), ("a fir tree", "an ice cream cone"), ("a man with a beard", "a woman with curly hair"))
HYBRIDS = (("a skull", "a field of flowers"), ("a house", "a field of flowers"), ("a cat", "a waterfall"))


# Your pictures


class Own(NamedTuple):
    """`image`: (1, 3, 64, 64) in [−1, 1]. `name`: of its file."""

    name: str
    image: Tensor


def own(name: str) -> Own:
    """pictures/<name> as JPEG or PNG, of any size. Raises UserError where there is none."""
    files = [path for ending in ENDINGS for path in PICTURES.glob(name + ending)]
    if not files:
        raise UserError(f"There is no picture {PICTURES / name}.jpg or .png; put one there.")
    try:
        with Image.open(files[0]) as picture:
            return Own(files[0].name, process_pil_im(picture))
    except OSError:
        raise UserError(f"{files[0]} cannot be read as a picture; save it as JPEG or PNG.") from None


# Calls of your functions


def prompt(text: str) -> Tensor:
    return make_prompt_embeds(text).to(device)


def to_image(answer) -> Tensor:
    """(1, 3, H, W) in [−1, 1] of what a function of yours returned: a tensor or an array of that shape, a picture (H, W, 3) in [0, 1], or either
    with frames.
    """
    if isinstance(answer, (tuple, list)):
        answer = answer[0]
    image = torch.as_tensor(np.array(answer) if isinstance(answer, np.ndarray) else answer).detach().float().cpu()
    if image.ndim == 3 and image.shape[-1] == 3:
        image = 2 * image.permute(2, 0, 1) - 1
    return image.reshape(1, *image.shape[-3:])


def noise() -> Tensor:
    return torch.randn(1, 3, 64, 64).to(device)


def sample(text: str, scale: float | None, timesteps: list[int] = TIMESTEPS) -> Tensor:
    """From pure noise; `scale` None for the loop without guidance."""
    stage_1.scheduler.set_timesteps(timesteps=timesteps)
    if scale is None:
        return to_image(sampling.iterative_denoise(noise(), 0, prompt(text), timesteps, display=False))
    return to_image(sampling.iterative_denoise_cfg(noise(), 0, prompt(text), prompt(""), timesteps, scale=scale, display=False))


def edit(image: Tensor, i_start: int, text: str) -> Tensor:
    return to_image(sampling.sdedit(image.clone(), i_start, prompt(text), prompt(""), TIMESTEPS, scale=SCALE, display=False))


def frames(text: str) -> list[Tensor]:
    """The states of a guided sampling, by calls of your loop for one step each."""
    x, states = noise(), []
    for now in range(len(TIMESTEPS) - 1):
        states.append(x.cpu())
        x = to_image(sampling.iterative_denoise_cfg(x, 0, prompt(text), prompt(""), TIMESTEPS[now : now + 2], scale=SCALE, display=False)).to(device)
    return [*states, x.cpu()]


# How figures look


def grid(rows: list[list[Tensor]], row_titles: list[str], column_titles: list[str], caption: str) -> Figure:
    """Rows of images, (1, 3, H, W) in [−1, 1] each; titles on the left and above, "" for none."""
    columns = max(map(len, rows))
    left = 0.075 * max(max(map(len, title.split("\n"))) for title in row_titles)
    figure = Figure(figsize=(1.25 * columns + left + 0.2, 1.25 * len(rows) + 0.28 * bool(column_titles) + 0.55), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for row, panels, title in zip(rows, axes, row_titles):
        for image, ax in zip(row, panels):
            ax.imshow(pixels(image), interpolation="nearest")
        panels[0].text(-0.08, 0.5, title, transform=panels[0].transAxes, ha="right", va="center", fontsize=9, color=INK)
    for ax, title in zip(axes[0], column_titles):
        ax.set_title(title, fontsize=9, color=INK)
    where = f"{caption} Model: {NAMES[model_name]}; seed {SEED}."
    figure.supxlabel(textwrap.fill(where, max(40, int(17 * figure.get_figwidth()))), fontsize=8, color="#666666")
    return figure


def pixels(image: Tensor) -> np.ndarray:
    """(H, W, 3) in [0, 1]."""
    return ((image[0].cpu().float().clamp(-1, 1) + 1) / 2).permute(1, 2, 0).numpy()


# The figures


def prompts() -> Figure:
    """Part 0: three prompts, in more and fewer steps."""
    counts, rows = (2, 4, 8, 16, 33), []
    for count in counts:
        times = [*np.linspace(990, 0, count + 1).round().astype(int).tolist()]
        rows.append([sample(text, SCALE, times) for text in SAMPLED])
    stage_1.scheduler.set_timesteps(timesteps=TIMESTEPS)
    return grid(rows, [f"{count} steps" for count in counts], [textwrap.fill(text, 16) for text in SAMPLED], f"Guided samples, γ = {SCALE}.")


def forward() -> Figure:
    x = own("test").image.to(device)
    noisy = [sampling.forward(x.clone(), t) for t in (250, 500, 750)]
    return grid([[x, *noisy]], [""], ["clean", "t = 250", "t = 500", "t = 750"], "The forward process on the test image.")


def denoising() -> Figure:
    """1.2 to 1.4: blur, one step, many steps, from the same noisy images."""
    x, starts = own("test").image.to(device), (250, 500, 750)
    stage_1.scheduler.set_timesteps(timesteps=TIMESTEPS)
    noisy = [sampling.forward(x.clone(), t) for t in starts]
    blurred = [to_image(sampling.classical_denoise(z.clone(), kernel_size=7, sigma=2.0)) for z in noisy]
    one = [to_image(sampling.one_step_denoise(z.clone(), t, prompt(QUALITY))) for z, t in zip(noisy, starts)]
    nearest = [min(range(len(TIMESTEPS)), key=lambda i: abs(TIMESTEPS[i] - t)) for t in starts]
    many = [to_image(sampling.iterative_denoise(z.clone(), i, prompt(QUALITY), TIMESTEPS, display=False)) for z, i in zip(noisy, nearest)]
    titles = ["clean", "noisy", "Gaussian blur", "one step", "iterative"]
    return grid([[x] * 3, noisy, blurred, one, many], titles, [f"t = {t}" for t in starts], "Blur: kernel 7, σ = 2.")


def on_the_way() -> Figure:
    """1.4: the noisy image after every fifth step."""
    i_start = 10
    stage_1.scheduler.set_timesteps(timesteps=TIMESTEPS)
    x = sampling.forward(own("test").image.to(device), TIMESTEPS[i_start])
    shown, titles = [], []
    for now in range(i_start, len(TIMESTEPS) - 1):
        if (now - i_start) % 5 == 0:
            shown.append(x)
            titles.append(f"t = {TIMESTEPS[now]}")
        x = to_image(sampling.iterative_denoise(x, 0, prompt(QUALITY), TIMESTEPS[now : now + 2], display=False)).to(device)
    return grid([[*shown, x]], [""], [*titles, "result"], f"iterative_denoise from i_start = {i_start}.")


def samples() -> Figure:
    """1.5: five, without guidance."""
    return grid([[sample(QUALITY, None) for _ in range(5)]], [""], [], f"“{QUALITY}”, without guidance.")


def guided() -> Figure:
    """1.6: five, with guidance."""
    return grid([[sample(QUALITY, SCALE) for _ in range(5)]], [""], [], f"“{QUALITY}”, γ = {SCALE}.")


def edits() -> Figure:
    """1.7: the test image and two of your own, at six noise levels."""
    return _edited([own("test"), own("photo_1"), own("photo_2")], [QUALITY] * 3)


def edited_drawings() -> Figure:
    """1.7.1: two hand-drawn pictures."""
    return _edited([own("drawing_1"), own("drawing_2")], [QUALITY] * 2)


def edited_with_prompts() -> Figure:
    """1.7.3: towards another prompt."""
    return _edited([own("test"), own("photo_1"), own("photo_2")], list(NEW_CONTENT))


def _edited(pictures: list[Own], texts: list[str]) -> Figure:
    stage_1.scheduler.set_timesteps(timesteps=TIMESTEPS)
    rows = [[*(edit(one.image.to(device), level, text) for level in LEVELS), one.image] for one, text in zip(pictures, texts)]
    titles = [one.name + ("" if text == QUALITY else "\n→ " + textwrap.fill(text, 18)) for one, text in zip(pictures, texts)]
    return grid(rows, titles, [*(f"i_start = {level}" for level in LEVELS), "original"], f"SDEdit with “{QUALITY}”, γ = {SCALE}."
                if set(texts) == {QUALITY} else f"SDEdit towards a prompt, γ = {SCALE}.")  # fmt: skip


def inpainting() -> Figure:
    """1.7.2: the test image and two of your own, each with a hole of its own."""
    stage_1.scheduler.set_timesteps(timesteps=TIMESTEPS)
    rows, pictures = [], [own("test"), own("photo_1"), own("photo_2")]
    for one, (top, bottom, left, right) in zip(pictures, ((6, 28, 16, 48), (4, 34, 12, 52), (34, 60, 14, 50))):
        x, mask = one.image.to(device), torch.zeros(1, 3, 64, 64, device=device)
        mask[:, :, top:bottom, left:right] = 1
        answer = sampling.inpaint(x.clone(), mask, prompt(QUALITY), prompt(""), TIMESTEPS, scale=SCALE, display=False)
        rows.append([x, 2 * mask - 1, x * (1 - mask) - mask, to_image(answer)])
    return grid(rows, [one.name for one in pictures], ["image", "mask", "to fill", "inpainted"], f"“{QUALITY}”, γ = {SCALE}.")


def illusions() -> Figure:
    """1.8: each picture, and the same upside down."""
    return _pairs(sampling.make_flip_illusion, ILLUSIONS, lambda x: x.flip(-2), "upside down", "Visual anagrams")


def hybrids() -> Figure:
    """1.9: each picture from near and, made small, from far."""

    def far(x: Tensor) -> Tensor:
        small = torch.nn.functional.interpolate(x, size=(14, 14), mode="bilinear", antialias=True)
        return torch.nn.functional.pad(small, (25, 25, 25, 25), value=1.0)

    return _pairs(sampling.make_hybrids, HYBRIDS, far, "from far", "Hybrids: low frequencies of the first prompt, high of the second")


def _pairs(function: Callable, pairs, turned: Callable[[Tensor], Tensor], column: str, caption: str) -> Figure:
    stage_1.scheduler.set_timesteps(timesteps=TIMESTEPS)
    rows = []
    for one, other in pairs:
        tried = [to_image(function(noise(), 0, prompt(one), prompt(other), prompt(""), TIMESTEPS, scale=SCALE, display=False)) for _ in range(3)]
        rows.append([picture for x in tried for picture in (x, turned(x))])
    titles = [textwrap.fill(one, 18) + "\n+ " + textwrap.fill(other, 18) for one, other in pairs]
    return grid(rows, titles, ["result", column] * 3, f"{caption}; γ = {SCALE}, three tries.")


def enlarged() -> Figure:
    """A guided sample, and what `upsample` makes of it."""
    x = sample(SAMPLED[0], SCALE)
    return grid([[x, upsample(x.to(device), prompt(SAMPLED[0]))]], [""], ["64 × 64", "256 × 256"], f"“{SAMPLED[0]}”, γ = {SCALE}.")


def sampling_gif() -> list[Image.Image]:
    """From noise to the prompts of the samples, side by side."""
    states = [frames(text) for text in SAMPLED]
    together = [torch.cat(images, dim=3) for images in zip(*states)]
    pictures = [Image.fromarray((pixels(image) * 255).round().astype(np.uint8)) for image in together]
    return [picture.resize((3 * picture.width, 3 * picture.height), Image.Resampling.NEAREST) for picture in pictures]


FIGURES: dict[str, Callable] = {
    "prompts": prompts, "forward": forward, "denoising": denoising, "on_the_way": on_the_way, "samples": samples, "guided": guided, "edits": edits,
    "edited_drawings": edited_drawings, "edited_with_prompts": edited_with_prompts, "inpainting": inpainting, "illusions": illusions,
    "hybrids": hybrids, "enlarged": enlarged, "sampling": sampling_gif,
}  # fmt: skip


def make(name: str) -> Path:
    """Draw a figure with the seed, and keep it in results/. Whatever your functions raise comes through."""
    seed_everything(SEED)
    drawn = FIGURES[name]()
    RESULTS.mkdir(exist_ok=True)
    if isinstance(drawn, Figure):
        path = RESULTS / f"{name}.png"
        drawn.savefig(path, dpi=130)
    else:
        path = RESULTS / f"{name}.gif"
        drawn[0].save(path, save_all=True, append_images=drawn[1:], duration=[80] * (len(drawn) - 1) + [2000], loop=0)
    return path
