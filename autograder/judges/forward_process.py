"""Judgements of the forward process, q_sample (DDPM, Eq. 4)."""

import contextlib
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_close, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.expectations import expect_float32, expect_kept, f32, follows_the_schedule
from autograder.judges.interface import Interface
from autograder.judges.network import ROWS
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised

TOLERANCE = 1e-4  # relative; float32 over these schedules loses some 1e-6


def judge_closed_form(course: Interface, draw: Draw, note: Note, shape: tuple[int, ...] | None = None) -> None:
    """x_t for every t, with the noise that is given. `shape` of one sample, when it is not the assignment's own."""
    schedule, shape = course.schedule(draw), shape or course.sample_shape
    model = course.build(schedule, course.answered(lambda call: call.x))
    t = np.tile(np.array(schedule.times), 4)
    x0, noise = 2 * draw.normal(len(t), *shape), draw.normal(len(t), *shape)
    halves = [
        _judge_call(course, model, {"x0": f32(x0[rows]), "t": t[rows], "noise": f32(noise[rows])}, note)
        for rows in np.split(np.arange(len(t)), 2)  # twice, so that an answer that is kept from the first call is wrong
    ]
    got = np.concatenate(halves)
    note("x_t", got, 1e-4)
    note.inputs["schedule"] = schedule
    for step in schedule.times:
        factors = _factors(got[t == step], x0[t == step], noise[t == step])
        if factors is not None:
            note(f"x_0 at {step}", factors[0], 1e-3)
            note(f"ε at {step}", factors[1], 1e-3)
    with contextlib.suppress(Raised, WrongAnswer):  # what comes of it decides no check
        _look_for_work(course, schedule, draw, note, shape)
    expected = schedule.q_sample(x0, t, noise)
    for step in schedule.times:
        rows = t == step
        if not near(got[rows], expected[rows], TOLERANCE * (1 + abs(expected[rows]).max())):
            _explain(got[rows], x0[rows], noise[rows], step, schedule)
    expect_close(got, expected, "x_t", tolerance=TOLERANCE, where=[f"at t = {step}" for step in t])


def _judge_call(course: Interface, model: Any, given: dict[str, Any], note: Note) -> Floats:
    """One call, whose result is like x0 and whose arguments are the caller's."""
    tensors = course.student.module("torch")
    kept = {name: tensors.later("clone", value) for name, value in given.items()}
    answer = course.q_sample(model, **kept)
    got = expect_tensor(answer, given["x0"].shape, "x_t")
    if answer.dtype != np.float32:
        note("bytes of a number", answer.dtype.itemsize, 0)
    expect_float32(answer.dtype.name, "x_t")
    for name, tensor in kept.items():
        message = (
            f"{course.names.q_sample} must leave the {name} that it is given as it is, because its caller still needs it; "
            "yours changes it in place."
        )
        expect_kept(tensor, given[name], name, note, message)
    return got


def _look_for_work(course: Interface, schedule: Schedule, draw: Draw, note: Note, shape: tuple[int, ...]) -> None:
    """Whether the factors of x_0 and of the noise in x_t come from the schedule, with one t for all rows of a call."""
    rows = max(64, 8 * ROWS // int(np.prod(shape)))
    times = (schedule.first, (schedule.first + schedule.last + 1) // 2, schedule.last)
    x0, noise = 2 * draw.normal(rows, *shape), draw.normal(rows, *shape)
    design = np.stack([x0.ravel(), noise.ravel()], axis=1)
    model = course.build(schedule, course.answered(lambda call: call.x))
    factors, errors = [], []
    for t in times:
        got = expect_tensor(course.q_sample(model, f32(x0), np.full(rows, t), f32(noise)), x0.shape, "x_t").ravel()
        fit, *_ = np.linalg.lstsq(design, got, rcond=None)
        factors.append(fit)
        errors.append(6 * (got - design @ fit).std() / np.sqrt((design**2).sum(axis=0)))  # six standard errors
    note.measured_work(follows_the_schedule(times, factors, errors))


def _explain(got: Floats, x0: Floats, noise: Floats, t: int, schedule: Schedule) -> None:
    """Say with which factors x_0 and the noise are in x_t, where it is a sum of the two."""
    factors = _factors(got, x0, noise)
    if factors is None:
        return
    right = np.sqrt(schedule.alphas_cumprod[t]), np.sqrt(1 - schedule.alphas_cumprod[t])
    told = [
        f"{name} times {factor:.4f} ({'right' if near(factor, truth, TOLERANCE) else f'must be {truth:.4f}'})"
        for name, factor, truth in zip(("x_0", "ε"), factors, right)
    ]
    raise WrongAnswer(f"At t = {t} your x_t holds {told[0]} and {told[1]}.")


def _factors(got: Floats, x0: Floats, noise: Floats) -> Floats | None:
    """(c, d) of x_t = c x_0 + d ε; None where it is no such sum."""
    design = np.stack([x0.ravel(), noise.ravel()], axis=1)
    factors = np.asarray(np.linalg.lstsq(design, got.ravel(), rcond=None)[0], dtype=np.float64)
    return factors if near(got.ravel(), design @ factors, 1e-3 * (1 + abs(got).max())) else None


def judge_own_noise(course: Interface, draw: Draw, note: Note) -> None:
    schedule, name = course.schedule(draw), course.names.q_sample
    model = course.build(schedule, course.answered(lambda call: call.x))
    shape = (ROWS, *course.sample_shape)
    t = np.full(ROWS, schedule.last)
    draws = []
    for _ in range(2):
        course.student.seed = draw.seed()
        draws.append(expect_tensor(course.q_sample(model, np.zeros(shape, np.float32), t), shape, "x_t"))
    note("spread", draws[0].std(), 0.05)
    scaled = draws[0] / max(draws[0].std(), 1e-12)
    fault = standard_normal_fault(scaled)
    expect(
        fault is None,
        f"Called without noise, {name} must draw standard normal noise of its own, one number for each element of x0, but {fault}.",
    )
    expect(
        not correlation(draws[0], draws[1])[1],
        f"Called without noise twice, {name} must draw new noise each time; yours used the same noise again.",
    )
    note("spread without a seed", draws[1].std(), 0.05)
    course.student.seed = None
    draws = [expect_tensor(course.q_sample(model, np.zeros(shape, np.float32), t), shape, "x_t") for _ in range(2)]
    expect(
        not correlation(draws[0], draws[1])[1],
        f"Called without noise twice, {name} must draw new noise each time; yours used the same noise again. Look for a "
        "seed that is set inside.",
    )
