"""Judgements of one DDPM step (DDPM, Alg. 2 and Eq. 11)."""

from typing import Any

import numpy as np

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
from autograder.judges.expectations import f32
from autograder.judges.interface import Form, Interface
from autograder.judges.labels import expect_labels
from autograder.judges.network import ROWS, silent
from autograder.judges.step import (
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
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised


def _p_steps(
    course: Interface,
    schedule: Schedule,
    draw: Draw,
    note: Note,
    form: Form,
) -> tuple[dict[int, Step], dict[int, Raised | NotFinite]]:
    """The step at both ends of the schedule, before the last end, and in the middle, by t; and why there is none."""
    first, last = schedule.first, schedule.last

    def measure(t: int) -> Step:
        def take(model: Any, x: Floats) -> Any:
            return course.p_sample(model, x, form(t, len(x)))

        return measure_step(course, schedule, draw, t, take, f"At t = {t}, x_{{t−1}}", note)

    note.inputs["schedule"] = schedule
    return measure_each((last, (first + last) // 2, first + 1, first), measure, lambda t: f"At t = {t}")


def _expect_all_but_the_last(schedule: Schedule, failures: dict[int, Raised | NotFinite]) -> None:
    """A crash at t = 0 only, such as of an index t − 1, is the business of the check of the noise, which is about this t."""
    some = {t: error for t, error in failures.items() if t > schedule.first or isinstance(error, NotFinite)}
    expect_measured(some)


def judge_network_call(course: Interface, draw: Draw, note: Note) -> None:
    schedule = course.schedule(draw)

    def judge(form: Form) -> None:
        steps, failures = _p_steps(course, schedule, draw, note, form)
        for t, step in steps.items():
            expect_network_sees(course, schedule, step, t, note, course.names.p_sample)
            expect_labels(course, step.network_calls, course.labels_of_step(len(step.xt)), course.names.p_sample, note)
        _expect_all_but_the_last(schedule, failures)

    any_form(note, each_form(course, judge))


def judge_batches(course: Interface, draw: Draw, note: Note) -> None:
    """Samples of another size, a batch of one row, and the tensor of t that is given. All rows of a batch are at one t, as in the loop."""
    schedule = course.schedule(draw)
    t = (schedule.first + schedule.last + 1) // 2

    def judge(form: Form) -> None:
        shape = (ROWS, *course.wider.sample_shape)
        model = course.wider.build(schedule, course.answered(silent))
        expect_tensor(course.p_sample(model, f32(draw.normal(*shape)), form(t, ROWS)), shape, "x_{t−1}")

    any_form(note, each_form(course, judge))

    def take(model: Any, x: Any, times: dict[str, Any]) -> Any:
        return course.p_sample(model, x, times["t"])

    expect_untouched(course, schedule, draw, {"t": t}, take, course.names.p_sample, note)


def judge_mean(course: Interface, draw: Draw, note: Note) -> None:
    schedule = course.schedule(draw)

    def judge(form: Form) -> None:
        steps, failures = _p_steps(course, schedule, draw, note, form)
        for t, step in steps.items():
            note(f"a at {t}", step.a, 2e-3)
            note(f"b at {t}", step.b, 2e-3)
        note.measured_work(coefficients_follow_the_schedule(steps))
        for t, step in steps.items():
            expect_coefficients(
                step, *schedule.p_coefficients(t), f"At t = {t}", f"the mean of {course.names.p_sample}"
            )
            offset, again = step.noise.mean(), step.other_noise.mean()
            limit = 6 * step.noise.std() / np.sqrt(step.noise.size) + 1e-3
            expect(
                near(offset, 0, limit)
                or not near(offset, again, 2 * limit),  # what is drawn anew is noise: another check's business
                f"At t = {t}, the mean of {course.names.p_sample} must depend on x_t and ε_θ only; yours is off by {offset:.4f}.",
            )
        _expect_all_but_the_last(schedule, failures)

    any_form(note, each_form(course, judge))


def judge_noise(course: Interface, draw: Draw, note: Note) -> None:
    schedule, name = course.schedule(draw), course.names.p_sample
    first = schedule.first
    choices = {"β_t": np.sqrt(schedule.betas), "β̃_t": np.sqrt(schedule.posterior_variance)}

    def judge(form: Form) -> None:
        steps, failures = _p_steps(course, schedule, draw, note, form)
        for t, step in steps.items():
            note(f"σ at {t}", step.sigma, 0.04 * step.sigma + 1e-4)
        if first in steps:
            expect_near(
                steps[first].sigma,
                0,
                NO_NOISE,
                f"At t = {first}, the last step, {name} must add no noise; yours adds noise of standard deviation {steps[first].sigma:.4f}.",
            )
        faults = {choice: _noise_fault(name, first, steps, sigmas) for choice, sigmas in choices.items()}
        if all(faults.values()):
            noisy = [t for t, step in steps.items() if t > first and step.sigma > NO_NOISE]
            distance = {
                choice: [abs(np.log(steps[t].sigma / sigmas[t])) for t in noisy] for choice, sigmas in choices.items()
            }
            nearest = min(choices, key=lambda choice: np.median(distance[choice])) if noisy else "β_t"
            raise WrongAnswer(
                f"{faults[nearest]} (measured against σ_t² = {nearest}; the paper's other choice does not fit either)."
            )
        expect_measured(failures)

    any_form(note, each_form(course, judge))


def _noise_fault(name: str, first: int, steps: dict[int, Step], sigmas: Floats) -> str | None:
    for t, step in steps.items():
        if t == first:
            continue
        if near(step.sigma, 0, NO_NOISE):
            return f"At t = {t} {name} must add noise of standard deviation {sigmas[t]:.4f}; yours adds none"
        fault = standard_normal_fault(step.noise / sigmas[t])
        if fault:
            return f"At t = {t} the noise that {name} adds must be normal with standard deviation {sigmas[t]:.4f}, but {fault}"
        if correlation(step.noise, step.other_noise)[1]:
            return f"At t = {t} {name} must draw new noise at every call; yours used the same noise again"
    return None
