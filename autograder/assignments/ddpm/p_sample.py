"""Judgements of one DDPM step (DDPM, Alg. 2 and Eq. 11)."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.assignments.ddpm.setting import ROWS, Network, Setting, f32
from autograder.assignments.ddpm.step import (
    FORMS,
    Step,
    each_form,
    expect_coefficients,
    expect_network_sees,
    expect_untouched,
    measure_step,
)
from autograder.grading.checks import Floats, Note, WrongAnswer, any_form, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.sandbox.launcher import Raised
from autograder.sandbox.proxies import Handle


def _p_step(
    setting: Setting, schedule: Schedule, draw: Draw, note: Note, t: int, form: Callable[[int, int], Any]
) -> Step:
    return measure_step(
        setting, schedule, draw, t, lambda d, x: d.call("p_sample", x, form(t, len(x))), f"At t = {t}, x_{{t−1}}", note
    )


def _some_timesteps(schedule: Schedule) -> tuple[int, ...]:
    last = schedule.num_timesteps - 1
    return (last, last // 2, 1, 0)


def judge_network_call(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        for t in _some_timesteps(schedule):
            expect_network_sees(_p_step(setting, schedule, draw, note, t, form), t, note, "p_sample")

    any_form(note, each_form(judge))
    t = schedule.num_timesteps // 2
    any_form(note, each_form(functools.partial(_p_step, setting.wider, schedule, draw, note, t)))
    expect_untouched(
        setting, schedule, draw, {"t": t}, lambda d, x, times: d.call("p_sample", x, times["t"]), "p_sample", note
    )


def judge_mean(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        steps = {t: _p_step(setting, schedule, draw, note, t, form) for t in _some_timesteps(schedule)}
        for t, step in steps.items():
            note(f"a at {t}", step.a, 2e-3)
            note(f"b at {t}", step.b, 2e-3)
        for t, step in steps.items():
            expect_coefficients(step, *schedule.p_coefficients(t), f"At t = {t}", "the mean of p_sample")
            offset, again = step.noise.mean(), step.other_noise.mean()
            limit = 6 * step.sigma / np.sqrt(step.noise.size) + 1e-3
            expect(
                abs(offset) < limit
                or abs(offset - again) > 2 * limit,  # what is drawn anew is noise: another check's business
                f"At t = {t}, the mean of p_sample must depend on x_t and ε_θ only; yours is off by {offset:.4f}.",
            )

    any_form(note, each_form(judge))


def judge_noise(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()
    choices = {"β_t": np.sqrt(schedule.betas), "β̃_t": np.sqrt(schedule.posterior_variance)}

    def judge(form: Callable[[int, int], Any]) -> None:
        steps = {t: _p_step(setting, schedule, draw, note, t, form) for t in _some_timesteps(schedule)}
        for t, step in steps.items():
            note(f"σ at {t}", step.sigma, 0.04 * step.sigma + 1e-4)
        expect(
            steps[0].sigma < 1e-3,
            f"At t = 0, the last step, p_sample must add no noise; yours adds noise of standard deviation {steps[0].sigma:.4f}.",
        )
        faults = {name: _noise_fault(steps, sigmas) for name, sigmas in choices.items()}
        if all(faults.values()):
            noisy = [t for t, step in steps.items() if t > 0 and step.sigma > 1e-3]
            distance = {
                name: [abs(np.log(steps[t].sigma / sigmas[t])) for t in noisy] for name, sigmas in choices.items()
            }
            nearest = min(choices, key=lambda name: np.median(distance[name])) if noisy else "β_t"
            raise WrongAnswer(
                f"{faults[nearest]} (measured against σ_t² = {nearest}; the paper's other choice does not fit either)."
            )

    any_form(note, each_form(judge))


def _noise_fault(steps: dict[int, Step], sigmas: Floats) -> str | None:
    for t, step in steps.items():
        if t == 0:
            continue
        if step.sigma < 1e-3:
            return f"At t = {t} p_sample must add noise of standard deviation {sigmas[t]:.4f}; yours adds none"
        fault = standard_normal_fault(step.noise / sigmas[t])
        if fault:
            return f"At t = {t} the noise that p_sample adds must be normal with standard deviation {sigmas[t]:.4f}, but {fault}"
        if correlation(step.noise, step.other_noise)[1]:
            return f"At t = {t} p_sample must draw new noise at every call; yours used the same noise again"
    return None


def judge_rows(setting: Setting, draw: Draw, note: Note) -> None:
    """Rows of one batch at different t. Code that takes one t for the whole batch, and says so by raising, is right
    too.
    """
    schedule = draw.schedule()
    last = schedule.num_timesteps - 1
    rows = ROWS
    t = np.where(np.arange(rows) % 2 == 0, last, 1)
    t[-1] = 0
    shape = (rows, *setting.sample_shape)
    eps, x0 = draw.normal(*shape), draw.uniform(-2, 2, *shape)
    xt = schedule.q_sample(x0, t, eps)
    diffusion = setting.build(schedule, Network(lambda x, t: eps, mixed=lambda x, t: eps))
    setting.student.seed = draw.seed()
    try:
        answer = diffusion.call("p_sample", f32(xt), t)
    except Raised:
        same = [functools.partial(_one_t, diffusion, xt, form(last, rows)) for _, form in FORMS]
        any_form(note, same)
        return
    got = expect_tensor(answer, shape, "x_{t−1}")
    for step_t in (last, 1):
        chosen = t == step_t
        design = np.stack([xt[chosen].ravel(), eps[chosen].ravel()], axis=1)
        factors, *_ = np.linalg.lstsq(design, got[chosen].ravel(), rcond=None)
        noise = float((got[chosen].ravel() - design @ factors).std())
        note(f"σ of rows at {step_t}", noise, 0.1 * noise + 1e-4)
        expect(
            noise > 0.3 * np.sqrt(schedule.posterior_variance[step_t]),
            f"In a batch whose rows are at different t, each row at t = {step_t} must get its noise, "
            f"also where another row is at t = 0; in yours the noise has standard deviation {noise:.4f}.",
        )


def _one_t(diffusion: Handle, xt: Floats, t: Any) -> None:
    """Code that takes one t for the whole batch must at least do that."""
    expect_tensor(diffusion.call("p_sample", f32(xt), t), xt.shape, "x_{t−1}")
