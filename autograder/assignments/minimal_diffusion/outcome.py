"""Exercise 5: train DDPM(UNet()) of the submission by the recipe of the manifest, and look at the losses.

Digits drawn by a program stand in for MNIST, unless AUTOGRADER_MNIST names a folder that holds it; every report says which. Where ddpm.py or
unet.py has a mistake, the solution's file stands in for it, so that a mistake that has cost its own exercise does not cost this one too; where
both have, nothing of the student's is left to train.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from autograder.assignments.minimal_diffusion.rule import Recipe, Rule, smoothed
from autograder.digits import Digits, load_digits
from autograder.digits.mnist import mnist_folder
from autograder.grading.checks import Carry, Floats, Note, WrongAnswer
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.seeds import Draw
from autograder.grading.standing_in import files_replaced
from autograder.grading.trained import batches, train_on
from autograder.report import figures
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student
from autograder.submission.rules import listed
from autograder.verdict import Figure, Notice

FILE_OF = {"ddpm.py:schedule": "ddpm.py", "ddpm.py:DDPM.forward": "ddpm.py", "unet.py:UNet": "unet.py"}


@dataclass(frozen=True)
class Trained:
    losses: Floats
    seconds: float
    recipe: Recipe
    data: str  # what the digits are

    @property
    def last(self) -> float:
        """The smoothed loss at the end, the figure of the check."""
        return smoothed(self.losses, self.recipe.smoothing)


class Outcome:
    """Trains lazily, once for each seed; a first training may run in the background while the behaviour is judged."""

    def __init__(self, context: OutcomeContext) -> None:
        self.context, self.rule = context, context.rule(Rule)
        self.lanes: list[Lane] = []
        self.trained: list[Trained] = []
        self.background: Future[Trained] | None = None
        self.pool = ThreadPoolExecutor(1)

    def start(self) -> None:
        if not any(region in self.context.untouched for region in (*FILE_OF, "unet.py:UNet.__init__", "unet.py:UNet.forward")):
            self.background = self.pool.submit(self.train, 0, self._lane(), frozenset())

    def close(self) -> None:
        for lane in self.lanes:
            lane.close()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def expect(self, note: Note, carry: Carry) -> None:
        """Judge by the rule. Raises WrongAnswer, or StudentFailure where the code gave no answer."""
        replaced = files_replaced(carry, FILE_OF)
        for index in range(self.rule.max_trainings):
            trained = self._training(index, replaced)
            threshold = trained.recipe.threshold
            note(f"training {index + 1}", trained.last, 0.05)
            if trained.last < threshold or not trained.last < threshold * self.rule.hopeless:
                break
        best = min(self.trained, key=lambda one: one.last)
        note("loss", best.last, 0.05)
        if not best.last < best.recipe.threshold:
            values = ", ".join(f"{one.last:.3f}" for one in self.trained)
            stood_in = f" The solution's {listed(sorted(replaced))} stood in for yours." if replaced else ""
            raise WrongAnswer(
                f"After {best.recipe.steps} steps on {best.data}, the smoothed loss must be below "
                f"{best.recipe.threshold:g}; yours is {values}.{stood_in}"
            )

    def _training(self, index: int, replaced: frozenset[str]) -> Trained:
        if index == 0 and self.background is not None and not replaced:
            while not self.background.done():
                wait([self.background], timeout=0.2)
                self.context.on_wait()
            trained = self.background.result()
        else:
            if self.background is not None and not self.background.done():
                self.close()
            trained = self.train(index, self._lane(), replaced)
        self.trained.append(trained)
        return trained

    def _lane(self) -> Lane:
        self.lanes.append(self.context.sandbox.lane())
        return self.lanes[-1]

    def train(self, index: int, lane: Lane, replaced: frozenset[str]) -> Trained:
        context, rule = self.context, self.rule
        draw = Draw(context.secret, context.digest, f"5 training {index}")
        digits, recipe = self._digits(draw)
        solution = solution_files(context.manifest)
        student = Student(lane, {**context.files, **{name: solution[name] for name in replaced}}, context.limits)
        student.seed = draw.seed()
        model = student.module("ddpm").new("DDPM", student.module("unet").new("UNet"))
        images = np.repeat(digits.images[:, None] * 2 - 1, 3, axis=1)
        model.call("", images[: rule.batch_size])  # lazy layers learn their sizes before Adam takes them
        order, started = batches(draw, recipe.steps, rule.batch_size, recipe.pool), time.perf_counter()
        found = train_on(context, model, [images], order, rule.learning_rate, draw, f"training {index + 1}", loss="")
        return Trained(found, time.perf_counter() - started, recipe, digits.name)

    def _digits(self, draw: Draw) -> tuple[Digits, Recipe]:
        folder = mnist_folder()
        recipe = self.rule.recipe("drawn" if folder is None else "mnist")
        return load_digits(recipe.pool, recipe.size, draw.seed(), folder), recipe

    def notices(self) -> list[Notice]:
        if not self.trained or self.trained[0].data == "MNIST":
            return []
        return [Notice("stand_in", f"Exercise 5 was trained on {self.trained[0].data}: its losses are not those of MNIST.")]

    def figures(self) -> list[Figure]:
        """The loss curve."""
        if not self.trained:
            return []
        best = min(self.trained, key=lambda one: one.last)
        caption = (
            f"Training loss over {len(best.losses)} steps, {best.seconds:.0f} s, on {best.data}. Smoothed, it ends at "
            f"{best.last:.3f}; the threshold is {best.recipe.threshold:g}."
        )
        return [figures.loss_curve(best.losses, caption)]
