"""Task 1-5: train the submission with the manifest's recipe, draw samples, and measure Chamfer distances.

Where checks have found a part of the pipeline wrong, the reference stands in for it, over the boundary, so that a mistake
that has cost its own task does not cost this one too; `stand_ins` says when. The reference's loss trains the student's
network, the reference's step runs in the student's loop, and the student's step in the reference's loop.

The rule, and the measurements it rests on, are in docs/outcome-rule.md.
"""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from statistics import median

import numpy as np
from scipy.spatial import KDTree

from autograder.assignments.swiss_roll.points import chamfer_distance, swiss_roll
from autograder.assignments.swiss_roll.rule import Rule
from autograder.assignments.swiss_roll.sampling import Sampling
from autograder.assignments.swiss_roll.shared import Shared
from autograder.assignments.swiss_roll.stand_ins import LOSS, NETWORK, SAMPLERS, Plan, Sampler, plan_for
from autograder.assignments.swiss_roll.training import EpsTheta, Trained, Trainer
from autograder.grading.checks import Carry, Floats, Held, Note, WrongAnswer, expect_tensor
from autograder.grading.outcome import OutcomeContext
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import EvenlySpaced
from autograder.regions import shortest
from autograder.report import figures
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student
from autograder.submission.rules import listed
from autograder.verdict import Figure, Notice

UNTRAINED_SAMPLES, UNTRAINED_STEPS, DENSE, KNOWN = 256, 100, 100_000, 0.02  # see Outcome._ignores_network

