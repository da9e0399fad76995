"""Judgements of the DDPM sampling loop (DDPM, Alg. 2)."""

import functools
from typing import Any

import numpy as np

from autograder.grading.checks import Carry, Note, WrongAnswer, any_form, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.expectations import (
    expect_float32_inputs,
    expect_fresh_start,
    expect_start,
    gaussian_oracle,
)
from autograder.judges.interface import Interface
from autograder.judges.labels import expect_labels
from autograder.judges.network import ROWS, Network
from autograder.judges.recorder import StepRecorder, expect_chain, run_again, steps_taken, trajectory_fault
from autograder.measuring import LoopStep, listed
from autograder.oracles.gaussian import GaussianOracle
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import moments_fault

MOST_NUMBERS = 1 << 23  # that the network of one run is given; a long schedule gets fewer rows


def expect_countdown(times: list[float], schedule: Schedule, what: str) -> None:
    """The last t, …, the first, each once."""
    expected = [float(t) for t in reversed(schedule.times)]
    if times == expected:
        return
    shown = listed(times)
    first, last, num_timesteps = schedule.first, schedule.last, schedule.num_timesteps
    if not times:
        problem = "yours took no step at all"
    elif sorted(times) == sorted(expected):
        problem = f"yours took them in another order: {shown}"
    elif len(times) != len(expected):
        problem = f"yours took {len(times)} steps: {shown}"
    else:
        problem = f"yours took {shown}"
    raise WrongAnswer(
        f"With T = {num_timesteps}, {what} must take the steps t = {last}, {last - 1}, …, {first + 1}, {first}, {num_timesteps} in all; {problem}."
    )


def judge_steps(course: Interface, draw: Draw, note: Note) -> None:
    """The loop around the reference step; or, where that does not fit or is not called, as it is, by its network calls."""
    schedule = course.schedule(draw)
    note.inputs["schedule"] = schedule
    oracle = gaussian_oracle(schedule, draw, course.sample_shape, course.clamp)
    any_form(
        note, [functools.partial(_judge_steps, course, schedule, oracle, draw, note, own) for own in (False, True)]
    )


def _judge_steps(
    course: Interface, schedule: Schedule, oracle: GaussianOracle, draw: Draw, note: Note, own_step: bool
) -> None:
    shape = (ROWS, *course.sample_shape)
    network = course.network(schedule, oracle.eps_theta)
    model = course.build(schedule, network)
    recorder = StepRecorder(course.names, schedule, draw, oracle.eps_theta, schedule.betas)
    if not own_step:
        course.replace(model, course.names.p_sample, recorder.p_sample)
    course.student.seed = draw.seed()
    answer = course.p_sample_loop(model, shape)
    calls, loop = steps_taken(course, recorder, network), course.names.p_sample_loop
    times = [call.t for call in calls]
    note("t", times, 0)
    note("number of steps", len(times), 0)
    note.measured_work(len({*times}) > schedule.num_timesteps / 2)
    note("kind of result", answer.ndim if isinstance(answer, np.ndarray) else -1, 0)
    if calls:
        note("x_T spread", calls[0].x.std(), 0.05)
    expect_countdown(times, schedule, loop)
    if not recorder.calls:
        expect_labels(course, network.calls, course.labels_of_step(ROWS), loop, note)
    expect_start(calls[0].x, shape, loop)
    result = expect_tensor(answer, shape, f"The result of {loop}")
    if recorder.calls:
        expect_chain(calls, result, loop, course.clamp)
        note("chain", 1, 0)
        _judge_second_run(calls, course, model, network, recorder, note)
        return
    states = [call.x for call in calls] + [result]
    faults = []
    for variance in (schedule.betas, schedule.posterior_variance):
        steps = [
            (t, *schedule.p_coefficients(t), float(np.sqrt(variance[t])) * (t > schedule.first))
            for t in map(int, times)
        ]
        faults.append(trajectory_fault(states, steps, oracle))
    note("trajectory", float(None not in faults), 0)
    expect(None in faults, f"{loop} does its own steps, and {faults[0]}.")
    _judge_second_run(calls, course, model, network, recorder, note)


def _judge_second_run(
    calls: list[LoopStep],
    course: Interface,
    model: Any,
    network: Network,
    recorder: StepRecorder,
    note: Note,
) -> None:
    loop, run = course.names.p_sample_loop, functools.partial(course.p_sample_loop, model)
    again = run_again(course, network, recorder, note, loop, run)
    expect_countdown([call.t for call in again], recorder.schedule, f"{loop}, called a second time,")
    expect_fresh_start(calls[0].x, again[0].x, note, loop)


def judge_distribution(course: Interface, draw: Draw, note: Note, carry: Carry) -> None:
    schedule = course.schedule(draw)
    rows = MOST_NUMBERS // (int(np.prod(course.sample_shape)) * schedule.num_timesteps)
    shape = (min(ROWS, max(rows, 1024)), *course.sample_shape)
    oracle = gaussian_oracle(schedule, draw, course.sample_shape, course.clamp)
    network = course.network(schedule, oracle.eps_theta)
    model = course.build(schedule, network)
    if carry.stands_in_for(course.region_of(course.names.p_sample)):
        recorder = StepRecorder(course.names, schedule, draw, oracle.eps_theta, schedule.betas)
        course.replace(model, course.names.p_sample, recorder.p_sample)
    course.student.seed = draw.seed()
    loop = course.names.p_sample_loop
    samples = expect_tensor(course.p_sample_loop(model, shape), shape, f"The result of {loop}")
    expect_float32_inputs(network, note, loop)
    note("mean", samples.mean(axis=0), 0.1)
    note("spread", samples.std(axis=0), 0.05)
    faults = []
    for variance in (schedule.betas, schedule.posterior_variance):
        steps = [
            (t, *schedule.p_coefficients(t), float(np.sqrt(variance[t])) * (t > schedule.first))
            for t in reversed(schedule.times)
        ]
        faults.append(moments_fault(samples, *oracle.sampled_moments(steps)))
    expect(
        None in faults,
        f"With the exact noise predictor of Gaussian data, {loop} must give that Gaussian, but {faults[0]}.",
    )
