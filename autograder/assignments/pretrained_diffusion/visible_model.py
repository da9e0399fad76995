"""A made-up model for the visible checks, in the place of model.py: its answers are plain sums of x and of a number for each prompt, its table
of ᾱ a straight line, and its noise none at all but a share of the variance, so that every x of a loop can be compared.

All is the same to the left and to the right, so that a half turn is as good as a flip for a picture upside down.
"""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import torch

from autograder.kit.checks import Code, WrongAnswer, describe, expect, expect_tensor

ONE, TWO, NULL = "prompt_embeds, or prompt 1", "prompt 2", "uncond_prompt_embeds"
_SLOPES = {ONE: 0.25, TWO: -0.15, NULL: 0.1}  # of x in an answer
_OFFSETS = {ONE: 0.02, TWO: -0.03, NULL: 0.01}
_TOP = torch.arange(64)[:, None] / 640  # grows from top to bottom


def start() -> torch.Tensor:
    """An x, (1, 3, 64, 64), the same to the left and to the right, within ±0.3."""
    rows, columns = torch.arange(64)[:, None], (torch.arange(64) - 31.5).abs()
    return torch.stack([0.3 * torch.sin(0.2 * rows + 0.15 * (channel + 1) * columns) for channel in range(3)])[None]


class MadeUp:
    """The model, and what it was asked. `variance_of_prompt`: whether each prompt has a variance of its own."""

    def __init__(self, variance_of_prompt: bool = True):
        self.prompts = {name: torch.full((1, 77, 16), float(number)) for number, name in enumerate(_SLOPES, 1)}
        self.asked: list[tuple[int, str, torch.Tensor]] = []
        self.variance_of_prompt = variance_of_prompt
        self.alphas_cumprod = torch.linspace(0.98, 0.1, 1000)

    def sampling(self, code: Code) -> ModuleType:
        """sampling.py around this model."""
        module, unet = ModuleType("model"), _Network(self)
        alphas = self.alphas_cumprod / torch.cat([torch.ones(1), self.alphas_cumprod[:-1]])
        scheduler = SimpleNamespace(alphas_cumprod=self.alphas_cumprod, alphas=alphas, set_timesteps=lambda *_, **__: None)
        vars(module).update(
            stage_1=SimpleNamespace(unet=unet, scheduler=scheduler),
            alphas_cumprod=self.alphas_cumprod,
            device=torch.device("cpu"),
            add_variance=self.add_variance,
            prompt_embeds_dict={"a high quality photo": self.prompts[ONE], "": self.prompts[NULL]},
            upsample=lambda image, *_: image,
            process_pil_im=lambda image: image,
            seed_everything=torch.manual_seed,
            make_prompt_embeds=lambda _: self.prompts[ONE],
        )
        sys.modules["model"] = module
        sys.modules.pop("sampling", None)
        importlib.invalidate_caches()
        return code.module("sampling")

    def answer(self, x: torch.Tensor, t: Any, prompts: torch.Tensor) -> torch.Tensor:
        """(B, 6, H, W)."""
        is_batch = isinstance(x, torch.Tensor) and x.ndim == 4 and x.shape[1] == 3
        expect(is_batch, f"stage_1.unet takes images, (B, 3, H, W); yours was given {describe(x)}.")
        time, rows = int(torch.as_tensor(t).flatten()[0]), []
        for image, prompt in zip(x, prompts.expand(len(x), -1, -1)):
            number = int(prompt.float().mean().round()) - 1
            known = 0 <= number < len(_SLOPES)
            expect(known, "The network must be given the embeddings of a prompt that the function has been given; yours are others.")
            name = list(_SLOPES)[number]
            self.asked.append((time, name, image.detach().clone()))
            noise = _SLOPES[name] * image + _OFFSETS[name] + _TOP
            variance = 0.2 + (5 * _OFFSETS[name] if self.variance_of_prompt else 0) + 0 * image
            rows.append(torch.cat([noise, variance]))
        return torch.stack(rows).to(x.dtype)

    def add_variance(self, predicted_variance: torch.Tensor, t: Any, image: torch.Tensor) -> torch.Tensor:
        """Nothing is added in the last steps."""
        fits = predicted_variance.shape == image.shape
        expect(fits, f"add_variance takes a variance of the shape of the image; yours is {describe(predicted_variance)}.")
        return image + (0.3 * predicted_variance if int(torch.as_tensor(t).flatten()[0]) > 200 else 0)

    def states(self) -> list[torch.Tensor]:
        """The x that was asked about at each t, with the first prompt where there was one."""
        found: dict[int, torch.Tensor] = {}
        for t, _, x in sorted(self.asked, key=lambda one: (-one[0], one[1] != ONE)):
            found.setdefault(t, x.float())
        return list(found.values())

    def expect_asked(self, name: str, times: list[int], prompts: list[str]) -> None:
        """At each of the times, in order, with these prompts; one may be asked about more than once."""
        expect(self.asked, f"{name} must ask stage_1.unet; yours never asks it.")
        told = list(dict.fromkeys(t for t, _, _ in self.asked))
        expect(told == times, f"{name} must ask the network at t = {_listed(times)}; yours asks it at {_listed(told)}.")
        for time in times:
            mine = {prompt for t, prompt, _ in self.asked if t == time}
            missing = [prompt for prompt in prompts if prompt not in mine]
            expect(not missing, f"At t = {time} {name} must ask the network with {missing[0] if missing else ''} as well.")


