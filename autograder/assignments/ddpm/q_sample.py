"""Judgements of q_sample (DDPM, Eq. 4)."""

import numpy as np

from autograder.assignments.ddpm.setting import ROWS, Network, Setting, f32
from autograder.grading.checks import Note, expect, expect_close, expect_tensor
from autograder.grading.seeds import Draw
from autograder.oracles.statistics import correlation, standard_normal_fault


def judge_closed_form(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()
    diffusion = setting.build(schedule, Network(lambda x, t: x))
    for shape in (setting.sample_shape, (3, 4, 5)):
        t = np.tile(np.arange(schedule.num_timesteps), 3)
        x0, noise = 2 * draw.normal(len(t), *shape), draw.normal(len(t), *shape)
        got = expect_tensor(diffusion.call("q_sample", f32(x0), t, f32(noise)), x0.shape, "x_t")
        note(f"x_t {len(shape)}", got, 1e-4)
        expect_close(
            got, schedule.q_sample(x0, t, noise), "x_t", tolerance=1e-4, where=[f"at t = {step}" for step in t]
        )


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
