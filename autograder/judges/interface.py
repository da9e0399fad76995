"""How one course calls what the judgements judge: its names, its index base, the forms in which it hands over t.

A judgement knows an equation and speaks to a course through an Interface only. A course subclasses it in its own folder:

    class Kaist(Interface):
        def build(self, schedule: Schedule, network: Network) -> Handle:
            ddpm = self.student.module("ddpm")
            scheduler = ddpm.later("BaseScheduler", schedule.num_timesteps, beta_1=…, beta_T=…, mode=…)
            return ddpm.later("DiffusionModule", self.student.network(network), scheduler)

and its checks say `forward_process.judge_closed_form(Kaist(student, sample_shape), draw, note)`. What is written here are the calls of the
original DDPM code; a course overrides those that are others in its code, and what it lacks it has no check for.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from autograder.grading.seeds import Draw
from autograder.judges.network import MOST_CALLS, Call, Network
from autograder.judges.signature import Signature
from autograder.oracles.schedule import Floats, Schedule
from autograder.sandbox.proxies import Handle, Student

Form = Callable[[int, int], Any]  # (t, rows) → t as a step is given it
FORMS: tuple[Form, ...] = (
    lambda t, rows: np.array([t]),  # a tensor of shape (1,)
    lambda t, rows: np.array(t),  # a tensor of shape ()
    lambda t, rows: np.full(rows, t),  # a tensor of shape (B,)
    lambda t, rows: t,  # an integer
)


@dataclass(frozen=True)
class Names:
    """What the course calls its functions, as attributes of the model, and as students read them; `network`: how they call theirs.

    `q_sample` is "" where the loss noises the data itself. `labels_of_samples`: which sample has which label, where the loop has to know.
    """

    q_sample: str = "q_sample"
    p_sample: str = "p_sample"
    p_sample_loop: str = "p_sample_loop"
    ddim_p_sample: str = "ddim_p_sample"
    ddim_p_sample_loop: str = "ddim_p_sample_loop"
    compute_loss: str = "compute_loss"
    network: str = "self.network(xt, t)"
    labels_of_samples: str = ""


@dataclass(frozen=True)
class Interface:
    """One course around one submission. `sample_shape`: of the data in the checks, (2,) for points and (C, H, W) for images.

    `model` is whatever `build` returns; t is a row of the schedule's table. Results are what the worker answered: a judgement looks at them.
    """

    student: Student
    sample_shape: tuple[int, ...]
    fixed_seed: int | None = None  # of a sampler that takes a seed, whatever state the generators of the worker are in

    names: ClassVar[Names] = Names()
    forms: ClassVar[tuple[Form, ...]] = FORMS  # of t, of which a step has to take one
    network_arguments: ClassVar[tuple[str, ...] | Signature] = ("x", "t")  # without "t" where it is not told the time
    clean_times: ClassVar[tuple[int, ...]] = (-1, -3)  # with which a DDIM step is told that it leads to clean data
    classes: ClassVar[int] = 0  # of the labels that the network must be given beside x_t; 0 where there are none

    @property
    def network_is_told_t(self) -> bool:
        arguments = self.network_arguments
        return "t" in (arguments.names if isinstance(arguments, Signature) else arguments)

    @property
    def data_limit(self) -> float:
        """The largest |x_0|: the points of the roll reach 3.8, images ±1."""
        return 4.0 if len(self.sample_shape) == 1 else 1.0

    @property
    def clamp(self) -> float | None:
        """At ± this a sampler may clamp its estimates of x_0, and its result: where images end. None for points."""
        return None if len(self.sample_shape) == 1 else self.data_limit

    @property
    def data_range(self) -> tuple[float, float]:
        """Of x_0."""
        return -self.data_limit, self.data_limit

    @property
    def wider(self) -> Self:
        """The same for samples of another size and as many dimensions, since no size may be written into the code."""
        return dataclasses.replace(self, sample_shape=(*self.sample_shape[:-1], self.sample_shape[-1] + 1))

    # The schedule and the network

    def schedule(self, draw: Draw, num_timesteps: int | None = None) -> Schedule:
        """A secret schedule around which `build` can build; where the course's own is fixed, that, as a table."""
        return draw.schedule(num_timesteps)

    def build(self, schedule: Schedule, network: Network) -> Any:
        """The student's code around a schedule and a network that the grader answers, best made with the first request that uses it."""
        raise NotImplementedError

    def network(self, schedule: Schedule, eps_theta: Callable[[Floats, int], Floats]) -> Network:
        """A noise predictor ε_θ(x, t) whose rows all have the same t. One that is not told t is at the next of the times at every call."""

        def answer(call: Call) -> Floats:
            if self.network_is_told_t:
                return eps_theta(call.x, int(self.row_of(schedule, call.t[0])))
            return eps_theta(call.x, max(schedule.last + 1 - len(network.calls), schedule.first))

        network = self.answered(answer, **self.calls_of(schedule))
        return network

    def calls_of(self, schedule: Schedule) -> dict[str, Any]:
        """How many calls of the network one loop may make, and how a student is told."""
        if schedule.num_timesteps < 25:
            return {}
        return {
            "most_calls": schedule.num_timesteps + MOST_CALLS,
            "steps": f"its schedule has {schedule.num_timesteps} timesteps",
        }

    def answered(self, answer: Callable[[Call], Floats], **settings: Any) -> Network:
        return Network(answer, self.network_arguments, **settings)

    def time_for_network(self, schedule: Schedule, t: Floats) -> Floats:
        """What the network is to be given for the rows t."""
        return t

    def row_of(self, schedule: Schedule, time: float) -> float:
        """The row to which a time that the network was given belongs; a fraction where it belongs to none."""
        return time

    def network_gradient(self, model: Any) -> Any:
        """The gradient of the number by which the network's answers are scaled, None where there is none."""
        return model.get("network.scale.grad")

    # The labels

    def labels(self, draw: Draw, rows: int) -> Any:
        """Labels 0 … classes − 1, (B,), for the data that the loss is given, or None."""
        return draw.generator.integers(0, self.classes, rows) if self.classes else None

    def labels_of_step(self, rows: int) -> Any:
        """Those with which `p_sample` and `ddim_p_sample` are called for so many samples, or None."""
        return None

    def labels_of_samples(self, draw: Draw, rows: int) -> Any:
        """Those with which the loop has to draw, whether it is told them or knows."""
        return self.labels(draw, rows)

    def conditions_in(self, call: Call) -> list[Any]:
        """What a call of the network was given as labels: whatever stands beside x_t."""
        return [value for value in call.more.values() if value is not None]

    def are_labels(self, value: Any, labels: Any) -> bool:
        """Whether a value that the network was given holds the labels of its batch, (B,)."""
        return isinstance(value, np.ndarray) and value.shape == labels.shape and np.array_equal(value, labels)

    def shape_of_samples(self, rows: int, draw: Draw) -> tuple[int, ...]:
        """Of a run of the loop whose states hold about as many numbers as `rows` samples; where the course's loop decides how many it draws, of
        as many as that.
        """
        return (rows, *self.sample_shape)

    # The functions of the course

    def region_of(self, name: str) -> str:
        """The region that a function named by `names` is, as a manifest calls it, or as short as is clear."""
        return name

    def q_sample(self, model: Any, x0: Any, t: Any, noise: Any = None) -> Any:
        return model.call(self.names.q_sample, x0, t, *([] if noise is None else [noise]))

    def p_sample(self, model: Any, xt: Any, t: Any) -> Any:
        return model.call(self.names.p_sample, xt, t)

    def p_sample_loop(self, model: Any, shape: tuple[int, ...], labels: Any = None) -> Any:
        return model.call(self.names.p_sample_loop, shape, *([] if labels is None else [labels]))

    def ddim_p_sample(self, model: Any, xt: Any, t: Any, t_prev: Any, eta: float) -> Any:
        return model.call(self.names.ddim_p_sample, xt, t, t_prev, eta)

    def ddim_p_sample_loop(self, model: Any, shape: tuple[int, ...], steps: int, **eta: float) -> Any:
        return model.call(self.names.ddim_p_sample_loop, shape, num_inference_timesteps=steps, **eta)

    def compute_loss(self, model: Any, x0: Any, labels: Any = None) -> Handle:
        """The loss, kept in the worker."""
        loss: Handle = model.new(self.names.compute_loss, x0, *([] if labels is None else [labels]))
        return loss

    def replace(self, model: Any, name: str, function: Callable[..., Any]) -> None:
        """Another function of the model, named by `names`, is answered by the grader from now on; with the arguments of the calls above."""
        model.set(name, self.student.function(function))