class _Answer(NamedTuple):
    sample: torch.Tensor


class _Network(torch.nn.Module):
    def __init__(self, made_up: MadeUp):
        super().__init__()
        self.made_up, self.weight = made_up, torch.nn.Parameter(torch.ones(()))

    def forward(self, sample: Any, timestep: Any, encoder_hidden_states: Any = None, return_dict: bool = True, **_: Any) -> Any:
        answer = self.made_up.answer(sample, timestep, encoder_hidden_states) * self.weight.to(sample.dtype)
        return _Answer(answer) if return_dict else (answer,)


def _listed(times: list[int]) -> str:
    return ", ".join(map(str, times[:12])) or "no time at all"


def call(function: Callable[..., Any], *arguments: Any, scale: float | None = None) -> Any:
    """With `scale` and `display` by name, where the function has them."""
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ("scale", "display")
    options = {"display": False} if "display" in names else {}
    if scale is not None and "scale" in names:
        options["scale"] = scale  # type: ignore[assignment]
    elif scale is not None:
        arguments = (*arguments, scale)
    return function(*arguments, **options)


def call_with_two(made_up: MadeUp, function: Callable[..., Any], image: torch.Tensor, i_start: int, *rest: Any, scale: float) -> Any:
    """With the two prompts as two arguments, or as a tuple, a list or a dictionary, where that is how the function takes them."""
    one, two, null = (made_up.prompts[name] for name in (ONE, TWO, NULL))
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code else ()
    nulls = [place for place, name in enumerate(names) if "uncond" in name or "null" in name or "neg" in name]
    if not (nulls[0] == 3 if nulls else 0 < len(names) < 8):
        return call(function, image, i_start, one, two, null, *rest, scale=scale)
    keys = [text for text in code.co_consts if isinstance(text, str) and 0 < len(text) < 40] if code else []
    first: Exception | None = None
    for prompts in ((one, two), [one, two], dict(zip(keys, (one, two)))):
        made_up.asked.clear()
        try:
            return call(function, image, i_start, prompts, null, *rest, scale=scale)
        except (TypeError, KeyError, AttributeError, AssertionError) as error:
            first = first or error
    assert first is not None
    raise first


def as_image(answer: Any, shape: tuple[int, int, int], name: str) -> Any:
    """An image, (C, H, W) in −1 … 1, in any form in which a function may return it."""
    if isinstance(answer, (tuple, list)) and answer:
        answer = answer[0] if isinstance(answer, tuple) else answer[-1]
    if type(answer).__module__ == "numpy":
        answer = torch.as_tensor(answer)
    if not isinstance(answer, torch.Tensor):
        raise WrongAnswer(f"{name} must return an image of shape {(1, *shape)}; yours returned {describe(answer)}.")
    if tuple(answer.shape) == (*shape[1:], shape[0]):  # a picture, in 0 … 1
        answer = 2 * answer.permute(2, 0, 1) - 1
    return expect_tensor(answer.reshape(shape) if tuple(answer.shape) == (1, *shape) else answer, shape, f"The result of {name}")
