"""A model of digits: the one that is handed in, or else a short training of the student's own code by the recipe of the manifest.

Weights are read as data, in the worker, into the student's own DDPM. Digits drawn by a program stand in for MNIST, unless AUTOGRADER_MNIST names a
folder that holds it; every report says which. Where a file of the student's has a mistake that has cost its own task, the solution's stands in.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.assignments.latent_diffusion.handed_in import Configuration, Unusable, read_configuration
from autograder.assignments.latent_diffusion.interface import (
    EDITIONS,
    in_an_edition,
    lay_in_place_of_makers,
    tables,
    takes_t,
)
from autograder.assignments.latent_diffusion.rule import Rule
from autograder.digits import Kind, load_digits, resized
from autograder.digits.mnist import mnist_folder
from autograder.digits.samples import NAMES, Judged, judged_samples
from autograder.grading.checks import Carry, Floats, Note, WrongAnswer, expect, expect_tensor
from autograder.grading.outcome import OutcomeContext
from autograder.grading.standing_in import files_replaced
from autograder.grading.trained import TrainedOutcome, trained_by_grader
from autograder.oracles.schedule import EvenlySpaced, Schedule
from autograder.report import figures
from autograder.report.image_figures import image_grid
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.proxies import Handle, Student
from autograder.verdict import Notice

CLASSIFIED, COURSE_STEPS = 28, 500  # side of the digits that the classifier knows
NETWORK = {"libs/unet.py:UNet.forward": "libs/unet.py"}
SAMPLER = {f"libs/ddpm.py:DDPM.{name}": "libs/ddpm.py" for name in ("p_sample", "p_sample_loop")}
LOSS = {f"libs/ddpm.py:DDPM.{name}": "libs/ddpm.py" for name in ("q_sample", "compute_loss")}
WEIGHTS = "handed_in.safetensors"
FEWER_STEPS = """
import torch

class FewerSteps(torch.nn.Module):
    def __init__(self, network, times):
        super().__init__()
        self.network, self.times = network, torch.as_tensor(times)

    def forward(self, x, label, time):
        return self.network(x, label, self.times[torch.as_tensor(time).long()])
