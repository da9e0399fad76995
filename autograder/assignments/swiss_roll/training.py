"""One training by the manifest's recipe, of the student's network or the reference's, with either one's loss."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.assignments.swiss_roll.rule import Rule
from autograder.assignments.swiss_roll.simple_net import simple_net
from autograder.assignments.swiss_roll.stand_ins import Plan
from autograder.grading.checks import Floats, expect_tensor
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import EvenlySpaced
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Handle, Student, from_wire, to_wire

EpsTheta = Callable[[Any, Any], Any]  # (x_t, t) → ε_θ(x_t, t)
Lanes = tuple[Lane, Lane | None]  # the student's, and the reference network's where one is needed


@dataclass
class Trained:
    """A training that has ended, and the live model to sample from."""

    losses: Floats
    seconds: float
    model: Handle  # the student's DiffusionModule around the trained network, or around the reference network
    network: Handle
    seed: int
    shared: bool = False  # of the reference, whose weights were laid into the network

    @property
    def eps_theta(self) -> EpsTheta:
        """What the network answers, asked from here."""
        return lambda x, t: self.network.call("", x, t)


class Trainer:
    """Trains once for each plan and index; the numbers of a training follow from the secret and the submission."""

    def __init__(self, context: OutcomeContext, schedule: EvenlySpaced, data: Floats, open_lane: Callable[[], Lane]):
        self.context, self.schedule, self.data, self.open_lane = context, schedule, data, open_lane
        self.recipe = context.manifest.training

    def open_lanes(self, plan: Plan) -> Lanes:
        return self.open_lane(), None if plan.own_network else self.open_lane()

    def train(self, plan: Plan, index: int, lanes: Lanes) -> Trained:
        """Where the reference network is trained, the model is the student's around it, there; its calls are answered here."""
        draw = Draw(self.context.secret, self.context.digest, f"1-5 training {index}")
        seed = draw.seed()
        batches = self._batches(draw)
        student, home, network = self._network(lanes, seed)
        model = None if lanes[1] is not None else self._model(student, network)
        started = time.perf_counter()
        if plan.own_loss and model is not None:
            op, fields = "train", {"model": model.ref, "data": to_wire(batches.astype(np.float32))}
        else:
            op, fields = "fit", {"network": network.ref, **self._noised(batches, draw)}
        losses = self._run(network, op, fields, index, seed)
        seconds = time.perf_counter() - started
        if model is None:
            student.seed = None
            model = self._model(student, student.network(lambda x, t: network.call("", x, t)))
        student.seed = home.seed = None
        return Trained(losses, seconds, model, network, seed)

    def untrained(self, plan: Plan, lanes: Lanes, seed: int) -> tuple[Handle, Student, Handle]:
        """The student's DiffusionModule, and the network in it with the submission that it belongs to, before any training."""
        student, home, network = self._network(lanes, seed)
        student.seed = home.seed = None
        around = network if plan.own_network else student.network(lambda x, t: network.call("", x, t))
        return self._model(student, around), home, network

    def _network(self, lanes: Lanes, seed: int) -> tuple[Student, Student, Handle]:
        """The submission, the one whose network is trained, and that network: the student's, or where a second lane is given the reference's."""
        student = self._student(lanes[0], self.context.files, seed)
        home = student if lanes[1] is None else self._student(lanes[1], solution_files(self.context.manifest), seed)
        sizes = (2, 2, list(self.recipe["dim_hids"]), self.recipe["num_train_timesteps"])
        return student, home, simple_net(home, *sizes)

    def _student(self, lane: Lane, files: dict[str, bytes], seed: int) -> Student:
        student = Student(lane, files, self.context.limits)
        student.seed = seed
        return student

    def _model(self, student: Student, network: Any) -> Handle:
        """The student's DiffusionModule around a network, with the recipe's schedule."""
        ddpm = student.module("ddpm")
        betas = {name: self.recipe[name] for name in ("beta_1", "beta_T", "mode")}
        scheduler = ddpm.new("BaseScheduler", self.recipe["num_train_timesteps"], **betas)
        return ddpm.new("DiffusionModule", network, scheduler)

    def _batches(self, draw: Draw) -> Floats:
        """Points of the data, each at most once: (steps, batch, 2)."""
        steps, batch = self.recipe["num_iterations"], self.recipe["batch_size"]
        chosen = draw.generator.permutation(len(self.data))[: steps * batch]
        return self.data[chosen].reshape(steps, batch, 2)

    def _noised(self, batches: Floats, draw: Draw) -> dict[str, Any]:
        """What the reference's loss regresses on: (x_t, t) → ε, at random t (DDPM, Alg. 1)."""
        times = draw.generator.integers(0, self.schedule.num_timesteps, batches.shape[:2])
        noise = draw.generator.standard_normal(batches.shape)
        xt = self.schedule.q_sample(batches.reshape(-1, 2), times.ravel(), noise.reshape(-1, 2)).reshape(batches.shape)
        arrays = {"inputs": xt.astype(np.float32), "times": times, "targets": noise.astype(np.float32)}
        return {name: to_wire(array) for name, array in arrays.items()}

    def _run(self, network: Handle, op: str, fields: dict[str, Any], index: int, seed: int) -> Floats:
        """The losses, (steps,)."""
        steps, progress = self.recipe["num_iterations"], self.context.on_progress
        settings = {
            "learning_rate": self.recipe["learning_rate"],
            "average_last": self.context.rule(Rule).average_last,
            "report_every": 100,
        }
        losses = network.worker.request(
            op, {**fields, **settings}, seconds=self.context.limits.seconds_training, seed=seed,
            on_progress=lambda done, loss: progress(f"training {index + 1}", done, steps),
        )  # fmt: skip
        return expect_tensor(from_wire(losses), (steps,), "The loss curve")
