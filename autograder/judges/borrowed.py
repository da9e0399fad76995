"""A borrowed model: the network and the noise of a sampling loop whose steps are the student's own, both answered by the grader.

All that is random crosses the boundary: the network is asked with x_t, t and a prompt, and `add_variance(variance, t, image)` gives back the image
with noise. So every step of a loop is on record, and from one state to the next nothing is left to chance:

    x_t′ = a x_t − b ε̂ + v,     ε̂ a sum of what the network has answered, v what `add_variance` has added

The answers of each step belong to a field x_0 well within the range of the data, such that the estimate of x_0 of a right loop is that field, and a
clamp does no harm.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges.network import as_state, as_timesteps
from autograder.judges.signature import Signature, as_diffusers
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import GraderHangup
from autograder.sandbox.proxies import describe

SIGNATURE = Signature(
    ("x", "t", "c", "return_dict"),
    {"return_dict": True},
    {"encoder_hidden_states": "c", "sample": "x", "timestep": "t", "prompt_embeds": "c"},
    as_diffusers,
)
UPRIGHT, DOWN, TURNED, MIRRORED, RECOLOURED = "as it is", "upside down", "turned by a half", "mirrored", "with its channels turned round"
FRAMES: Mapping[str, Callable[[Floats], Floats]] = {  # of an image, (…, H, W); each is its own inverse
    UPRIGHT: lambda x: x,
    DOWN: lambda x: x[..., ::-1, :],
    TURNED: lambda x: x[..., ::-1, ::-1],
    MIRRORED: lambda x: x[..., ::-1],
    RECOLOURED: lambda x: x[..., ::-1, :, :],
}
WITHIN = 0.9  # of the range −1 … 1: where the fields x_0 lie
SAME_STATE, SAME_PROMPT = 2e-3, 0.02  # half precision rounds by 5e-4; prompts are about 1 apart
SPREAD_OF_NOISE = (0.15, 0.3)  # of v, with which `add_variance` answers
MOST_STEPS = 60

Answers = Callable[["Step", str, str], Floats]  # (step, frame, prompt) → ε, in the frame


@dataclass(frozen=True)
class Asked:
    """One image that the network was asked about. `prompt`: its name, None for one that nobody has given."""

    frame: str
    prompt: str | None
    eps: Floats  # (C, H, W), in the frame
    variance: Floats


@dataclass(frozen=True)
class Added:
    """One call of `add_variance`."""

    variance: Floats
    t: float
    image: Floats  # (C, H, W)
    noise: Floats


@dataclass
class Step:
    """What was asked about one state at one t, and the noise that was added then. `right`: ε for which x̂_0 is the field of this step."""

    number: int
    t: float
    x: Floats  # (C, H, W), upright
    right: Floats
    asked: list[Asked] = field(default_factory=list)
    added: list[Added] = field(default_factory=list)
    memory: dict[Any, Floats] = field(default_factory=dict)  # what the answers of this step are made of
    rounded: bool = False  # whether something came in half precision

    def find(self, frame: str, prompt: str) -> Asked | None:
        """Where a single question has been asked, with a prompt that nobody has given, it counts for any: the prompt is judged elsewhere."""
        if len(self.asked) == 1 and self.asked[0].prompt is None:
            return self.asked[0]
        return next((one for one in self.asked if (one.frame, one.prompt) == (frame, prompt)), None)

    @property
    def noise(self) -> Floats:
        return sum((one.noise for one in self.added), np.zeros_like(self.x))


@dataclass
class Borrowed:
    """The two functions, and the record of their calls. `prompts`: embeddings by name; `frames`: in which a state may be asked about."""

    alphas_cumprod: Floats
    draw: Draw
    prompts: Mapping[str, Floats]
    answers: Answers
    start: Floats | None = None  # the state of the first step, where it is known, (C, H, W)
    frames: tuple[str, ...] = (UPRIGHT,)
    steps: list[Step] = field(default_factory=list)
    early: list[Added] = field(default_factory=list)  # noise that was added before the network was asked
    due: Floats | None = None  # the last image with noise

    # The network

    def unet(self, *args: Any, **kwargs: Any) -> Any:
        """(B, 2 C, H, W) for x, (B, C, H, W), in the form of the course. Raises WrongAnswer for what is no image, or NaN."""
        given = SIGNATURE.bind(args, kwargs)
        x = as_state(given["x"], "The image that stage_1.unet is given", "The image that stage_1.unet is given")
        expect(x.ndim == 4 and x.shape[1] == 3, f"stage_1.unet takes images, (B, 3, H, W); yours was given shape {x.shape}.")
        t = as_timesteps(given["t"], len(x), "The t that stage_1.unet is given")
        prompts = self._prompts(given["c"], len(x))
        half = given["x"].dtype.itemsize < 4
        answers = []
        for row, time, prompt in zip(x, t, prompts):
            asked = self._ask(row, float(time), prompt, half)
            answers.append(np.concatenate([asked.eps, asked.variance]))
        return SIGNATURE.result(np.stack(answers).astype(np.float32), given)

    def _ask(self, x: Floats, t: float, prompt: str | None, half: bool) -> Asked:
        step, frame = self._step_of(x, t)
        step.rounded |= half
        known = next((one for one in step.asked if (one.frame, one.prompt) == (frame, prompt)), None)
        if known is None or prompt is None:
            eps = FRAMES[frame](step.right) if prompt is None else self.answers(step, frame, prompt)
            variance = self.draw.uniform(-1, 1, *x.shape)
            kind = np.float16 if half else np.float32
            known = Asked(frame, prompt, eps.astype(kind).astype(np.float64), variance.astype(kind).astype(np.float64))
            step.asked.append(known)
        return known

    def _step_of(self, x: Floats, t: float) -> tuple[Step, str]:
        """The present step where it is about this state at this t, in some frame; else the next one."""
        if self.steps and not self.steps[-1].added and self.steps[-1].t == t and self.steps[-1].x.shape == x.shape:
            step = self.steps[-1]
            for frame in self.frames:
                if near(FRAMES[frame](x), step.x, SAME_STATE * (1 + abs(step.x))):
                    return step, frame
        if len(self.steps) >= MOST_STEPS:
            raise WrongAnswer(
                f"The grader stopped your code after {MOST_STEPS} steps: its timesteps are fewer than ten. Look for timesteps that are written into "
                "the code, or a loop that does not end."
            )
        frame = self._frame_of(x)
        upright = FRAMES[frame](x)
        row = int(np.clip(round(t), 0, len(self.alphas_cumprod) - 1))
        alpha_bar = self.alphas_cumprod[row]
        x0 = self.draw.uniform(-WITHIN, WITHIN, *x.shape)
        right = (upright - np.sqrt(alpha_bar) * x0) / np.sqrt(1 - alpha_bar)
        self.steps.append(Step(len(self.steps), t, upright, right))
        return self.steps[-1], frame

    def _frame_of(self, x: Floats) -> str:
        """Of the first question about a state: the frame in which the last step, or the start, explains most of it."""
        known = [self.start] if self.start is not None else []
        due = self.start if self.due is None else self.due
        if len(self.frames) > 1 and due is not None and due.shape == x.shape:
            for frame in self.frames:
                if near(FRAMES[frame](x), due, SAME_STATE * (1 + abs(due))):
                    return frame
        if self.steps:
            last = self.steps[-1]
            known = [last.x, *([last.noise] if last.added else []), *(FRAMES[one.frame](one.eps) for one in last.asked)]
        if len(self.frames) == 1 or not known or known[0].shape != x.shape:
            return self.frames[0]
        design = np.stack([one.ravel() for one in known], axis=1)

        def left(frame: str) -> float:
            target = FRAMES[frame](x).ravel()
            found, *_ = np.linalg.lstsq(design.T @ design, design.T @ target, rcond=1e-9)
            return float(((target - design @ found) ** 2).sum())

        return min(self.frames, key=left)

    def _prompts(self, value: Any, rows: int) -> list[str | None]:
        """The names of the prompts of so many images. Raises WrongAnswer for what is no embedding."""
        shape = next(iter(self.prompts.values())).shape
        given = value[None] if isinstance(value, np.ndarray) and value.shape == shape else value
        if not isinstance(given, np.ndarray) or given.shape[1:] != shape or len(given) not in (1, rows):
            raise WrongAnswer(
                "The encoder_hidden_states that stage_1.unet is given must be the embedding of a prompt for each image, (B, "
                f"{', '.join(map(str, shape))}) here; yours are {describe(value)}."
            )
        names = [next((name for name, prompt in self.prompts.items() if near(row, prompt, SAME_PROMPT)), None) for row in given.astype(np.float64)]
        return names * rows if len(names) == 1 else names

    # The noise

    def add_variance(self, predicted_variance: Any, t: Any, image: Any) -> Any:
        """The image with the grader's noise. Raises WrongAnswer for what is no variance of this image, or NaN."""
        x = as_state(image, "The image that add_variance is given", "The image that add_variance is given")
        if not isinstance(predicted_variance, np.ndarray) or predicted_variance.shape != image.shape:
            raise WrongAnswer(
                f"add_variance(predicted_variance, t, image) must be given a variance of the shape of the image, {image.shape}; yours is "
                f"{describe(predicted_variance)}."
            )
        variance = as_state(predicted_variance, "The variance", "The variance that add_variance is given")
        time = as_timesteps(t, 1, "The t that add_variance is given")
        kind = np.float16 if image.dtype == np.float16 else np.float32
        noise = (self.draw.uniform(*SPREAD_OF_NOISE) * self.draw.normal(*x.shape)).astype(kind).astype(np.float64)
        if len(self.steps) >= MOST_STEPS and len(self.steps[-1].added) > MOST_STEPS:
            raise GraderHangup("add_variance was called too often")
        record = self.steps[-1].added if self.steps else self.early
        record += [Added(*one) for one in zip(variance, np.full(len(x), time[0]), x, noise)]
        if self.steps:
            self.steps[-1].rounded |= kind is np.float16
            self.due = (x + noise)[0]
        return (x + noise).astype(kind)
