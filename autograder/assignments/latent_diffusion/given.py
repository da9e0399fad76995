"""What compute_loss is given: t, in most editions, and the noise, where a caller wants to know it."""

from functools import partial
from typing import Any

import numpy as np

from autograder.assignments.latent_diffusion.interface import Wisconsin, reference_q_sample
from autograder.grading.checks import Floats, Note, any_form, expect, expect_close
from autograder.grading.seeds import Draw
from autograder.judges import loss
from autograder.judges.expectations import f32
from autograder.judges.network import Call, silent
from autograder.oracles.schedule import Schedule
from autograder.oracles.tolerance import near

ROWS = 64


def judge_times(course: Wisconsin, draw: Draw, note: Note) -> None:
    """The network is told the t that the loss is given; one that draws its own t is judged by how it draws it. Raises WrongAnswer."""
    schedule = course.schedule(draw)
    t, x0 = draw.generator.integers(0, schedule.num_timesteps, ROWS).astype(np.float64), draw.uniform(-1, 1, ROWS, *course.sample_shape)

    def judge(own: bool) -> bool:
        call, told = _asked(course, schedule, own, x0, t.astype(np.int64))
        if told:
            note("t told", call.t, 0)
            expect_close(call.t, t, "The t that compute_loss gives the network", tolerance=1e-6)
        return told

    if not any_form(note, [partial(judge, own) for own in (False, True)]):
        loss.judge_timesteps(course, draw, note)


def judge_noise(course: Wisconsin, draw: Draw, note: Note) -> None:
    """x_t is made with the noise that the loss is given. Raises WrongAnswer."""
    schedule = course.schedule(draw)
    t, noise = draw.generator.integers(0, schedule.num_timesteps, ROWS), draw.normal(ROWS, *course.sample_shape)
    x0 = draw.uniform(-1, 1, *noise.shape)

    def judge(own: bool) -> None:
        call, _ = _asked(course, schedule, own, x0, t, noise)
        rows = np.clip(call.t, 0, schedule.last).astype(np.int64)
        level = np.sqrt(1 - schedule.alphas_cumprod[rows]).reshape(-1, 1, 1, 1)
        used = (noise * level * (call.x - np.sqrt(1 - level**2) * x0)).sum() / ((noise * level) ** 2).sum()
        note("share of the given noise", used, 1e-2)
        message = "Called with noise, compute_loss must make x_t of that noise, as its docstring says; yours takes other noise."
        expect(near(used, 1, 1e-2), message)

    any_form(note, [partial(judge, own) for own in (False, True)])


def _asked(course: Wisconsin, schedule: Schedule, own: bool, x0: Floats, t: Any, *noise: Floats) -> tuple[Call, bool]:
    """The call of the network, and whether the loss took t; with the student's own q_sample, or with the reference's."""
    network = course.answered(silent)
    model = course.build(schedule, network)
    if not own:
        course.replace(model, course.names.q_sample, reference_q_sample(schedule, np.random.default_rng(0)))
    _, told = course.loss_at(model, f32(x0), t, *map(f32, noise))
    call = _only(network.calls)
    expect(call.x.shape == x0.shape, f"compute_loss must give the network x_t, of shape {x0.shape}; yours gave it shape {call.x.shape}.")
    return call, told


def _only(calls: list[Call]) -> Call:
    expect(len(calls) == 1, f"compute_loss must call the network once; yours called it {len(calls)} times.")
    return calls[0]
