"""What the outcomes share that train, or load, a student's networks in workers of their own."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, expect_tensor
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.seeds import Draw
from autograder.outcome_rule import Recipe
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Handle, Student, from_wire, to_wire
from autograder.submission.rules import listed
from autograder.verdict import Figure, Notice

REPORT_EVERY = 10  # steps


class TrainedOutcome:
    """Trains, or loads, when a check asks; what one check has found the report draws."""

    def __init__(self, context: OutcomeContext) -> None:
        self.context = context
        self.lanes: list[Lane] = []
        self.drawn_figures: list[Figure] = []
        self.remarks: list[Notice] = []

    def start(self) -> None:
        """Nothing runs in the background: a training takes one processor, and the checks the other."""

    def close(self) -> None:
        for lane in self.lanes:
            lane.close()

    def figures(self) -> list[Figure]:
        return self.drawn_figures

    def notices(self) -> list[Notice]:
        return list(dict.fromkeys(self.remarks))

    def student(self, replaced: frozenset[str], more: Mapping[str, bytes] | None = None) -> Student:
        """The submission in a worker of its own. `replaced`: files for which the solution's stand in; `more`: further files, such as weights."""
        self.lanes.append(self.context.sandbox.lane())
        solution = solution_files(self.context.manifest)
        files = {**self.context.files, **{name: solution[name] for name in replaced}, **(more or {})}
        patient = dataclasses.replace(self.context.limits, seconds_per_call=self.context.limits.seconds_training)
        return Student(self.lanes[-1], files, patient)

    def draw(self, purpose: str) -> Draw:
        return Draw(self.context.secret, self.context.digest, purpose)

    def fit(
        self, network: Handle, loss: Handle, recipe: Recipe, data: Sequence[Any], draw: Draw, *,
        before: Sequence[Any] = (), each: Sequence[Any] = (), after: Sequence[Any] = (), what: str,
    ) -> Floats:  # fmt: skip
        """Minimise loss(*before, *batch, *of each step, *after) by the recipe. `data`: of which a batch takes rows; `each`: (steps, batch, …), of
        which every step takes its own. Returns the losses, (steps,).
        """
        order = np.concatenate([draw.generator.permutation(recipe.pool) for _ in range(1 + recipe.steps * recipe.batch_size // recipe.pool)])
        fields: dict[str, Any] = {
            "model": network.ref, "loss": loss.ref, "data": [to_wire(part) for part in data], "each": [to_wire(part) for part in each],
            "order": to_wire(order[: recipe.steps * recipe.batch_size].reshape(recipe.steps, recipe.batch_size)), "rates": to_wire(recipe.rates),
            "before": to_wire(list(before)), "after": to_wire(list(after)),
            "learning_rate": recipe.learning_rate, "average_last": 0, "report_every": REPORT_EVERY,
        }  # fmt: skip
        network.new("train")
        losses = network.worker.request(
            "train_on", fields, seconds=self.context.limits.seconds_training, seed=draw.seed(),
            on_progress=lambda done, loss: self.context.on_progress(f"training {what}", done, recipe.steps),
        )  # fmt: skip
        return expect_tensor(from_wire(losses), (recipe.steps,), f"The losses of {what}")


def trained_by_grader(recipe: Recipe, replaced: frozenset[str], width: str) -> str:
    """"by the grader with D = 8 for 150 steps", and with which files of the solution. `width`: what the course calls it."""
    stood_in = f" with the solution's {listed(sorted(replaced))} in the place of yours" if replaced else ""
    return f"by the grader with {width} = {recipe.width} for {recipe.steps} steps{stood_in}"
