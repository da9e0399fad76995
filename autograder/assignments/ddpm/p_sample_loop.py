"""Judgements of the DDPM sampling loop (DDPM, Alg. 2)."""

import functools
from typing import Any

import numpy as np

from autograder.assignments.ddpm.recorder import StepRecorder, expect_chain, run_again, trajectory_fault
from autograder.assignments.ddpm.setting import (
    ROWS,
    Network,
    Setting,
    expect_float32_inputs,
    expect_fresh_start,
    expect_start,
    gaussian_oracle,
    listed,
)
from autograder.grading.checks import Carry, Note, WrongAnswer, any_form, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.oracles.gaussian import GaussianOracle
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import moments_fault
from autograder.sandbox.proxies import Handle


def expect_countdown(times: list[float], num_timesteps: int, what: str) -> None:
    """t = T−1, …, 1, 0, each once."""
    expected = [float(t) for t in range(num_timesteps - 1, -1, -1)]
    if times == expected:
        return
    shown = listed(times)
    last = num_timesteps - 1
    if not times:
        problem = "yours took no step at all"
    elif sorted(times) == sorted(expected):
        problem = f"yours took them in another order: {shown}"
    elif len(times) != len(expected):
        problem = f"yours took {len(times)} steps: {shown}"
    else:
        problem = f"yours took {shown}"
    raise WrongAnswer(
        f"With T = {num_timesteps}, {what} must take the steps t = {last}, {last - 1}, …, 1, 0, {num_timesteps} in all; {problem}."
    )


def judge_steps(setting: Setting, draw: Draw, note: Note) -> None:
    """The loop around the reference step; or, where that does not fit or is not called, as it is, by its network calls."""
    schedule = draw.schedule()
    note.inputs["schedule"] = schedule
    oracle = gaussian_oracle(schedule, draw, setting.sample_shape)
    any_form(
        note, [functools.partial(_judge_steps, setting, schedule, oracle, draw, note, own) for own in (False, True)]
    )


def _judge_steps(
    setting: Setting, schedule: Schedule, oracle: GaussianOracle, draw: Draw, note: Note, own_step: bool
) -> None:
    shape = (ROWS, *setting.sample_shape)
    network = Network(oracle.eps_theta)
    diffusion = setting.build(schedule, network)
    recorder = StepRecorder(schedule, draw, oracle.eps_theta, schedule.betas)
    if not own_step:
        diffusion.set("p_sample", setting.student.function(recorder.p_sample))
    setting.student.seed = draw.seed()
    answer = diffusion.call("p_sample_loop", shape)
    calls = recorder.calls or [{"x": x, "t": t[0]} for x, t in network.calls]
    times = [call["t"] for call in calls]
    note("t", times, 0)
    note("number of steps", len(times), 0)
    note.measured_work(len({*times}) > schedule.num_timesteps / 2)
    note("kind of result", answer.ndim if isinstance(answer, np.ndarray) else -1, 0)
    if calls:
        note("x_T spread", calls[0]["x"].std(), 0.05)
    expect_countdown(times, schedule.num_timesteps, "p_sample_loop")
    expect_start(calls[0]["x"], shape, "p_sample_loop")
    result = expect_tensor(answer, shape, "The result of p_sample_loop")
    if recorder.calls:
        expect_chain(calls, result, "p_sample_loop")
        note("chain", 1, 0)
        _judge_second_run(calls, setting, diffusion, network, recorder, note)
        return
    states = [call["x"] for call in calls] + [result]
    faults = []
    for variance in (schedule.betas, schedule.posterior_variance):
        steps = [(t, *schedule.p_coefficients(t), float(np.sqrt(variance[t])) * (t > 0)) for t in map(int, times)]
        faults.append(trajectory_fault(states, steps, oracle))
    note("trajectory", float(None not in faults), 0)
    expect(None in faults, f"p_sample_loop does its own steps, and {faults[0]}.")
    _judge_second_run(calls, setting, diffusion, network, recorder, note)


def _judge_second_run(
    calls: list[dict[str, Any]],
    setting: Setting,
    diffusion: Handle,
    network: Network,
    recorder: StepRecorder,
    note: Note,
) -> None:
    again = run_again(setting, diffusion, network, recorder, note, "p_sample_loop")
    expect_countdown(
        [call["t"] for call in again], recorder.schedule.num_timesteps, "p_sample_loop, called a second time,"
    )
    expect_fresh_start(calls[0]["x"], again[0]["x"], note, "p_sample_loop")


def judge_distribution(setting: Setting, draw: Draw, note: Note, carry: Carry) -> None:
    schedule = draw.schedule()
    shape = (ROWS, *setting.sample_shape)
    oracle = gaussian_oracle(schedule, draw, setting.sample_shape)
    network = Network(oracle.eps_theta)
    diffusion = setting.build(schedule, network)
    if carry.stands_in_for("p_sample"):
        recorder = StepRecorder(schedule, draw, oracle.eps_theta, schedule.betas)
        diffusion.set("p_sample", setting.student.function(recorder.p_sample))
    setting.student.seed = draw.seed()
    samples = expect_tensor(diffusion.call("p_sample_loop", shape), shape, "The result of p_sample_loop")
    expect_float32_inputs(network, note, "p_sample_loop")
    note("mean", samples.mean(axis=0), 0.1)
    note("spread", samples.std(axis=0), 0.05)
    faults = []
    for variance in (schedule.betas, schedule.posterior_variance):
        steps = [
            (t, *schedule.p_coefficients(t), float(np.sqrt(variance[t])) * (t > 0))
            for t in reversed(range(schedule.num_timesteps))
        ]
        faults.append(moments_fault(samples, *oracle.sampled_moments(steps)))
    expect(
        None in faults,
        f"With the exact noise predictor of Gaussian data, p_sample_loop must give that Gaussian, but {faults[0]}.",
    )
