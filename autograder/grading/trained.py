"""What the outcomes share that train, or load, a student's networks in workers of their own."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograder.grading.checks import Floats, Note, expect_tensor
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.seeds import Draw
from autograder.outcome_rule import Recipe
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Handle, Student, from_wire, to_wire
from autograder.submission.rules import listed
from autograder.verdict import Figure, Notice

REPORT_EVERY = 10  # steps
Found = TypeVar("Found")


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
        """The submission in a worker of its own. `replaced`: files for which the solution's stand in; `more`: further files, such as weights.

        What a student got before is gone: several workers with networks in them would not fit into a small container.
        """
        self.close()
        self.lanes = [self.context.sandbox.lane()]
        solution = solution_files(self.context.manifest)
        files = {**self.context.files, **{name: solution[name] for name in replaced}, **(more or {})}
        patient = dataclasses.replace(self.context.limits, seconds_per_call=self.context.limits.seconds_training)
        return Student(self.lanes[0], files, patient)

    def best(self, most: int, threshold: float, train: Callable[[int], tuple[float, Found]], note: Note) -> tuple[float, Found]:
        """The figure of the best training, the smaller the better, and what `train` found beside it: of one, and of others, by their index, while
        it stays too large.
        """
        done: list[tuple[float, Found]] = []
        for index in range(most):
            done.append(train(index))
            note(f"training {index + 1}", done[-1][0], 0.05)
            if done[-1][0] < threshold:
                break
        return min(done, key=lambda pair: pair[0])

    def draw(self, purpose: str) -> Draw:
        return Draw(self.context.secret, self.context.digest, purpose)

    def fit(
        self, network: Handle, loss: Handle, recipe: Recipe, data: Sequence[Any], draw: Draw, *,
        before: Sequence[Any] = (), each: Sequence[Any] = (), after: Sequence[Any] = (), what: str,
    ) -> Floats:  # fmt: skip
        """Minimise loss(*before, *batch, *of each step, *after) by the recipe. `data`: of which a batch takes rows; `each`: (steps, batch, …), of
        which every step takes its own. Returns the losses, (steps,).
        """
        network.new("train")
        fields = {
            "loss": loss.ref, "each": [to_wire(part) for part in each], "before": to_wire(list(before)), "after": to_wire(list(after)),
            "rates": to_wire(recipe.rates),
        }  # fmt: skip
        order = batches(draw, recipe.steps, recipe.batch_size, recipe.pool)
        return train_on(self.context, network, data, order, recipe.learning_rate, draw, f"training {what}", **fields)


def batches(draw: Draw, steps: int, size: int, pool: int) -> NDArray[np.int64]:
    """The rows of each batch, (steps, size): all of `pool` rows once, in some order, before any comes again."""
    rows = np.concatenate([draw.generator.permutation(pool) for _ in range(1 + steps * size // pool)])
    return rows[: steps * size].reshape(steps, size)


def train_on(
    context: OutcomeContext, network: Handle, data: Sequence[Any], order: NDArray[np.int64], learning_rate: float, draw: Draw, what: str,
    **fields: Any,
) -> Floats:  # fmt: skip
    """One training in the worker of `network`, by Adam, on batches of `data`. fields: further ones of the worker's operation, `loss` among them.
    Returns the losses, (steps,).
    """
    fields |= {
        "model": network.ref, "data": [to_wire(part) for part in data], "order": to_wire(order),
        "learning_rate": learning_rate, "average_last": 0, "report_every": REPORT_EVERY,
    }  # fmt: skip
    losses = network.worker.request(
        "train_on", fields, seconds=context.limits.seconds_training, seed=draw.seed(),
        on_progress=lambda done, loss: context.on_progress(what, done, len(order)),
    )  # fmt: skip
    return expect_tensor(from_wire(losses), (len(order),), f"The loss curve of {what}")


def trained_by_grader(recipe: Recipe, replaced: frozenset[str], width: str) -> str:
    """"by the grader with D = 8 for 150 steps", and with which files of the solution. `width`: what the course calls it."""
    stood_in = f" with the solution's {listed(sorted(replaced))} in the place of yours" if replaced else ""
    return f"by the grader with {width} = {recipe.width} for {recipe.steps} steps{stood_in}"
