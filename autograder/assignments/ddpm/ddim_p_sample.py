"""Judgements of one DDIM step (DDIM, Eq. 12 and 16)."""

import functools
from collections.abc import Callable
from typing import Any

from autograder.assignments.ddpm.setting import Setting
from autograder.assignments.ddpm.step import (
    Step,
    each_form,
    expect_coefficients,
    expect_network_sees,
    expect_untouched,
    measure_step,
)
from autograder.grading.checks import Floats, Note, WrongAnswer, any_form, expect
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.sandbox.proxies import Handle


def _ddim_step(
    setting: Setting,
    schedule: Schedule,
    draw: Draw,
    note: Note,
    t: int,
    t_prev: int,
    eta: float,
    form: Callable[[int, int], Any],
) -> Step:
    def take(diffusion: Handle, x: Floats) -> Any:
        return diffusion.call("ddim_p_sample", x, form(t, len(x)), form(t_prev, len(x)), eta)

    return measure_step(
        setting, schedule, draw, t, take, f"From t = {t} to t_prev = {t_prev} with η = {eta:g}, x_{{t_prev}}", note
    )


def _ddim_pairs(schedule: Schedule) -> tuple[tuple[int, int], ...]:
    last = schedule.num_timesteps - 1
    return ((last, last - 3), (last // 2, 1), (3, 0))


def judge_network_call(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        for t, t_prev in _ddim_pairs(schedule):
            expect_network_sees(
                _ddim_step(setting, schedule, draw, note, t, t_prev, 0.0, form), t, note, "ddim_p_sample"
            )

    any_form(note, each_form(judge))
    t, t_prev = schedule.num_timesteps // 2, 1
    any_form(note, each_form(functools.partial(_ddim_step, setting.wider, schedule, draw, note, t, t_prev, 0.0)))

    def take(diffusion: Handle, x: Handle, times: dict[str, Any]) -> Any:
        return diffusion.call("ddim_p_sample", x, times["t"], times["t_prev"], 0.0)

    expect_untouched(setting, schedule, draw, {"t": t, "t_prev": t_prev}, take, "ddim_p_sample", note, keep_x=True)


def judge_deterministic(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        steps = {pair: _ddim_step(setting, schedule, draw, note, *pair, 0.0, form) for pair in _ddim_pairs(schedule)}
        _note_steps(note, steps)
        for (t, t_prev), step in steps.items():
            where = f"From t = {t} to t_prev = {t_prev} with η = 0"
            expect(
                step.sigma < 1e-3,
                f"{where}, ddim_p_sample must add no noise; yours adds noise of standard deviation {step.sigma:.4f}.",
            )
            a, b, _ = schedule.ddim_coefficients(t, t_prev, 0.0)
            expect_coefficients(step, a, b, where, "x_{t_prev}")
            expect(
                abs(step.noise.mean()) < 1e-3,
                f"{where}, x_{{t_prev}} must depend on x_t and ε_θ only; yours is off by {step.noise.mean():.4f}.",
            )

    any_form(note, each_form(judge))


def judge_last_step(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        pairs = ((0, -1), (2, -3), (3, -1))
        steps = {
            (t, t_prev, eta): _ddim_step(setting, schedule, draw, note, t, t_prev, eta, form)
            for eta in (0.0, 1.0)
            for t, t_prev in pairs
        }
        _note_steps(note, steps)
        for (t, t_prev, eta), step in steps.items():
            where = f"From t = {t} to clean data (t_prev = {t_prev}) with η = {eta:g}"
            expect(
                step.sigma < 1e-3,
                f"{where}, ddim_p_sample must add no noise; yours adds noise of standard deviation {step.sigma:.4f}.",
            )
            a, b, _ = schedule.ddim_coefficients(t, t_prev, eta)
            expect_coefficients(step, a, b, where, "x_{t_prev}")

    any_form(note, each_form(judge))


def judge_stochastic(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()
    etas = (round(float(draw.uniform(0.3, 0.7)), 3), 1.0)

    def judge(form: Callable[[int, int], Any]) -> None:
        steps = {
            (*pair, eta): _ddim_step(setting, schedule, draw, note, *pair, eta, form)
            for eta in etas
            for pair in _ddim_pairs(schedule)
        }
        _note_steps(note, steps)
        for (t, t_prev, eta), step in steps.items():
            where = f"From t = {t} to t_prev = {t_prev} with η = {eta:g}"
            a, b, sigma = schedule.ddim_coefficients(t, t_prev, eta)
            if step.sigma < 1e-3:
                raise WrongAnswer(
                    f"{where}, ddim_p_sample must add noise of standard deviation {sigma:.4f}; yours adds none."
                )
            fault = standard_normal_fault(step.noise / sigma)
            expect(
                fault is None,
                f"{where}, the noise that ddim_p_sample adds must be normal with standard deviation {sigma:.4f}, but {fault}.",
            )
            expect(
                not correlation(step.noise, step.other_noise)[1],
                f"{where}, ddim_p_sample must draw new noise at every call; yours used the same noise again.",
            )
            expect_coefficients(step, a, b, where, "the mean of x_{t_prev}")

    any_form(note, each_form(judge))


def _note_steps(note: Note, steps: dict[Any, Step]) -> None:
    for key, step in steps.items():
        name = ", ".join(f"{item:g}" for item in key)
        note(f"a at {name}", step.a, 2e-3)
        note(f"b at {name}", step.b, 2e-3)
        note(f"σ at {name}", step.sigma, 0.05 * step.sigma + 1e-4)
