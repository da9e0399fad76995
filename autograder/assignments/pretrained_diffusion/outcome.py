"""What the student's functions draw with the given small model, in the worker, judged by a classifier of drawn pictures.

The given files are the solution's own, whatever was handed in. Where a function has a mistake that has cost its own task, the solution's
sampling.py stands in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autograder.assignments.pretrained_diffusion.interface import FIRST, PROMPT, SECOND, SHAPE, UNCOND, Course
from autograder.assignments.pretrained_diffusion.rule import Rule
from autograder.drawings.classifier import from_model
from autograder.drawings.drawings import CONTENTS, FLIP_PAIRS, draw
from autograder.drawings.samples import shown, upside_down
from autograder.grading.checks import Carry, Floats, Note, WrongAnswer, expect
from autograder.grading.outcome import OutcomeContext
from autograder.grading.seeds import Draw
from autograder.grading.standing_in import files_replaced
from autograder.grading.trained import TrainedOutcome
from autograder.report.image_figures import image_grid
from autograder.sandbox.proxies import Handle, Student

TIMESTEPS = [*range(990, 0, -30), 0]  # the course's
GLOBALS = (
    "stage_1", "alphas_cumprod", "device", "add_variance", "prompt_embeds_dict", "upsample", "process_pil_im", "seed_everything",
    "make_prompt_embeds",
)  # fmt: skip
HOLE = slice(18, 46), slice(18, 46)  # rows and columns


@dataclass
class Drawing(Course):
    """A submission's module around the given model, which runs in the worker too."""

    @cached_property
    def module(self) -> Handle:
        given = self.student.module("model")
        given.part("stage_1").part("scheduler").new("set_timesteps", timesteps=TIMESTEPS)
        return self.student.module_with("sampling", **{name: given.part(name) for name in GLOBALS})

    def asked_for(self, **prompts: str) -> None:
        """What the prompts are from now on."""
        for name, text in prompts.items():
            self.prompts[name] = self._embedding_of(text)

    def _embedding_of(self, text: str) -> Floats:
        answer = self.student.once(f"embedding of {text}", lambda: self.student.module("model").call("make_prompt_embeds", text))
        embedding: Floats = answer[0].astype(np.float64)
        return embedding


