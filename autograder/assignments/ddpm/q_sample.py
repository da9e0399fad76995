"""Judgements of q_sample (DDPM, Eq. 4)."""

import numpy as np

from autograder.assignments.ddpm.setting import ROWS, Network, Setting, f32
from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_close, expect_tensor
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import correlation, standard_normal_fault

TOLERANCE = 1e-4  # relative; float32 over these schedules loses some 1e-6


def judge_closed_form(setting: Setting, draw: Draw, note: Note, shape: tuple[int, ...] | None = None) -> None:
    """x_t for every t, with the noise that is given. `shape` of one sample, when it is not the assignment's own."""
    schedule, shape = draw.schedule(), shape or setting.sample_shape
    diffusion = setting.build(schedule, Network(lambda x, t: x))
    t = np.tile(np.arange(schedule.num_timesteps), 4)
    x0, noise = 2 * draw.normal(len(t), *shape), draw.normal(len(t), *shape)
    halves = [
        expect_tensor(diffusion.call("q_sample", f32(x0[rows]), t[rows], f32(noise[rows])), x0[rows].shape, "x_t")
        for rows in np.split(np.arange(len(t)), 2)  # twice, so that an answer that is kept from the first call is wrong
    ]
    got = np.concatenate(halves)
    note("x_t", got, 1e-4)
    expected = schedule.q_sample(x0, t, noise)
    for step in range(schedule.num_timesteps):
        rows = t == step
        if abs(got[rows] - expected[rows]).max() > TOLERANCE * (1 + abs(expected[rows]).max()):
            _explain(got[rows], x0[rows], noise[rows], step, schedule)
    expect_close(got, expected, "x_t", tolerance=TOLERANCE, where=[f"at t = {step}" for step in t])


def _explain(got: Floats, x0: Floats, noise: Floats, t: int, schedule: Schedule) -> None:
    """Say with which factors x_0 and the noise are in x_t, where it is a sum of the two."""
    design = np.stack([x0.ravel(), noise.ravel()], axis=1)
    factors, *_ = np.linalg.lstsq(design, got.ravel(), rcond=None)
    if abs(got.ravel() - design @ factors).max() > 1e-3 * (1 + abs(got).max()):
        return
    right = np.sqrt(schedule.alphas_cumprod[t]), np.sqrt(1 - schedule.alphas_cumprod[t])
    told = [
        f"{name} times {factor:.4f} ({'right' if abs(factor - truth) < 1e-3 else f'must be {truth:.4f}'})"
        for name, factor, truth in zip(("x_0", "ε"), factors, right)
    ]
    raise WrongAnswer(f"At t = {t} your x_t holds {told[0]} and {told[1]}.")


def judge_own_noise(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()
    diffusion = setting.build(schedule, Network(lambda x, t: x))
    shape = (ROWS, *setting.sample_shape)
    t = np.full(ROWS, schedule.num_timesteps - 1)
    draws = []
    for _ in range(2):
        setting.student.seed = draw.seed()
        draws.append(expect_tensor(diffusion.call("q_sample", np.zeros(shape, np.float32), t), shape, "x_t"))
    note("spread", draws[0].std(), 0.05)
    scaled = draws[0] / max(draws[0].std(), 1e-12)
    fault = standard_normal_fault(scaled)
    expect(
        fault is None,
        f"Called without noise, q_sample must draw standard normal noise of its own, one number for each element of x0, but {fault}.",
    )
    expect(
        not correlation(draws[0], draws[1])[1],
        "Called without noise twice, q_sample must draw new noise each time; yours used the same noise again.",
    )
