"""Judgements of the DDIM sampling loop."""

import functools
from typing import Any

import numpy as np

from autograder.grading.checks import Carry, Note, any_form, expect, expect_tensor
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
from autograder.measuring import LoopStep, descent_fault, listed
from autograder.oracles.schedule import Schedule
from autograder.oracles.tolerance import near


def judge_steps(course: Interface, draw: Draw, note: Note, carry: Carry) -> None:
    """The loop around the reference step; or, where that does not fit or is not called, as it is, by its network calls.

    Where the student's own step is right, one run is made with it too: noise that repeats from step to step shows there only.
    """
    some = round(float(draw.uniform(0.3, 0.9)), 3)
    for num_timesteps, count, eta in ((20, 5, 0.0), (23, 5, some), (17, 4, 0.0), (14, 1, 0.0)):
        run = functools.partial(_judge_steps, course, draw, note, course.schedule(draw, num_timesteps), count, eta)
        any_form(note, [functools.partial(run, own) for own in (False, True)])
    if not carry.stands_in_for(course.region_of(course.names.ddim_p_sample)):
        _judge_steps(course, draw, note, course.schedule(draw, 19), 6, 1.0, own_step=True)


def _judge_steps(
    course: Interface, draw: Draw, note: Note, schedule: Schedule, count: int, eta: float, own_step: bool
) -> None:
    shape = (ROWS, *course.sample_shape)
    oracle = gaussian_oracle(schedule, draw, course.sample_shape, course.clamp)
    network = course.network(schedule, oracle.eps_theta)
    model = course.build(schedule, network)
    recorder = StepRecorder(course.names, schedule, draw, oracle.eps_theta, schedule.betas)
    if not own_step:
        course.replace(model, course.names.ddim_p_sample, recorder.ddim_p_sample)
    course.student.seed = draw.seed()
    loop = course.names.ddim_p_sample_loop
    what = f"{loop} with T = {schedule.num_timesteps} and {count} steps"
    answer = course.ddim_p_sample_loop(model, shape, count, eta=eta)
    calls = steps_taken(course, recorder, network)
    times = [call.t for call in calls]
    name = f"T = {schedule.num_timesteps}"
    note(f"t, {name}", times, 0)
    note(f"number of steps, {name}", len(times), 0)
    note.measured_work(len({*times}) > max(1, count / 2))
    note(f"kind of result, {name}", answer.ndim if isinstance(answer, np.ndarray) else -1, 0)
    if calls:
        note(f"x_T spread, {name}", calls[0].x.std(), 0.05)
    if recorder.calls:
        note(f"t_prev, {name}", [call.t_prev for call in calls], 0)
        note(f"η, {name}", [call.eta for call in calls], 1e-6)
    expect(calls, f"{what} must take {count} steps; yours took none.")
    expect(len(times) == count, f"{what} must take {count} steps; yours took {len(times)}, at t = {listed(times)}.")
    descent = descent_fault(times, schedule.times, count, what)
    expect(descent is None, descent or "")
    if not recorder.calls:
        expect_labels(course, network.calls, course.labels_of_step(ROWS), loop, note)
    expect_start(calls[0].x, shape, loop)
    if recorder.calls:
        _expect_aims(calls, eta, what, loop)
    else:
        expect_float32_inputs(network, note, loop)
    result = expect_tensor(answer, shape, f"The result of {loop}")
    note(f"result spread, {name}", result.std(), 0.05)
    if recorder.calls:
        expect_chain(calls, result, loop, course.clamp)
        note(f"chain, {name}", 1, 0)
        _judge_second_run(calls, course, model, network, recorder, note)
        return
    states = [call.x for call in calls] + [result]
    targets = [*map(int, times[1:]), -1]
    steps = [(int(t), *schedule.ddim_coefficients(int(t), t_prev, eta)) for t, t_prev in zip(times, targets)]
    fault = trajectory_fault(states, steps, oracle)
    note(f"trajectory, {name}", float(fault is not None), 0)
    expect(fault is None, f"In {what} and η = {eta:g}, {fault}.")
    _judge_second_run(calls, course, model, network, recorder, note)


def _judge_second_run(
    calls: list[LoopStep],
    course: Interface,
    model: Any,
    network: Network,
    recorder: StepRecorder,
    note: Note,
) -> None:
    loop, run = course.names.ddim_p_sample_loop, functools.partial(course.ddim_p_sample_loop, model, steps=3)
    again = run_again(course, network, recorder, note, loop, run)
    expect(len(again) == 3, f"Called again, for 3 steps, {loop} must take 3; yours took {len(again)}.")
    expect_fresh_start(calls[0].x, again[0].x, note, loop)


def _expect_aims(calls: list[LoopStep], eta: float, what: str, loop: str) -> None:
    """Each step aims at the t of the next, the last at clean data, and all get η."""
    for call, following in zip(calls, calls[1:]):
        expect(
            call.t_prev == following.t,
            f"In {what}, the step at t = {call.t:.0f} must aim at the next t, {following.t:.0f}; "
            f"yours aims at t_prev = {call.t_prev:.0f}.",
        )
    expect(
        calls[-1].t_prev is not None and calls[-1].t_prev < 0,
        f"In {what}, the last step must aim at clean data (t_prev < 0); yours aims at t_prev = {calls[-1].t_prev:.0f}.",
    )
    for call in calls:
        expect(
            near(call.eta, eta, 1e-6),
            f"Called with eta = {eta:g}, {loop} must pass it on to every step; yours passes {call.eta:g}.",
        )
