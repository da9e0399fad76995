"""Stands in for a student's step inside a student's loop, and judges what the loop did with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, expect, expect_finite, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.interface import Interface, Names
from autograder.judges.network import MOST_CALLS, ROWS, Network, as_state, as_timesteps, silent, too_many_calls
from autograder.measuring import LoopStep, chain_fault
from autograder.oracles.gaussian import GaussianOracle
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import GraderHangup
from autograder.sandbox.proxies import describe


@dataclass
class StepRecorder:
    """Stands in for the student's own step: answers with the reference step and remembers the calls.

    What it is given must be finite before it is kept, as in Network.
    """

    names: Names
    schedule: Schedule
    draw: Draw
    eps_theta: Callable[[Floats, int], Floats]
    variance: Floats
    calls: list[LoopStep] = field(default_factory=list)

    def p_sample(self, xt: Any, t: Any) -> Any:
        x = self._x(xt)
        times = as_timesteps(t, len(x), f"The t that {self.names.p_sample} is given in the loop")
        now = self._index(times)
        a, b = self.schedule.p_coefficients(now)
        sigma = (now > self.schedule.first) * np.sqrt(self.variance[now])
        out = a * x - b * self.eps_theta(x, now) + sigma * self.draw.normal(*x.shape)
        return self._keep(x, times[0], None, None, out)

    def ddim_p_sample(self, xt: Any, t: Any, t_prev: Any, eta: Any = 0.0) -> Any:
        x = self._x(xt)
        times = as_timesteps(t, len(x), f"The t that {self.names.ddim_p_sample} is given in the loop")
        previous = as_timesteps(t_prev, len(x), f"The t_prev that {self.names.ddim_p_sample} is given in the loop")
        strength = self._eta(eta)
        now, before = self._index(times), int(np.clip(previous[0], -1, self.schedule.last))
        a, b, sigma = self.schedule.ddim_coefficients(now, before, 0.0)
        return self._keep(x, times[0], float(previous[0]), strength, a * x - b * self.eps_theta(x, now) + sigma)

    def _x(self, xt: Any) -> Floats:
        if not isinstance(xt, np.ndarray) or xt.dtype.kind != "f":
            raise GraderHangup(f"xt must be a floating-point tensor, and is {describe(xt)}")
        return as_state(xt, "xt", "The x_t that each step is given")

    def _eta(self, eta: Any) -> float:
        if not isinstance(eta, (int, float, np.ndarray)) or np.size(eta) != 1:
            raise GraderHangup(f"eta must be a number, and is {describe(eta)}")
        return float(expect_finite(np.asarray(eta), "The eta that each step is given").ravel()[0])

    def _index(self, times: Floats) -> int:
        return int(np.clip(times[0], self.schedule.first, self.schedule.last))

    def _keep(self, x: Floats, t: float, t_prev: float | None, eta: float | None, out: Floats) -> Any:
        answer = out.astype(np.float32)
        self.calls.append(LoopStep(x, float(t), t_prev, eta, answer.astype(np.float64)))
        if len(self.calls) > MOST_CALLS:
            raise too_many_calls(MOST_CALLS)
        return answer


def steps_taken(course: Interface, recorder: StepRecorder, network: Network) -> list[LoopStep]:
    """The calls of the stand-in for the step, or, where there were none, those of the network."""
    by_network = [LoopStep(call.x, course.row_of(recorder.schedule, call.t[0])) for call in network.calls]
    return recorder.calls or by_network


def run_again(
    course: Interface,
    network: Network,
    recorder: StepRecorder,
    note: Note,
    loop: str,
    run: Callable[[tuple[int, ...]], Any],
) -> list[LoopStep]:
    """The steps of one more `run` of the same loop, with no seed set before it, for samples of another size."""
    shape = (ROWS // 2, *course.wider.sample_shape)
    recorder.calls, network.calls = [], []
    recorder.eps_theta, network.answer = lambda x, t: np.zeros_like(x), silent
    course.student.seed = None
    answer = run(shape)
    calls = steps_taken(course, recorder, network)
    expect(calls, f"{loop}, called a second time, must take its steps again; yours took none.")
    began = calls[0].x.shape
    note("second run: t", [call.t for call in calls], 0)
    if began != shape:
        note("second run: shape", 0, 0)
    expect(
        began == shape,
        f"{loop}, called a second time, for other sizes, must start from noise of the shape asked for, {shape}; yours has {began}.",
    )
    expect_tensor(answer, shape, f"The result of {loop}, called a second time,")
    return calls


def expect_chain(calls: list[LoopStep], result: Floats, what: str, clamp: float | None) -> None:
    """Each step gets the result of the one before, and the last result is returned, or clamped at ± `clamp`, where that is right."""
    last = calls[-1].out
    if clamp is not None and last is not None and near(result, last.clip(-clamp, clamp), 1e-4):
        result = last
    fault = chain_fault(calls, result, what)
    expect(fault is None, fault or "")


def trajectory_fault(
    states: list[Floats], steps: list[tuple[int, float, float, float]], oracle: GaussianOracle
) -> str | None:
    """How the states of a loop differ from x ← a x − b ε_θ(x, t) + σ z over `steps` (t, a, b, σ), with fresh z; or None."""
    before = None
    for (t, a, b, sigma), x, following in zip(steps, states, states[1:]):
        rest = following - a * x + b * oracle.eps_theta(x, t)
        if sigma < 1e-6:
            if not near(rest, 0, 2e-3):
                return f"the step at t = {t} must add no noise and be exact; it is off by up to {abs(rest).max():.4f}"
            continue
        problem = standard_normal_fault(rest / sigma)
        if problem:
            return f"the noise of the step at t = {t} must be normal with standard deviation {sigma:.4f}, but {problem}"
        if before is not None and correlation(rest, before)[1]:
            return f"the noise of the step at t = {t} is not fresh: it is that of the step before"
        before = rest
    return None
