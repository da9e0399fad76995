"""Task 1-5 with shared trainings: weights of a training of the reference in the student's own network, around which the student's samplers run.

It is done where a training of the submission has the distribution of the reference's:

1. The checks of tasks 1-1, 1-2 and 1-4 have proved network and loss right, or the reference stands in for the one that they have not.
2. The network starts as the handout's layers do, since a training goes on from there: PyTorch's own start of every layer.
3. The gradient of its loss is that of the loss's value.
4. With the reference's weights in its layers, its outputs are the reference's.

A submission for which one of these does not hold is trained on its own, as with the policy `outcome = "own"`.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from autograder.assignments.swiss_roll.rule import Rule
from autograder.assignments.swiss_roll.simple_net import Pair, chains, layers_of, pairs_of
from autograder.assignments.swiss_roll.stand_ins import LOSS, NETWORK, Plan
from autograder.assignments.swiss_roll.time_linear import C1, C2, V1, V2, B, TimeLinear, W, forward, shapes
from autograder.assignments.swiss_roll.training import Trained, Trainer
from autograder.grading import reference_trainings
from autograder.grading.checks import Floats, WrongAnswer, expect_tensor
from autograder.grading.outcome import OutcomeContext
from autograder.grading.reference_trainings import ReferenceTraining
from autograder.grading.seeds import Draw
from autograder.judges.descent import Weight, gradient_is_of_its_value, lay_in
from autograder.manifest import Manifest
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.proxies import Handle

FILE = Path(__file__).parent / "reference_trainings.safetensors"
SIZES_FROM = {B: W, C1: V1, C2: V2}  # a bias starts as wide as its weight
SIGMAS = 6.0  # of a start's mean and mean square: a right one is taken for another, and trained on its own, once in some 10⁷ submissions
ROWS = 256
TRIES = 4  # at other weights, of a loss whose gradient seems wrong


def recipe_of(manifest: Manifest) -> dict[str, Any]:
    """What a training does, beside the code."""
    rule = manifest.outcome
    assert isinstance(rule, Rule)
    return {**manifest.training, "average_last": rule.average_last}


Layers = list[tuple[Pair, Handle]]  # in the order in which the student's network lists them


@dataclass
class OwnTraining(Exception):
    """Why a submission is trained on its own, in words that go on from "because"."""

    reason: str


class Shared:
    """Answers for the trainings of one submission."""

    def __init__(self, context: OutcomeContext, trainer: Trainer):
        self.context, self.trainer = context, trainer
        self.reason = ""  # why there is an own training; "" as long as there is none

    @cached_property
    def trainings(self) -> tuple[ReferenceTraining, ...]:
        """Read when one is needed."""
        return reference_trainings.read(FILE, self.context.manifest, recipe_of(self.context.manifest))

    @cached_property
    def order(self) -> list[int]:
        """In which the reference's are taken, from the secret and the submission."""
        generator = Draw(self.context.secret, self.context.digest, "1-5 shared").generator
        return [int(k) for k in generator.permutation(len(self.trainings))]

    def trained(self, plan: Plan, index: int, proved: frozenset[str]) -> Trained | None:
        """What an own training with this index would have given; None where one is needed, and then `reason` says why."""
        if self.context.outcome != "shared" or self.reason:
            return None
        try:
            return self._trained(plan, index, proved)
        except OwnTraining as own:
            self.reason = own.reason
        except (StudentFailure, WrongAnswer):
            self.reason = "its network does not take the reference's weights"
        return None

    def _trained(self, plan: Plan, index: int, proved: frozenset[str]) -> Trained:
        if not self.trainings:
            raise OwnTraining("there are no trainings of the reference by this recipe")
        needed = (*(NETWORK if plan.own_network else ()), *(LOSS if plan.own_loss else ()))
        if not proved.issuperset(needed):
            raise OwnTraining("not every check of its network and its loss has been passed in this run")
        chosen = self.trainings[self.order[index % len(self.order)]]
        draw = Draw(self.context.secret, self.context.digest, f"1-5 shared {index}")
        model, home, network = self.trainer.untrained(plan, self.trainer.open_lanes(plan), draw.seed())
        layers = layers_of(home, network)
        held = [{path: expect_tensor(layer.get(path), shape, path) for path, shape in shapes(*size).items()} for size, layer in layers]
        if plan.own_network and not all(map(starts_as_given, held)):
            raise OwnTraining("its network starts with other weights than the handout's layers")
        placed = self._lay_in(network, layers, chain_of(chosen, self._pairs), draw)
        if plan.own_network and plan.own_loss and not any(self._loss_descends(model, layers, draw) for _ in range(TRIES)):
            raise OwnTraining("the gradient of its loss is not that of the loss's value")
        self._put(layers, placed)
        return Trained(chosen.losses.astype(np.float64), 0.0, model, network, draw.seed(), shared=True)

    @property
    def _pairs(self) -> list[Pair]:
        return pairs_of(2, tuple(self.context.manifest.training["dim_hids"]), 2)

    def _loss_descends(self, model: Handle, layers: Layers, draw: Draw) -> bool:
        """Around drawn weights: with those of a start the outputs are so small that the loss hardly moves."""
        drawn = [(layer, TimeLinear.drawn(*size, draw).weights) for size, layer in layers]
        x_0, seed = draw.normal(ROWS, 2).astype(np.float32), draw.seed()
        groups = [[Weight(layer, path, values) for path, values in weights.items()] for layer, weights in drawn]
        model.student.seed = seed
        try:
            return gradient_is_of_its_value(lambda: model.new("compute_loss", x_0), groups)
        finally:
            model.student.seed = None

    def _lay_in(self, network: Handle, layers: Layers, chain: list[TimeLinear], draw: Draw) -> list[TimeLinear]:
        """Put the reference's layers into the student's, of which those of one size may be in another order in the chain than in the list. Returns
        them in the list's order.
        """
        if sorted(size for size, _ in layers) != sorted(self._pairs):
            raise OwnTraining("its network has other layers than the reference")
        x, t = 2 * draw.normal(ROWS, 2), draw.generator.integers(0, self.context.manifest.training["num_train_timesteps"], ROWS)
        waiting = list(chain)
        placed = [waiting.pop(next(k for k, one in enumerate(waiting) if (one.dim_in, one.dim_out) == size)) for size, _ in layers]
        expected = forward(chain, x, t)
        for _ in range(2):
            self._put(layers, placed)
            got = expect_tensor(network.call("", x.astype(np.float32), t), (len(x), 2), "The output")
            if near(got, expected, 1e-3 * (1 + abs(expected).max())):
                return placed
            nearest = min(chains(placed, self._pairs), key=lambda tried: float(abs(got - forward(tried, x, t)).max()))
            partner = {id(held): right for held, right in zip(nearest, chain)}
            placed = [partner[id(held)] for held in placed]
        raise OwnTraining("its network does not give the reference's outputs with the reference's weights")

    def _put(self, layers: Layers, placed: list[TimeLinear]) -> None:
        for (_, layer), right in zip(layers, placed):
            lay_in([Weight(layer, path, values) for path, values in right.weights.items()])


def chain_of(training: ReferenceTraining, pairs: list[Pair]) -> list[TimeLinear]:
    """The layers of a training of the reference, whose weights are called "0/fc.weight", in order."""
    return [
        TimeLinear(*pair, {path: training.weights[f"{k}/{path}"].astype(np.float64) for path in shapes(*pair)})
        for k, pair in enumerate(pairs)
    ]


def starts_as_given(weights: dict[str, Floats]) -> bool:
    """Whether weights look like a start of nn.Linear: uniform within ±1/√(its inputs), the bias too."""
    for path, values in weights.items():
        bound = 1 / np.sqrt(weights[SIZES_FROM.get(path, path)].shape[1])
        scaled = np.asarray(values, dtype=np.float64).ravel() / bound
        error = SIGMAS / np.sqrt(scaled.size)  # a uniform number has standard deviation 1/√3, its square √(4/45)
        right = abs(scaled).max() <= 1 + 1e-5 and abs(scaled.mean()) <= error / np.sqrt(3)
        if not (right and abs((scaled**2).mean() - 1 / 3) <= error * np.sqrt(4 / 45)):
            return False
    return True
