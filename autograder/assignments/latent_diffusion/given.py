"""What compute_loss is given: t, in most editions, and the noise, where a caller wants to know it."""

import numpy as np

from autograder.assignments.latent_diffusion.interface import Wisconsin
from autograder.grading.checks import Note, WrongAnswer, expect, expect_close
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
    t = draw.generator.integers(0, schedule.num_timesteps, ROWS)
    call, told = _asked(course, schedule, draw, t)
    if not told:
        loss.judge_timesteps(course, draw, note)
        return
    note("t told", call.t, 0)
    note("t told less t", call.t - t, 0)
    expect_close(call.t, t, "The t that compute_loss gives the network", tolerance=1e-6)


def judge_noise(course: Wisconsin, draw: Draw, note: Note) -> None:
    """x_t is made with the noise that the loss is given. Raises WrongAnswer."""
    schedule = course.schedule(draw)
    t, noise = draw.generator.integers(0, schedule.num_timesteps, ROWS), draw.normal(ROWS, *course.sample_shape)
    x0 = draw.uniform(-1, 1, *noise.shape)
    for own in (False, True):
        xt, level = _noised(course, schedule, x0, t, noise, own)
        used = (noise * level * (xt - np.sqrt(1 - level**2) * x0)).sum() / ((noise * level) ** 2).sum()
        note("share of the given noise", used, 1e-2)
        if near(used, 1, 1e-2):
            return
    raise WrongAnswer("Called with noise, compute_loss must make x_t of that noise, as its docstring says; yours takes other noise.")


def _asked(course: Wisconsin, schedule: Schedule, draw: Draw, t: object, *noise: object) -> tuple[Call, bool]:
    """The call of the network, and whether the loss took t."""
    network = course.answered(silent)
    model = course.build(schedule, network)
    _, told = course.loss_at(model, f32(draw.uniform(-1, 1, ROWS, *course.sample_shape)), t, *noise)
    return _only(network.calls), told


def _noised(course: Wisconsin, schedule: Schedule, x0: np.ndarray, t: np.ndarray, noise: np.ndarray, own: bool) -> tuple[np.ndarray, np.ndarray]:
    """x_t as the network sees it, and √(1 − ᾱ_t) of each row; with the student's own q_sample or with the reference's."""
    network = course.answered(silent)
    model = course.build(schedule, network)
    if not own:

        def q_sample(x0: np.ndarray, t: np.ndarray, noise: np.ndarray | None = None) -> np.ndarray:
            rows = np.clip(np.broadcast_to(t, len(x0)), 0, schedule.last).astype(np.int64)
            return f32(schedule.q_sample(x0, rows, np.zeros_like(x0) if noise is None else noise))

        course.replace(model, course.names.q_sample, q_sample)
    course.loss_at(model, f32(x0), t, f32(noise))
    call = _only(network.calls)
    expect(call.x.shape == x0.shape, f"compute_loss must give the network x_t, of shape {x0.shape}; yours gave it shape {call.x.shape}.")
    rows = np.clip(call.t, 0, schedule.last).astype(np.int64)
    return call.x, np.sqrt(1 - schedule.alphas_cumprod[rows]).reshape(-1, 1, 1, 1)


def _only(calls: list[Call]) -> Call:
    expect(len(calls) == 1, f"compute_loss must call the network once; yours called it {len(calls)} times.")
    return calls[0]
