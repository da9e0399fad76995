"""Task 1-5: train the submission with the manifest's recipe, draw samples, and measure Chamfer distances.

Where checks have found a part of the pipeline wrong, the reference stands in for it, over the boundary, so that a mistake
that has cost its own task does not cost this one too; `stand_ins` says when. The reference's loss trains the student's
network, the reference's step runs in the student's loop, and the student's step in the reference's loop.

The rule, and the measurements it rests on, are in docs/outcome-rule.md.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from autograder.assignments.swiss_roll.rule import Rule
from autograder.assignments.swiss_roll.stand_ins import LOOP, LOSS, NETWORK, SAMPLERS, STEP, Plan, Sampler, plan_for
from autograder.grading.checks import Carry, Floats, Held, Note, WrongAnswer, expect_tensor
from autograder.grading.mutants import solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.grading.seeds import Draw
from autograder.judges.interface import FORMS
from autograder.judges.network import as_timesteps
from autograder.oracles.schedule import EvenlySpaced
from autograder.regions import shortest
from autograder.report import figures
from autograder.sandbox.failures import Raised, StudentFailure
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Handle, Student, from_wire, to_wire
from autograder.submission.rules import listed
from autograder.verdict import Figure, Notice

UNTRAINED_SAMPLES, DENSE, KNOWN = 256, 100_000, 0.02  # see Outcome._ignores_network


def chamfer_distance(a: Floats, b: Floats) -> float:
    """Σ min ‖x − y‖² in both directions, (N, D) against (M, D), by k-d tree in float64."""
    to_b, _ = KDTree(b).query(a)
    to_a, _ = KDTree(a).query(b)
    return float((to_b**2).sum() + (to_a**2).sum())


def swiss_roll(count: int, generator: np.random.Generator) -> Floats:
    """Points of scikit-learn's make_swiss_roll(hole=True, noise=0), first and third coordinate, brought to mean 0 and
    standard deviation 2 over both.

    The hole takes the middle of the nine patches away, so the three thirds of the spiral have the weights 3 : 2 : 3.
    """
    third = generator.choice(3, size=count, p=[3 / 8, 2 / 8, 3 / 8])
    angle = np.pi * (1.5 + third + generator.random(count))
    points = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1)
    return ((points - points.mean()) / points.std() * 2.0).astype(np.float32).astype(np.float64)


@dataclass
class Trained:
    """A training that has ended, and the live model to sample from."""

    losses: Floats
    seconds: float
    model: Handle | None  # the student's DiffusionModule around the trained network, or around the reference network
    network: Handle
    seed: int


@dataclass(frozen=True)
class Measured:
    """Chamfer distances of one sampler after one training. `samples`: of the first draw."""

    draws: tuple[float, ...]
    samples: Floats

    @property
    def median(self) -> float:
        return median(self.draws)


@dataclass
class Outcome:
    """Trains lazily, once for each seed and plan; a first training may run in the background while the behaviour is
    judged.
    """

    context: OutcomeContext
    measured: dict[Sampler, list[Measured]] = field(default_factory=lambda: {"ddpm": [], "ddim": []})
    trained: list[Trained] = field(default_factory=list)

    def __post_init__(self) -> None:
        training = self.context.manifest.training
        self.schedule = EvenlySpaced(
            training["num_train_timesteps"], training["beta_1"], training["beta_T"], training["mode"]
        )
        self.rule = self.context.rule(Rule)
        draw = Draw(self.context.secret, self.context.digest, "1-5 data")
        self.data = swiss_roll(training["dataset_size"], draw.generator)
        self.target = self.data[: training["num_samples"]]
        self.lanes: list[Lane] = []
        self.background: Future[Trained] | None = None
        self.pool = ThreadPoolExecutor(1)

    def start(self) -> None:
        """Begin the first training now, on the hope that network and loss are right."""
        if not self.context.untouched & {*NETWORK, *LOSS}:
            self.background = self.pool.submit(self.train, Plan(), 0, self.open_lanes(Plan()))

    def close(self) -> None:
        for lane in self.lanes:
            lane.close()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def expect(self, sampler: Sampler, note: Note, carry: Carry) -> None:
        """Judge one sampler by the rule. Raises WrongAnswer, or StudentFailure where the code gave no answer."""
        plan = plan_for(sampler, carry.wrong, carry.undone, carry.without_work)
        stand_ins = plan.replaced(sampler)
        carry.stood_in.update(stand_ins)
        threshold = self.rule.threshold(sampler)
        for index in range(self.rule.max_trainings):
            trained = self.training(plan, index)
            result = self.measure(sampler, plan, trained, threshold)
            self.measured[sampler].append(result)
            note(f"training {index + 1}", result.draws, 1.0)
            if result.median < threshold or result.median > threshold * self.rule.hopeless:
                break
        results = self.measured[sampler]
        best = min(results, key=lambda result: result.median)
        note("Chamfer distance", best.median, 1.0)
        if not best.median < threshold:
            raise WrongAnswer(self._sentence(sampler, results, threshold, stand_ins))
        if "without_network" in self.context.manifest.policy.hold and self._ignores_network(sampler, plan):
            raise Held(
                f"Your {'p_sample_loop' if sampler == 'ddpm' else 'ddim_p_sample_loop'} gives the Swiss roll with a network that was not "
                "trained, too. Samples must come from the network."
            )

    def _ignores_network(self, sampler: Sampler, plan: Plan) -> bool:
        """Whether the student's sampler gives points of the data around a network that has learned nothing.

        The mean squared distance to the data is 0 for points of it, 0.003 for good samples, and above 0.1 for points that know nothing of it.
        """
        model = self.trained[0].model
        if not plan.own_loop or model is None:
            return False
        training, student = self.context.manifest.training, model.student
        draw = Draw(self.context.secret, self.context.digest, f"1-5 {sampler} untrained")
        try:
            ddpm = student.module("ddpm")
            settings = (2, 2, list(training["dim_hids"]), training["num_train_timesteps"])
            own = plan.own_network
            network = (
                student.module("network").new("SimpleNet", *settings) if own else student.network(lambda x, t: 0 * x)
            )
            model = ddpm.new("DiffusionModule", network, ddpm.new("BaseScheduler", training["num_train_timesteps"]))
            untrained = Trained(np.zeros(0), 0.0, model, self.trained[0].network, draw.seed())
            samples = self.sample(sampler, plan, untrained, UNTRAINED_SAMPLES, draw)
        except (StudentFailure, WrongAnswer):
            return False
        distances, _ = KDTree(self.data[:DENSE]).query(samples)
        return float((distances**2).mean()) < KNOWN

    def _sentence(self, sampler: Sampler, results: list[Measured], threshold: float, stand_ins: list[str]) -> str:
        medians = ", ".join(f"{result.median:.1f}" for result in results)
        trainings = f"the best of {len(results)} trainings" if len(results) > 1 else "the training"
        note = f" The reference stood in for {listed([*map(shortest, stand_ins)])}." if stand_ins else ""
        return f"The Chamfer distance of {trainings} must be below {threshold:g}; yours is {medians}.{note}"

    # Training

    def open_lanes(self, plan: Plan) -> tuple[Lane, Lane | None]:
        lanes = (self.context.sandbox.lane(), None if plan.own_network else self.context.sandbox.lane())
        self.lanes += [lane for lane in lanes if lane is not None]
        return lanes

    def training(self, plan: Plan, index: int) -> Trained:
        same = plan.own_network and plan.own_loss
        if index < len(self.trained):
            return self.trained[index]
        if index == 0 and self.background is not None and same:
            trained = self._wait_for(self.background)
        else:
            if self.background is not None and not self.background.done():
                self.close()
                self.pool = ThreadPoolExecutor(1)
            trained = self.train(plan, index, self.open_lanes(plan))
        self.trained.append(trained)
        return trained

    def _wait_for(self, future: Future[Trained]) -> Trained:
        while not future.done():
            wait([future], timeout=0.2)
            self.context.on_wait()
        return future.result()

    def train(self, plan: Plan, index: int, lanes: tuple[Lane, Lane | None]) -> Trained:
        training = self.context.manifest.training
        draw = Draw(self.context.secret, self.context.digest, f"1-5 training {index}")
        seed = draw.seed()
        steps, batch = training["num_iterations"], training["batch_size"]
        chosen = draw.generator.permutation(len(self.data))[: steps * batch]
        batches = self.data[chosen].reshape(steps, batch, 2)

        student = Student(lanes[0], self.context.files, self.context.limits)
        student.seed = seed
        home = student
        if lanes[1] is not None:
            home = Student(lanes[1], solution_files(self.context.manifest), self.context.limits)
            home.seed = seed
        network = home.module("network").new(
            "SimpleNet", 2, 2, list(training["dim_hids"]), training["num_train_timesteps"]
        )
        settings = dict(beta_1=training["beta_1"], beta_T=training["beta_T"], mode=training["mode"])
        model = None
        if lanes[1] is None:
            ddpm = student.module("ddpm")
            model = ddpm.new(
                "DiffusionModule", network, ddpm.new("BaseScheduler", training["num_train_timesteps"], **settings)
            )
        started = time.perf_counter()
        common = {
            "learning_rate": training["learning_rate"],
            "average_last": self.rule.average_last,
            "report_every": 100,
        }
        if plan.own_loss and model is not None:
            op, fields = "train", {"model": model.ref, "data": to_wire(batches.astype(np.float32)), **common}
        else:
            times = draw.generator.integers(0, self.schedule.num_timesteps, (steps, batch))
            noise = draw.generator.standard_normal(batches.shape)
            xt = self.schedule.q_sample(batches.reshape(-1, 2), times.ravel(), noise.reshape(-1, 2)).reshape(
                batches.shape
            )
            arrays = {"inputs": xt.astype(np.float32), "times": times, "targets": noise.astype(np.float32)}
            op, fields = (
                "fit",
                {"network": network.ref, **{name: to_wire(array) for name, array in arrays.items()}, **common},
            )
        progress = self.context.on_progress
        losses = network.worker.request(
            op, fields, seconds=self.context.limits.seconds_training, seed=seed,
            on_progress=lambda done, loss: progress(f"training {index + 1}", done, steps),
        )  # fmt: skip
        if lanes[1] is not None:
            student.seed = None
            ddpm = student.module("ddpm")
            remote = student.network(lambda x, t: network.call("", x, t))
            model = ddpm.new(
                "DiffusionModule", remote, ddpm.new("BaseScheduler", training["num_train_timesteps"], **settings)
            )
        student.seed = home.seed = None
        return Trained(
            expect_tensor(from_wire(losses), (steps,), "The loss curve"),
            time.perf_counter() - started,
            model,
            network,
            seed,
        )

    # Sampling

    def measure(self, sampler: Sampler, plan: Plan, trained: Trained, threshold: float) -> Measured:
        draw = Draw(self.context.secret, self.context.digest, f"1-5 {sampler} {trained.seed}")
        draws: list[float] = []
        first: Floats | None = None
        wanted = self.rule.draws(sampler)
        while len(draws) < wanted:
            count = self.context.manifest.training["num_samples"] * (wanted - len(draws))
            samples = self.sample(sampler, plan, trained, count, draw)
            first = samples[: len(self.target)] if first is None else first
            draws += [chamfer_distance(part, self.target) for part in np.split(samples, wanted - len(draws))]
            if wanted == self.rule.draws(sampler) and abs(median(draws) / threshold - 1) < self.rule.near:
                wanted += self.rule.more_draws
        assert first is not None
        return Measured(tuple(round(value, 2) for value in draws), first)

    def sample(self, sampler: Sampler, plan: Plan, trained: Trained, count: int, draw: Draw) -> Floats:
        self.context.on_progress(f"sampling ({sampler.upper()})", 0, 1)
        assert trained.model is not None
        if not plan.own_loop:
            return self._own_step_in_reference_loop(sampler, trained.model, count, draw)
        model = trained.model if plan.own_step else self._with_reference_step(sampler, trained.network, draw)
        extra = {"num_inference_timesteps": self._inference_steps} if sampler == "ddim" else {}
        fields = {"target": model.ref, "path": LOOP[sampler], "args": [(count, 2)], "kwargs": extra}
        limits, threads = self.context.limits, self.context.threads
        value = model.worker.request("call", fields, seconds=limits.seconds_training, seed=draw.seed(), threads=threads)
        return expect_tensor(from_wire(value), (count, 2), f"The result of {LOOP[sampler]}")

    @property
    def _inference_steps(self) -> int:
        return self.context.manifest.training["num_inference_timesteps"]

    def _with_reference_step(self, sampler: Sampler, network: Handle, draw: Draw) -> Handle:
        """The student's module in a lane of its own, whose step is answered here, with the trained network, there."""
        student = Student(self.context.sandbox.lane(), self.context.files, self.context.limits)
        self.lanes.append(student.lane)
        ddpm = student.module("ddpm")
        remote = student.network(lambda x, t: network.call("", x, t))
        model = ddpm.new("DiffusionModule", remote, ddpm.new("BaseScheduler", self.schedule.num_timesteps))

        def step(xt: Any, t: Any, t_prev: Any = None, eta: Any = 0.0) -> Any:
            x = expect_tensor(xt, np.shape(xt), f"What {LOOP[sampler]} gives {STEP[sampler]}")
            now, before = (int(as_timesteps(time, len(x))[0]) for time in (t, -1 if t_prev is None else t_prev))
            eps = expect_tensor(
                network.call("", x.astype(np.float32), np.array([now])), x.shape, "The output of SimpleNet"
            )
            a, b, sigma = self._coefficients(sampler, now, before)
            return (a * x - b * eps + sigma * draw.normal(*x.shape)).astype(np.float32)

        model.set(STEP[sampler], student.function(step))
        return model

    def _own_step_in_reference_loop(self, sampler: Sampler, model: Handle, count: int, draw: Draw) -> Floats:
        """The loop, here, around the student's step, there, with t in the first form that the step takes."""
        x, forms = draw.normal(count, 2), [*FORMS]
        model.student.seed = draw.seed()
        times = self._times(sampler)
        for t, t_prev in zip(times, [*times[1:], -1]):
            while True:
                given = [
                    form(time, count) for form in forms[:1] for time in ([t] if sampler == "ddpm" else [t, t_prev])
                ]
                try:
                    answer = model.call(STEP[sampler], x.astype(np.float32), *given)
                    break
                except Raised:
                    if len(forms) == 1:
                        raise
                    del forms[0]
            model.student.seed = None
            x = expect_tensor(answer, (count, 2), f"The result of {STEP[sampler]}")
        return x

    def _times(self, sampler: Sampler) -> list[int]:
        """t of every step, from large to small."""
        count = self.schedule.num_timesteps if sampler == "ddpm" else self._inference_steps
        return [step * (self.schedule.num_timesteps // count) for step in reversed(range(count))]

    def _coefficients(self, sampler: Sampler, t: int, t_prev: int) -> tuple[float, float, float]:
        """(a, b, σ) of the reference's step a x − b ε_θ + σ z; DDIM's with η = 0."""
        t = min(max(t, 0), self.schedule.num_timesteps - 1)
        if sampler == "ddim":
            return self.schedule.ddim_coefficients(t, min(max(t_prev, -1), self.schedule.num_timesteps - 1), 0.0)
        return (*self.schedule.p_coefficients(t), float(np.sqrt(self.schedule.betas[t])) * (t > 0))

    # For the report

    def notices(self) -> list[Notice]:
        """Nothing: what is to be said stands in the checks."""
        return []

    def figures(self) -> list[Figure]:
        """Loss curve, samples of both samplers over the target, and x_t over t; as far as there is something to draw."""
        pictures = []
        if self.trained:
            trained = self.trained[0]
            caption = f"Training loss over {len(trained.losses)} iterations, {trained.seconds:.0f} s."
            pictures.append(figures.loss_curve(trained.losses, caption))
        titles = {"ddpm": "DDPM", "ddim": f"DDIM, {self.context.manifest.training['num_inference_timesteps']} steps"}
        for sampler in SAMPLERS:
            results = self.measured[sampler]
            if results:
                best = min(results, key=lambda result: result.median)
                draws = ", ".join(f"{value:.1f}" for value in best.draws)
                caption = f"Chamfer distance {best.median:.1f} (median of {draws}); the threshold is {self.rule.threshold(sampler):g}."
                pictures.append(
                    figures.samples_scatter(
                        self.target, best.samples, titles[sampler], caption, name=f"samples_{sampler}"
                    )
                )
        noised = self.x_t_over_t()
        if noised:
            pictures.append(figures.noising_strip(noised, "The target sent through your q_sample: x_t at growing t."))
        return pictures

    def x_t_over_t(self, timesteps: tuple[int, ...] = (0, 50, 100, 200, 400, 999)) -> dict[int, Floats]:
        """The target sent through the student's q_sample; empty where that is not possible."""
        student = Student(self.context.sandbox.lane(), self.context.files, self.context.limits)
        self.lanes.append(student.lane)
        try:
            ddpm = student.module("ddpm")
            student.seed = 1
            model = ddpm.new(
                "DiffusionModule",
                student.network(lambda x, t: x),
                ddpm.new("BaseScheduler", self.schedule.num_timesteps),
            )
            x0 = self.target.astype(np.float32)
            return {
                t: expect_tensor(model.call("q_sample", x0, np.full(len(x0), t)), x0.shape, "x_t") for t in timesteps
            }
        except (StudentFailure, WrongAnswer):
            return {}
