"""Samples of one sampler around a trained network: the student's step and loop, or one of them and the reference's other half."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.assignments.swiss_roll.stand_ins import LOOP, STEP, Plan, Sampler
from autograder.assignments.swiss_roll.training import EpsTheta
from autograder.grading.checks import Floats, expect_tensor
from autograder.grading.outcome import OutcomeContext
from autograder.grading.seeds import Draw
from autograder.judges.interface import FORMS
from autograder.judges.network import as_timesteps
from autograder.oracles.schedule import EvenlySpaced
from autograder.sandbox.failures import Raised
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Handle, Student, from_wire


class Sampling:
    """Draws samples; whose step and whose loop, says the plan."""

    def __init__(self, context: OutcomeContext, schedule: EvenlySpaced, open_lane: Callable[[], Lane]):
        self.context, self.schedule, self.open_lane = context, schedule, open_lane

    def sample(self, sampler: Sampler, plan: Plan, model: Handle, eps_theta: EpsTheta, count: int, draw: Draw) -> Floats:
        """Points, (count, 2). `model`: the student's DiffusionModule around a network, of which `eps_theta` asks from here."""
        self.context.on_progress(f"sampling ({sampler.upper()})", 0, 1)
        if not plan.own_loop:
            return self._own_step_in_reference_loop(sampler, model, count, draw)
        if not plan.own_step:
            model = self._with_reference_step(sampler, eps_theta, draw)
        extra = {"num_inference_timesteps": self._inference_steps} if sampler == "ddim" else {}
        fields = {"target": model.ref, "path": LOOP[sampler], "args": [(count, 2)], "kwargs": extra}
        limits, threads = self.context.limits, self.context.threads
        value = model.worker.request("call", fields, seconds=limits.seconds_training, seed=draw.seed(), threads=threads)
        return expect_tensor(from_wire(value), (count, 2), f"The result of {LOOP[sampler]}")

    @property
    def _inference_steps(self) -> int:
        return self.context.manifest.training["num_inference_timesteps"]

    def _with_reference_step(self, sampler: Sampler, eps_theta: EpsTheta, draw: Draw) -> Handle:
        """The student's module in a lane of its own, whose step is answered here, with what the network answers there."""
        student = Student(self.open_lane(), self.context.files, self.context.limits)
        ddpm = student.module("ddpm")
        remote = student.network(eps_theta)
        model = ddpm.new("DiffusionModule", remote, ddpm.new("BaseScheduler", self.schedule.num_timesteps))

        def step(xt: Any, t: Any, t_prev: Any = None, eta: Any = 0.0) -> Any:
            x = expect_tensor(xt, np.shape(xt), f"What {LOOP[sampler]} gives {STEP[sampler]}")
            now, before = (int(as_timesteps(time, len(x))[0]) for time in (t, -1 if t_prev is None else t_prev))
            eps = expect_tensor(eps_theta(x.astype(np.float32), np.array([now])), x.shape, "The output of SimpleNet")
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