"""


@dataclass(frozen=True)
class Trained:
    """A model in a worker, ready to draw. `losses`: of its training, None where it was handed in."""

    student: Student
    model: Handle
    side: int
    losses: Floats | None = None


class Outcome(TrainedOutcome):
    """Draws digits with the model that was handed in, or trained."""

    def __init__(self, context: OutcomeContext) -> None:
        super().__init__(context)
        self.rule = context.rule(Rule)
        self.kind: Kind = "drawn" if mnist_folder() is None else "mnist"

    def expect_digits(self, note: Note, carry: Carry) -> None:
        """The classifier takes enough samples for the digit that was asked for. Raises WrongAnswer, or StudentFailure."""
        labels = np.arange(self.rule.samples) % 10
        configuration = self._handed_in()
        if configuration is not None:
            replaced = files_replaced(carry, NETWORK | SAMPLER, "draw")
            trained = self._loaded(configuration, replaced)
            judged, source = self.samples(trained, labels), "drawn with your model"
        else:
            replaced = files_replaced(carry, NETWORK | SAMPLER | LOSS)

            def digits(index: int) -> tuple[float, tuple[Judged, Trained]]:
                trained = self.train(index, replaced)
                judged = self.samples(trained, labels)
                return judged.wrong, (judged, trained)

            _, (judged, trained) = self.best(self.rule.max_trainings, self.rule.wrong_digits, digits, note)
            source = "drawn after a training " + trained_by_grader(self.rule.digits, replaced, "dim")
        note("share of wrong digits", judged.wrong, 0.05)
        note("Fréchet distance", judged.distance, 0.2)
        self._show(judged, trained, source)
        expect(
            judged.wrong < self.rule.wrong_digits,
            f"Of {len(labels)} samples {source}, a classifier must take more than {100 * (1 - self.rule.wrong_digits):.0f} % for the digit that was "
            f"asked for; it takes {100 * (1 - judged.wrong):.0f} %. Look at the picture of the samples.",
        )

    # Trainings

    def train(self, index: int, replaced: frozenset[str]) -> Trained:
        """By the recipe, with a schedule of few steps that ends in as much noise as the course's."""
        recipe, student, draw = self.rule.digits, self.student(replaced), self.draw(f"digits {index}")
        student.seed = draw.seed()
        digits = load_digits(recipe.pool, self.rule.side, draw.seed(), mnist_folder())
        if digits.kind == "drawn":
            self.remarks.append(Notice("stand_in", f"A model was trained on {digits.name}: its figures are not those of MNIST."))
        faster = COURSE_STEPS / self.rule.steps
        schedule = EvenlySpaced(self.rule.steps, 1e-4 * faster, 0.02 * faster)
        sizes = {"dim": recipe.width, "context_dim": recipe.width, "num_classes": 10, "dim_mults": [1, 2, 4], "attn_levels": [1, 2]}
        model = _made(student, schedule, {"img_shape": [1, self.rule.side, self.rule.side], "timesteps": self.rule.steps, **sizes})
        t = draw.generator.integers(0, self.rule.steps, (recipe.steps, recipe.batch_size))
        each = [t] if takes_t(student, model) else []
        data, loss = [2 * digits.images[:, None] - 1, digits.labels], model.part("compute_loss")
        return Trained(student, model, self.rule.side, self.fit(model, loss, recipe, data, draw, each=each, what="digits"))

    # A model that is handed in

    def _handed_in(self) -> Configuration | None:
        if "mnist" not in self.context.weights:
            return None
        try:
            return read_configuration(self.context.weights["mnist"])
        except Unusable as error:
            self.remarks.append(Notice("intake", f"The model that was handed in was not judged: {error}. The grader has trained your code itself."))
            return None

    def _loaded(self, configuration: Configuration, replaced: frozenset[str]) -> Trained:
        """The student's own DDPM with these weights, in some of its steps. Raises WrongAnswer where they do not fit."""
        student = self.student(replaced, {WEIGHTS: self.context.weights["mnist"]})
        whole = EvenlySpaced(configuration.timesteps)
        steps = min(self.rule.steps, configuration.timesteps)
        times = np.linspace(0, configuration.timesteps - 1, steps).round().astype(np.int64)
        bars = whole.alphas_cumprod[times]
        schedule = Schedule(1 - bars / np.concatenate([[1.0], bars[:-1]]))
        try:
            model = _made(student, schedule, configuration.arguments | {"timesteps": steps})
            model.load_weights(WEIGHTS)
        except StudentFailure as failure:
            raise WrongAnswer(f"Your model.safetensors cannot be loaded into your DDPM: {failure}. Hand in the one that it was trained to.") from None
        student.module("builtins").new("exec", FEWER_STEPS, student.module("libs.ddpm").part("__dict__"))
        model.set("model", student.module("libs.ddpm").new("FewerSteps", model.part("model"), times))
        return Trained(student, model, configuration.side)

    # Samples

    def samples(self, trained: Trained, labels: Any) -> Judged:
        """What it draws of these labels, and what a classifier takes it for."""
        trained.model.new("eval")
        trained.student.seed = self.draw("samples").seed()
        self.context.on_progress("drawing digits", 0, 1)
        answer = in_an_edition(EDITIONS, lambda name: trained.model.call(name, labels))
        images = expect_tensor(answer, (len(labels), 1, trained.side, trained.side), "The samples")
        return judged_samples(as_classified(images[:, 0]), labels, mnist_folder())

    def _show(self, judged: Judged, trained: Trained, source: str) -> None:
        pixels = (255 * np.clip(judged.images, 0, 1)).astype(np.uint8)
        caption = (
            f"Samples {source}: 0 to 9 in a row. {100 * (1 - judged.wrong):.0f} % are what was asked for, by a classifier of {judged.classified_as}. "
            f"Fréchet distance to {NAMES[self.kind]}, in a classifier's scores: {judged.distance:.0f} ± {judged.distance_error:.0f}."
        )
        self.drawn_figures.append(image_grid(np.repeat(pixels[..., None], 3, axis=3), caption, columns=10, name="samples"))
        if trained.losses is not None:
            self.drawn_figures.append(figures.loss_curve(trained.losses, f"Training of the model, {source}.", "loss"))
        if judged.copies:
            self.remarks.append(Notice("staff", judged.copies))


def as_classified(images: Floats) -> Floats:
    """(N, S, S) → (N, 28, 28): without the rim that larger ones have, smaller ones enlarged."""
    side = images.shape[1]
    if side < CLASSIFIED:
        return resized(images.astype(np.float32), CLASSIFIED).astype(np.float64)
    rim = (side - CLASSIFIED) // 2
    return images[:, rim : rim + CLASSIFIED, rim : rim + CLASSIFIED]


def _made(student: Student, schedule: Schedule, arguments: dict[str, Any]) -> Handle:
    """The student's DDPM with this schedule."""
    lay_in_place_of_makers(student, schedule)
    model = student.module("libs.ddpm").new("DDPM", **arguments)
    for name, table in tables(schedule).items():
        model.set(name, table)
    return model