class Outcome(TrainedOutcome):
    """Draws when a check asks; what one check has found the report shows."""

    def __init__(self, context: OutcomeContext) -> None:
        super().__init__(context)
        self.rule = context.rule(Rule)
        self.students: dict[frozenset[str], Student] = {}  # the last one, by what was replaced
        self.attempt = 0

    def draw(self, purpose: str) -> Draw:
        """Other numbers in each attempt."""
        return super().draw(f"{purpose}, attempt {self.attempt}")

    # The checks

    def expect(self, check: Callable[[Note, Carry], None], note: Note, carry: Carry) -> None:
        """One of the checks below; a missed threshold is tried again with other numbers. Raises what the last attempt raises."""
        for attempt in range(self.rule.attempts):
            self.attempt = attempt
            try:
                return check(note, carry)
            except WrongAnswer:
                if attempt == self.rule.attempts - 1:
                    raise

    def expect_guided(self, note: Note, carry: Carry) -> None:
        """Guided samples show their prompts, and more often than those with γ = 0. Raises WrongAnswer, or StudentFailure."""
        course, source = self._course("guided", carry, "iterative_denoise_cfg")
        chosen = self.draw("prompts").generator.permutation(CONTENTS)
        prompts = [str(chosen[k % len(chosen)]) for k in range(self.rule.samples)]
        share = {}
        for scale in (self.rule.scale, 0.0):
            pictures = self._pictures([self._sample(course, prompt, scale, f"γ = {scale:g}, {k}") for k, prompt in enumerate(prompts)])
            share[scale] = float(shown(pictures, prompts).mean())
            caption = f"Guided samples{source}, γ = {scale:g}: {', '.join(prompts)}. {100 * share[scale]:.0f} % show it."
            self._show(pictures, caption, f"samples_{scale:g}")
        note("share without the prompt", 1 - share[self.rule.scale], 0.05)
        note("share with the prompt at γ = 0", share[0.0], 0.05)
        expect(
            1 - share[self.rule.scale] < self.rule.guided_misses,
            f"Of {len(prompts)} samples with γ = {self.rule.scale:g}{source}, a classifier must see the prompt in more than "
            f"{100 * (1 - self.rule.guided_misses):.0f} %; it does in {100 * share[self.rule.scale]:.0f} %. Look at the pictures.",
        )
        expect(
            share[self.rule.scale] - share[0.0] > self.rule.guidance_gain,
            f"Samples with γ = {self.rule.scale:g} must show their prompts much more often than those with γ = 0, which know no prompt; yours do in "
            f"{100 * share[self.rule.scale]:.0f} % and {100 * share[0.0]:.0f} %{source}.",
        )

    def expect_edits(self, note: Note, carry: Carry) -> None:
        """A late i_start keeps the picture, an early one shows the prompt. Raises WrongAnswer, or StudentFailure."""
        course, source = self._course("guided", carry, "forward", "iterative_denoise_cfg", "sdedit")
        contents = [str(one) for one in self.draw("edits").generator.permutation(CONTENTS)]
        originals, targets = contents[: self.rule.edits], contents[self.rule.edits : 2 * self.rule.edits]
        images = [self._drawn(content, f"edit {k}") for k, content in enumerate(originals)]
        late, early = [], []
        for k, (image, content, target) in enumerate(zip(images, originals, targets)):
            late.append(self._edited(course, image, self.rule.edit_late, content, f"late {k}"))
            early.append(self._edited(course, image, self.rule.edit_early, target, f"early {k}"))
        before, after_late, after_early = self._pictures(images), self._pictures(late), self._pictures(early)
        kept, changed = shown(after_late, originals), shown(after_early, targets)
        every = np.stack([before, after_late, after_early], axis=1).reshape(-1, *before.shape[1:])
        self._show(every, f"Edits{source}: the original, from i_start = {self.rule.edit_late}, and from {self.rule.edit_early} towards "
                   f"{', '.join(targets)}.", "edits", columns=3)  # fmt: skip
        misses = 1 - float(np.concatenate([kept, changed]).mean())
        note("share of edits that miss", misses, 0.05)
        expect(
            misses < self.rule.edit_misses,
            f"Of {len(images)} pictures{source}, an edit from i_start = {self.rule.edit_late} must keep what is seen, and one from "
            f"{self.rule.edit_early} show what the prompt asks for, in more than {100 * (1 - self.rule.edit_misses):.0f} % together; yours keep "
            f"{int(kept.sum())} and change {int(changed.sum())}.",
        )

    def expect_inpainting(self, note: Note, carry: Carry) -> None:
        """The known pixels are the original's. Raises WrongAnswer, or StudentFailure."""
        course, source = self._course("guided", carry, "forward", "inpaint")
        contents = [str(one) for one in self.draw("holes").generator.permutation(CONTENTS)[: self.rule.inpainted]]
        images = [self._drawn(content, f"hole {k}") for k, content in enumerate(contents)]
        mask = np.zeros(SHAPE)
        mask[:, HOLE[0], HOLE[1]] = 1
        filled = []
        for k, (image, content) in enumerate(zip(images, contents)):
            embeddings = self._asked_for(course, content, self.draw(f"inpainting {k}"))
            handle = course.call("inpaint", course.given(image), course.given(mask), *embeddings, TIMESTEPS, scale=self.rule.scale)
            filled.append(course.image(handle, "inpaint")[0])
        known = np.stack([(one - image)[mask == 0] for one, image in zip(filled, images)])
        error = float(np.sqrt((known**2).mean()))
        note("error of the known pixels", error, 0.1)
        before, after = self._pictures(images), self._pictures(filled)
        with_hole = before * (1 - np.moveaxis(mask, 0, -1))
        self._show(np.stack([before, with_hole, after], axis=1).reshape(-1, *before.shape[1:]), f"Inpainting{source}: the original, the hole, yours.",
                   "inpainted", columns=3)  # fmt: skip
        expect(
            error < self.rule.known_error,
            f"Outside of the hole, an inpainted picture{source} must be the original; yours is off by {error:.3f} (root mean square, of pixels in "
            f"−1 … 1), where {self.rule.known_error:g} are allowed.",
        )

    def expect_illusions(self, note: Note, carry: Carry) -> None:
        """Enough pictures read both ways. Raises WrongAnswer, or StudentFailure."""
        course, source = self._course("illusion", carry, "make_flip_illusion")
        pairs = [FLIP_PAIRS[k % len(FLIP_PAIRS)] for k in range(self.rule.illusions)]
        images = []
        for k, (one, other) in enumerate(pairs):
            course.asked_for(**{FIRST: one, SECOND: other, UNCOND: ""})
            draw, course.scale = self.draw(f"illusion {k}"), self.rule.scale
            course.student.seed = draw.seed()
            handle = course.call_with_two("make_flip_illusion", course.given(draw.normal(*SHAPE)), 0, TIMESTEPS, self.rule.scale)
            images.append(course.image(handle, "make_flip_illusion")[0])
        pictures = self._pictures(images)
        turned = upside_down(pictures)
        both = shown(pictures, [one for one, _ in pairs]) & shown(turned, [other for _, other in pairs])
        named = "; ".join(" / ".join(pair) for pair in FLIP_PAIRS)
        caption = f"Anagrams{source}, each as it is and upside down: {named}, in turn. {int(both.sum())} of {len(pairs)} read both ways."
        self._show(np.stack([pictures, turned], axis=1).reshape(-1, *pictures.shape[1:]), caption, "anagrams")
        misses = 1 - float(both.mean())
        note("share that does not read both ways", misses, 0.05)
        expect(
            misses < self.rule.illusion_misses,
            f"Of {len(pairs)} anagrams{source}, a classifier must see both prompts in more than {100 * (1 - self.rule.illusion_misses):.0f} %; it "
            f"sees them in {int(both.sum())}.",
        )

    # Drawing

    def _course(self, kind: str, carry: Carry, *functions: str) -> tuple[Drawing, str]:
        """The submission around the given model, and " with the solution's functions …" where they stand in. Raises WrongAnswer."""
        replaced = files_replaced(carry, {f"sampling.py:{name}": "sampling.py" for name in functions}, "draw")
        if replaced not in self.students:
            self.students = {replaced: self._student(replaced)}
        course = Drawing(self.students[replaced], self.draw("course"), kind)
        return course, " with the solution's sampling.py in the place of yours" if replaced else ""

    def _student(self, replaced: frozenset[str]) -> Student:
        folder = self.context.manifest.solution
        small = folder / "small_model"
        given = [folder / "model.py", *small.glob("*.py"), *small.glob("weights/*.safetensors")]
        return self.student(replaced, {path.relative_to(folder).as_posix(): path.read_bytes() for path in given})

    def _asked_for(self, course: Drawing, prompt: str, draw: Draw) -> list[Any]:
        """The embeddings of the prompt and of the null prompt, for the next call, which has a seed of its own."""
        course.asked_for(**{PROMPT: prompt, UNCOND: ""})
        course.student.seed = draw.seed()
        return [course.embedding(PROMPT), course.embedding(UNCOND)]

    def _sample(self, course: Drawing, prompt: str, scale: float, purpose: str) -> Floats:
        draw = self.draw(purpose)
        embeddings = self._asked_for(course, prompt, draw)
        self.context.on_progress(f"drawing, {purpose}", 0, 1)
        handle = course.call("iterative_denoise_cfg", course.given(draw.normal(*SHAPE)), 0, *embeddings, TIMESTEPS, scale=scale)
        return course.image(handle, "iterative_denoise_cfg")[0]

    def _edited(self, course: Drawing, image: Floats, i_start: int, prompt: str, purpose: str) -> Floats:
        embeddings = self._asked_for(course, prompt, self.draw(purpose))
        handle = course.call("sdedit", course.given(image), i_start, *embeddings, TIMESTEPS, scale=self.rule.scale)
        return course.image(handle, "sdedit")[0]

    def _drawn(self, content: str, purpose: str) -> Floats:
        """A picture by the program, (3, 64, 64) in [−1, 1]."""
        return np.moveaxis(draw(content, self.draw(purpose).generator) / 127.5 - 1, -1, 0)

    def _pictures(self, images: Sequence[Floats]) -> Any:
        """(N, 64, 64, 3) in [0, 1]."""
        return from_model(np.stack(images))

    def _show(self, pictures: Any, caption: str, name: str, columns: int = 8) -> None:
        self.drawn_figures = [figure for figure in self.drawn_figures if figure.name != name]  # of an attempt before
        self.drawn_figures.append(image_grid((255 * pictures).round().astype(np.uint8), caption, columns=columns, name=name))
