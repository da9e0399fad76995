"""Judgements of one DDPM step (DDPM, Alg. 2 and Eq. 11)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.assignments.ddpm.setting import ROWS, Network, Setting, f32
from autograder.assignments.ddpm.step import (
    NO_NOISE,
    Step,
    coefficients_follow_the_schedule,
    each_form,
    expect_coefficients,
    expect_measured,
    expect_network_sees,
    expect_untouched,
    measure_each,
    measure_step,
)
from autograder.grading.checks import (
    Floats,
    Note,
    NotFinite,
    WrongAnswer,
    any_form,
    expect,
    expect_near,
    expect_tensor,
)
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle


def _p_steps(
    setting: Setting,
    schedule: Schedule,
    draw: Draw,
    note: Note,
    form: Callable[[int, int], Any],
) -> tuple[dict[int, Step], dict[int, Raised | NotFinite]]:
    """The step at both ends of the schedule, before the last end, and in the middle, by t; and why there is none."""
    last = schedule.num_timesteps - 1

    def measure(t: int) -> Step:
        def take(diffusion: Handle, x: Floats) -> Any:
            return diffusion.call("p_sample", x, form(t, len(x)))

        return measure_step(setting, schedule, draw, t, take, f"At t = {t}, x_{{t−1}}", note)

    note.inputs["schedule"] = schedule
    return measure_each((last, last // 2, 1, 0), measure, lambda t: f"At t = {t}")


def _expect_all_but_the_last(failures: dict[int, Raised | NotFinite]) -> None:
    """A crash at t = 0 only, such as of an index t − 1, is the business of the check of the noise, which is about this t."""
    expect_measured({t: error for t, error in failures.items() if t > 0 or isinstance(error, NotFinite)})


def judge_network_call(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        steps, failures = _p_steps(setting, schedule, draw, note, form)
        for t, step in steps.items():
            expect_network_sees(step, t, note, "p_sample")
        _expect_all_but_the_last(failures)

    any_form(note, each_form(judge))


def judge_batches(setting: Setting, draw: Draw, note: Note) -> None:
    """Samples of another size, a batch of one row, and the tensor of t that is given. All rows of a batch are at one t, as in the loop."""
    schedule = draw.schedule()
    t = schedule.num_timesteps // 2

    def judge(form: Callable[[int, int], Any]) -> None:
        shape = (ROWS, *setting.wider.sample_shape)
        diffusion = setting.wider.build(schedule, Network(lambda x, t: np.zeros_like(x)))
        expect_tensor(diffusion.call("p_sample", f32(draw.normal(*shape)), form(t, ROWS)), shape, "x_{t−1}")

    any_form(note, each_form(judge))
    expect_untouched(
        setting, schedule, draw, {"t": t}, lambda d, x, times: d.call("p_sample", x, times["t"]), "p_sample", note
    )


def judge_mean(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()

    def judge(form: Callable[[int, int], Any]) -> None:
        steps, failures = _p_steps(setting, schedule, draw, note, form)
        for t, step in steps.items():
            note(f"a at {t}", step.a, 2e-3)
            note(f"b at {t}", step.b, 2e-3)
        note.measured_work(coefficients_follow_the_schedule(steps))
        for t, step in steps.items():
            expect_coefficients(step, *schedule.p_coefficients(t), f"At t = {t}", "the mean of p_sample")
            offset, again = step.noise.mean(), step.other_noise.mean()
            limit = 6 * step.sigma / np.sqrt(step.noise.size) + 1e-3
            expect(
                near(offset, 0, limit)
                or not near(offset, again, 2 * limit),  # what is drawn anew is noise: another check's business
                f"At t = {t}, the mean of p_sample must depend on x_t and ε_θ only; yours is off by {offset:.4f}.",
            )
        _expect_all_but_the_last(failures)

    any_form(note, each_form(judge))


def judge_noise(setting: Setting, draw: Draw, note: Note) -> None:
    schedule = draw.schedule()
    choices = {"β_t": np.sqrt(schedule.betas), "β̃_t": np.sqrt(schedule.posterior_variance)}

    def judge(form: Callable[[int, int], Any]) -> None:
        steps, failures = _p_steps(setting, schedule, draw, note, form)
        for t, step in steps.items():
            note(f"σ at {t}", step.sigma, 0.04 * step.sigma + 1e-4)
        if 0 in steps:
            expect_near(
                steps[0].sigma,
                0,
                NO_NOISE,
                f"At t = 0, the last step, p_sample must add no noise; yours adds noise of standard deviation {steps[0].sigma:.4f}.",
            )
        faults = {name: _noise_fault(steps, sigmas) for name, sigmas in choices.items()}
        if all(faults.values()):
            noisy = [t for t, step in steps.items() if t > 0 and step.sigma > NO_NOISE]
            distance = {
                name: [abs(np.log(steps[t].sigma / sigmas[t])) for t in noisy] for name, sigmas in choices.items()
            }
            nearest = min(choices, key=lambda name: np.median(distance[name])) if noisy else "β_t"
            raise WrongAnswer(
                f"{faults[nearest]} (measured against σ_t² = {nearest}; the paper's other choice does not fit either)."
            )
        expect_measured(failures)

    any_form(note, each_form(judge))


def _noise_fault(steps: dict[int, Step], sigmas: Floats) -> str | None:
    for t, step in steps.items():
        if t == 0:
            continue
        if near(step.sigma, 0, NO_NOISE):
            return f"At t = {t} p_sample must add noise of standard deviation {sigmas[t]:.4f}; yours adds none"
        fault = standard_normal_fault(step.noise / sigmas[t])
        if fault:
            return f"At t = {t} the noise that p_sample adds must be normal with standard deviation {sigmas[t]:.4f}, but {fault}"
        if correlation(step.noise, step.other_noise)[1]:
            return f"At t = {t} p_sample must draw new noise at every call; yours used the same noise again"
    return None