SHARED = (
    "Task 1-5 was judged with weights of a training of the reference, not of one of your own: the checks have shown that your network and your "
    "loss are the reference's, or the reference stands in for them, so that a training of your own would differ by luck only."
)


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
        self.trainer = Trainer(self.context, self.schedule, self.data, self._open_lane)
        self.shared = Shared(self.context, self.trainer)
        self.sampling = Sampling(self.context, self.schedule, self._open_lane)
        self.background: Future[Trained] | None = None
        self.pool = ThreadPoolExecutor(1)

    def start(self) -> None:
        """Begin the first training now, on the hope that network and loss are right; with shared trainings, none is needed then."""
        if self.context.outcome == "own" and not self.context.untouched & {*NETWORK, *LOSS}:
            self.background = self.pool.submit(self.trainer.train, Plan(), 0, self.trainer.open_lanes(Plan()))

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
            trained = self.training(plan, index, carry.proved)
            result = self.measure(sampler, plan, trained, threshold)
            self.measured[sampler].append(result)
            note(f"training {index + 1}", result.draws, 1.0)
            note(f"training {index + 1} is the reference's", trained.shared, 0)
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

        The mean squared distance to the data is 0 for points of it, 0.003 for good samples, and above 0.1 for points that know nothing of it. The
        schedule is a short one with about the same ᾱ at t/T.
        """
        if not plan.own_loop:
            return False
        training, student = self.context.manifest.training, self.trained[0].model.student
        draw = Draw(self.context.secret, self.context.digest, f"1-5 {sampler} untrained")
        try:
            ddpm = student.module("ddpm")
            settings = (2, 2, list(training["dim_hids"]), UNTRAINED_STEPS)
            own = student.module("network").new("SimpleNet", *settings) if plan.own_network else None
            scale = training["num_train_timesteps"] / UNTRAINED_STEPS
            betas = {name: scale * training[name] for name in ("beta_1", "beta_T")}
            network = student.network(_silent) if own is None else own
            model = ddpm.new("DiffusionModule", network, ddpm.new("BaseScheduler", UNTRAINED_STEPS, **betas))
            short = EvenlySpaced(UNTRAINED_STEPS, **betas, mode=training["mode"])
            eps_theta: EpsTheta = _silent if own is None else lambda x, t: own.call("", x, t)
            samples = Sampling(self.context, short, self._open_lane).sample(sampler, plan, model, eps_theta, UNTRAINED_SAMPLES, draw)
        except (StudentFailure, WrongAnswer):
            return False
        distances, _ = self.dense.query(samples)
        return float((distances**2).mean()) < KNOWN

    @cached_property
    def dense(self) -> KDTree:
        return KDTree(self.data[:DENSE])

    def _sentence(self, sampler: Sampler, results: list[Measured], threshold: float, stand_ins: list[str]) -> str:
        medians = ", ".join(f"{result.median:.1f}" for result in results)
        trainings = f"the best of {len(results)} trainings" if len(results) > 1 else "the training"
        note = f" The reference stood in for {listed([*map(shortest, stand_ins)])}." if stand_ins else ""
        return f"The Chamfer distance of {trainings} must be below {threshold:g}; yours is {medians}.{note}"

    # Training and sampling

    def _open_lane(self) -> Lane:
        """One that is closed with this outcome."""
        lane = self.context.sandbox.lane()
        self.lanes.append(lane)
        return lane

    def training(self, plan: Plan, index: int, proved: frozenset[str] = frozenset()) -> Trained:
        """`proved`: regions whose checks have all been passed, with which a training of the reference may do."""
        if index < len(self.trained):
            return self.trained[index]
        trained = self.shared.trained(plan, index, proved) or self._own_training(plan, index)
        self.trained.append(trained)
        return trained

    def _own_training(self, plan: Plan, index: int) -> Trained:
        same = plan.own_network and plan.own_loss
        if index == 0 and self.background is not None and same:
            return self._wait_for(self.background)
        if self.background is not None and not self.background.done():
            self.close()
            self.pool = ThreadPoolExecutor(1)
        return self.trainer.train(plan, index, self.trainer.open_lanes(plan))

    def _wait_for(self, future: Future[Trained]) -> Trained:
        while not future.done():
            wait([future], timeout=0.2)
            self.context.on_wait()
        return future.result()

    def measure(self, sampler: Sampler, plan: Plan, trained: Trained, threshold: float) -> Measured:
        draw = Draw(self.context.secret, self.context.digest, f"1-5 {sampler} {trained.seed}")
        draws: list[float] = []
        first: Floats | None = None
        wanted = self.rule.draws(sampler)
        while len(draws) < wanted:
            count = self.context.manifest.training["num_samples"] * (wanted - len(draws))
            samples = self.sampling.sample(sampler, plan, trained.model, trained.eps_theta, count, draw)
            first = samples[: len(self.target)] if first is None else first
            draws += [chamfer_distance(part, self.target) for part in np.split(samples, wanted - len(draws))]
            if wanted == self.rule.draws(sampler) and abs(median(draws) / threshold - 1) < self.rule.near:
                wanted += self.rule.more_draws
        assert first is not None
        return Measured(tuple(round(value, 2) for value in draws), first)


    # For the report

    def notices(self) -> list[Notice]:
        """Whose training was judged, where that is not the student's own as a matter of course."""
        if any(trained.shared for trained in self.trained):
            return [Notice("shared_training", SHARED)]
        if self.shared.reason:
            return [Notice("staff", f"Task 1-5 was trained for this submission by itself, because {self.shared.reason}.")]
        return []

    def figures(self) -> list[Figure]:
        """Loss curve, samples of both samplers over the target, and x_t over t; as far as there is something to draw."""
        pictures = []
        if self.trained:
            trained = self.trained[0]
            whose = "of the reference's training, whose weights were used" if trained.shared else f"{trained.seconds:.0f} s"
            caption = f"Training loss over {len(trained.losses)} iterations, {whose}."
            pictures.append(_loss_curve(tuple(trained.losses), caption))
        titles = {"ddpm": "DDPM", "ddim": f"DDIM, {self.context.manifest.training['num_inference_timesteps']} steps"}
        for sampler in SAMPLERS:
            results = self.measured[sampler]
            if results:
                best = min(results, key=lambda result: result.median)
                draws = f" (median of {', '.join(f'{value:.1f}' for value in best.draws)})" if len(best.draws) > 1 else ""
                caption = f"Chamfer distance {best.median:.1f}{draws}; the threshold is {self.rule.threshold(sampler):g}."
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
        student = Student(self._open_lane(), self.context.files, self.context.limits)
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


def _silent(x: Floats, t: Floats) -> Floats:
    return 0 * x


@lru_cache(maxsize=8)
def _loss_curve(losses: tuple[float, ...], caption: str) -> Figure:
    """Drawn once for each training that several submissions share."""
    return figures.loss_curve(losses, caption)
