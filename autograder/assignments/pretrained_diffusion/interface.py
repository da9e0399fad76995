"""Berkeley's names: functions of one module around the globals of a notebook, which the grader gives them in place of the real model.

A function is called as the course writes it: positions as there, `scale` and `display` by name where they have these names. Prompts come as two
arguments, a tuple, a list or a dictionary: whichever the code can take.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from autograder.grading.checks import Carry, Floats, Note
from autograder.grading.seeds import Draw
from autograder.judges.borrowed import FRAMES, UPRIGHT, Answers, Borrowed, Step
from autograder.judges.expectations import expect_kept, f32
from autograder.judges.results import arrays_in, image_in
from autograder.judges.strided import CLIPPED, Run, Term
from autograder.oracles.blur import gaussian_blur
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Student

FILE, SHAPE = "sampling", (3, 64, 64)
EMBEDDING = (77, 8)  # in the place of (77, 4096)
TIMESTEPS = 1000
KERNEL, SIGMA = 33, 2.0
SHOWS, SHOWN_BY = "mediapy", ("show_image", "show_images", "show_video", "show_videos", "write_image")  # with which notebooks show pictures
PROMPT, UNCOND, FIRST, SECOND = "prompt_embeds", "uncond_prompt_embeds", "prompt_embeds_1", "prompt_embeds_2"
SAMPLE_PROMPT = "a high quality photo"
TITLES = (
    "an oil painting of a snowy mountain village", "a photo of the amalfi cost", "a photo of a man", "a photo of a hipster barista",
    "a photo of a dog", "an oil painting of people around a campfire", "an oil painting of an old man", "a lithograph of waterfalls",
    "a lithograph of a skull", "a man wearing a hat", SAMPLE_PROMPT, "", "a rocket ship", "a pencil",
)  # fmt: skip


def low_pass(image: Floats) -> Floats:
    return gaussian_blur(image, KERNEL, SIGMA)


def high_pass(image: Floats) -> Floats:
    return image - low_pass(image)


def alphas_cumprod(draw: Draw) -> Floats:
    """A secret ᾱ_0 … ᾱ_999 that goes down from 0.97 … 0.99 to 0.03 … 0.07, as float32 has it."""
    u = np.linspace(0, 1, TIMESTEPS) ** draw.uniform(0.9, 1.15)
    top, span = draw.uniform(3.6, 4.4), draw.uniform(6.7, 7.1)
    table: Floats = (1 / (1 + np.exp(span * u - top))).astype(np.float32).astype(np.float64)
    return table


def timesteps(draw: Draw, count: int) -> list[int]:
    """So many secret t, down to 0, at least 60 apart."""
    gaps = 60 + draw.generator.multinomial(990 - 60 * (count - 1), np.ones(count - 1) / (count - 1))
    return [int(t) for t in np.cumsum(gaps)[::-1]] + [0]


# The estimates of the course's loops


def _guided(prompt: str, name: str, share: float = 1.0, frame: str = UPRIGHT, filtered: Callable[[Floats], Floats] = lambda eps: eps) -> list[Term]:
    """The two terms of a guided estimate that counts for `share`. `name`: "{}_1" with "{}" for ε_c and ε_u."""
    return [
        Term(name.format("ε_c"), prompt, lambda scale: share * scale, frame, filtered),
        Term(name.format("ε_u"), UNCOND, lambda scale: share * (1 - scale), frame, filtered),
    ]


PLAIN = (Term("ε", PROMPT, lambda scale: 1.0),)
GUIDED = tuple(_guided(PROMPT, "{}"))


def illusion(upright: str, turned: str, frame: str) -> tuple[Term, ...]:
    return (*_guided(upright, "{} of x", 0.5), *_guided(turned, "{} of the flipped x", 0.5, frame))


def hybrid(low: str, high: str) -> tuple[Term, ...]:
    """Without a bound on the rest: the low pass and the high pass of each answer."""
    return (
        Term("low pass of ε_c for prompt 1", low, lambda scale: scale, filtered=low_pass),
        Term("low pass of ε_c for prompt 2", high, lambda scale: 0.0, filtered=low_pass),
        Term("low pass of ε_u", UNCOND, lambda scale: 1 - scale, filtered=low_pass),
        Term("high pass of ε_c for prompt 1", low, lambda scale: 0.0, filtered=high_pass),
        Term("high pass of ε_c for prompt 2", high, lambda scale: scale, filtered=high_pass),
        Term("high pass of ε_u", UNCOND, lambda scale: 1 - scale, filtered=high_pass),
    )


def answers(draw: Draw, scale: float, kind: str) -> Answers:
    """ε for each prompt and frame of a step, such that a right ε̂ is `step.right`: kind "plain", "guided", "illusion" or "hybrid"."""

    def target(step: Step, name: str) -> Floats:
        """What the guided estimate of a branch must be."""
        if kind == "hybrid":  # L H v − H L v = 0
            v = step.memory.setdefault("v", 0.5 * draw.normal(*step.x.shape))
            return step.right + (high_pass(v) if name == FIRST else -low_pass(v))
        if kind == "illusion":
            offset = step.memory.setdefault("offset", 0.3 * draw.normal(*step.x.shape))
            return step.right + (offset if name == FIRST else -offset)
        return step.right

    def answer(step: Step, frame: str, prompt: str) -> Floats:
        branch = UPRIGHT if frame == UPRIGHT or kind != "illusion" else frame
        right_prompt = {"illusion": FIRST if branch == UPRIGHT else SECOND}.get(kind, prompt)
        key = (branch, "none")
        none = step.memory.setdefault(key, 0.25 * scale * draw.normal(*step.x.shape))
        goal = target(step, right_prompt)
        if kind == "plain":
            upright = goal if prompt == PROMPT else goal + none
        elif prompt == UNCOND:
            upright = (step.right if kind == "hybrid" else goal) + none
        elif prompt == right_prompt:
            unconditional = (step.right if kind == "hybrid" else goal) + none
            upright = unconditional + (goal - unconditional) / scale
        else:
            upright = goal + step.memory.setdefault((branch, prompt), 0.3 * draw.normal(*step.x.shape))
        return FRAMES[branch](upright)

    return answer


@dataclass
class Course:
    """One submission's module around a model of the grader's, for one check."""

    student: Student
    draw: Draw
    kind: str = "plain"
    scale: float = 1.0
    frames: tuple[str, ...] = (UPRIGHT,)
    titles: Mapping[str, str] = field(default_factory=lambda: {"": UNCOND})  # of which prompts, in prompt_embeds_dict
    swapped: bool = False  # a dictionary has the two prompts in another order
    table: Floats | None = None  # ᾱ, where it is that of another run
    model: Borrowed = field(init=False)

    def __post_init__(self) -> None:
        self.alphas_cumprod = alphas_cumprod(self.draw) if self.table is None else self.table
        names = {"plain": (PROMPT,), "guided": (PROMPT, UNCOND)}.get(self.kind, (FIRST, SECOND, UNCOND))
        self.prompts = {name: self.draw.normal(*EMBEDDING) for name in names}
        self.model = Borrowed(self.alphas_cumprod, self.draw, self.prompts, answers(self.draw, self.scale, self.kind), frames=self.frames)

    @cached_property
    def module(self) -> Handle:
        """sampling.py, run anew with the course's globals."""
        student, table = self.student, f32(self.alphas_cumprod)
        embeddings = {title: self.prompts.get(self.titles.get(title, "")) for title in TITLES}
        dictionary = {title: f32((self.draw.normal(*EMBEDDING) if value is None else value)[None]) for title, value in embeddings.items()}
        scheduler = student.namespace(
            alphas_cumprod=table, alphas=table / np.concatenate([[np.float32(1)], table[:-1]]), timesteps=np.arange(990, -1, -30),
            set_timesteps=student.function(lambda *_, **__: None),
        )  # fmt: skip
        course = {
            "stage_1": student.namespace(unet=student.network(self.model.unet), scheduler=scheduler),
            "alphas_cumprod": table,
            "device": student.module("torch").later("device", "cpu"),
            "stage_2": None,
            "model_name": "small",
            "add_variance": student.function(self.model.add_variance),
            "prompt_embeds_dict": dictionary,
            "upsample": student.function(lambda image, *_, **__: image),
            "process_pil_im": student.function(lambda image, *_, **__: image),
            "seed_everything": student.function(lambda *_, **__: None),
            "make_prompt_embeds": student.function(lambda title, *_: dictionary.get(title)),
        }
        if any(SHOWS.encode() in content for content in student.files.values()):
            student.once(SHOWS, lambda: student.stand_in(SHOWS, **dict.fromkeys(SHOWN_BY, student.function(lambda *_, **__: None))))
        student.stand_in("model", **course)
        return student.module_with(FILE, **course)

    # Calls

    def parameters(self, name: str) -> tuple[str, ...]:
        """The names of what a function takes; () for one that cannot be looked at."""

        def look() -> tuple[str, ...]:
            try:
                function = self.student.module("inspect").new("unwrap", self.module.part(name))
                code = function.part("__code__")
                count, only, names = code.get("co_argcount"), code.get("co_kwonlyargcount"), code.get("co_varnames")
                return tuple(map(str, names[: count + only]))
            except (Raised, TypeError):
                return ()

        return self.student.once(f"parameters of {name}", look)

    def embedding(self, name: str) -> Any:
        return f32(self.prompts[name][None])

    def call(self, name: str, *arguments: Any, scale: float | None = None, shows: bool = True) -> Handle:
        """What a function returns, kept in the worker. With the seed that the check has set."""
        takes = self.parameters(name)
        positional, named = [*arguments], {}
        if scale is not None:
            if "scale" in takes or not takes:
                named["scale"] = scale
            elif len(takes) > len(positional) and takes[len(positional)] != "display":
                positional.append(scale)
        if shows and ("display" in takes or not takes):
            named["display"] = False
        return self.module.new(name, *positional, **named)

    def call_with_two(self, name: str, image: Any, i_start: int, visits: Sequence[int], scale: float) -> Handle:
        """A function of two prompts, in the first form that it can take. Raises what the first form has raised, where it can take none."""
        first: Raised | None = None
        for prompts in self._forms_of_two(name):
            try:
                return self.call(name, image, i_start, *prompts, self.embedding(UNCOND), visits, scale=scale)
            except Raised as error:
                if error.type_name == "NotImplementedError":
                    raise
                first = first or error
        assert first is not None
        raise first

    def takes_apart(self, name: str) -> bool:
        """Whether a function takes its two prompts as two arguments."""
        takes = self.parameters(name)
        nulls = [place for place, parameter in enumerate(takes) if "uncond" in parameter or "null" in parameter or "neg" in parameter]
        return nulls[0] == 4 if nulls else len(takes) > 7 or not takes

    def _forms_of_two(self, name: str) -> list[list[Any]]:
        one, two = self.embedding(FIRST), self.embedding(SECOND)
        if self.takes_apart(name):
            return [[one, two]]
        keys = self.keys(name)
        return [[(one, two)], [[one, two]], [dict(zip(keys[::-1] if self.swapped else keys, (one, two)))]]

    def keys(self, name: str) -> list[str]:
        """Of a dictionary with the two prompts: the texts in the function's code, in their order, that may be keys."""
        try:
            found = self.student.module("inspect").new("unwrap", self.module.part(name)).get("__code__.co_consts")
        except Raised:
            found = ()
        texts = [text for text in found if isinstance(text, str) and 0 < len(text) < 40 and "\n" not in text and text != "cpu"]
        return [*texts, FIRST, SECOND][:2]

    def stand_in_for(self, name: str, carry: Carry, function: Callable[..., Any]) -> bool:
        """Where a region is known to be wrong, its function is the grader's from now on."""
        if not carry.stands_in_for(f"{FILE}.py:{name}"):
            return False
        self.module.set(name, self.student.function(function))
        return True

    # Runs

    def image(self, handle: Handle, name: str) -> tuple[Floats, Floats]:
        """The image that a function returned, and which of its pixels count."""
        image, picture = image_in(arrays_in(self.student, handle), SHAPE, name)
        clipped = picture or abs(image).max() <= 1
        return image, (abs(image) < CLIPPED).astype(np.float64) if clipped else np.ones(SHAPE)

    def run(self, name: str, start: Floats, i_start: int, visits: list[int], terms: Callable[[], Sequence[Term]]) -> Run:
        """One run of a loop that is given an image. `terms`: asked for when it has run."""
        self.model.start = start
        given = self.given(start)
        if self.kind in ("illusion", "hybrid"):
            handle = self.call_with_two(name, given, i_start, visits, self.scale)
        else:
            prompts = [self.embedding(p) for p in self.prompts]
            handle = self.call(name, given, i_start, *prompts, visits, scale=None if self.kind == "plain" else self.scale)
        result, inside = self.image(handle, name)
        return Run(
            name, self.model, visits[i_start:], terms(), self.scale, result, inside,
            expect_kept=lambda note: self.expect_kept(given, start[None], name, note),
        )  # fmt: skip

    def given(self, image: Floats) -> Handle:
        """A tensor in the worker, (1, C, H, W), of its own memory."""
        return self.batch(image[None])

    def batch(self, images: Floats) -> Handle:
        return self.student.module("torch").later("clone", f32(images))

    def expect_kept(self, given: Handle, image: Floats, name: str, note: Note, what: str = "the image") -> None:
        """Raises WrongAnswer where a tensor that was handed out holds other numbers now."""
        message = f"{name} must leave {what} that it is given as it is; yours changes it in place, so that the caller's is changed too."
        expect_kept(given, f32(image), what, note, message)


def reference_forward(table: Floats, numbers: np.random.Generator) -> Callable[..., Any]:
    """√ᾱ_t im + √(1 − ᾱ_t) ε, to stand in for `forward`."""

    def forward(im: Any, t: Any, *_: Any) -> Any:
        alpha_bar = table[int(np.clip(np.asarray(t).ravel()[0], 0, len(table) - 1))]
        return (np.sqrt(alpha_bar) * im + np.sqrt(1 - alpha_bar) * numbers.standard_normal(im.shape)).astype(im.dtype)

    return forward
