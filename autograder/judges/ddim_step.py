"""Judgements of one DDIM step (DDIM, Eq. 12 and 16)."""

from collections.abc import Callable
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
from autograder.oracles.tolerance import finite, near
from autograder.sandbox.failures import Raised

Jump = tuple[int, int, float]  # t, t_prev, η


def _where(jump: Jump) -> str:
    t, t_prev, eta = jump
    return f"From t = {t} to {'clean data (' if t_prev < 0 else ''}t_prev = {t_prev}{')' if t_prev < 0 else ''} with η = {eta:g}"


def _steps(
    course: Interface, schedule: Schedule, draw: Draw, note: Note, form: Form, jumps: list[Jump]
) -> tuple[dict[Jump, Step], dict[Jump, Raised | NotFinite]]:
    """The steps that gave numbers, and why the others gave none."""

    def measure(jump: Jump) -> Step:
        t, t_prev, eta = jump

        def take(model: Any, x: Floats) -> Any:
            return course.ddim_p_sample(model, x, form(t, len(x)), form(t_prev, len(x)), eta)

        return measure_step(course, schedule, draw, t, take, f"{_where(jump)}, x_{{t_prev}}", note)

    steps, failures = measure_each(jumps, measure, _where)
    note.inputs |= {"schedule": schedule, "t_prev": {t: t_prev for t, t_prev, _ in jumps}}
    for (t, t_prev, eta), step in steps.items():
        name = f"{t}, {t_prev}, {eta:g}"
        note(f"a at {name}", step.a, 2e-3)
        note(f"b at {name}", step.b, 2e-3)
        note(f"σ at {name}", step.sigma, 0.05 * step.sigma + 1e-4)
        note(f"offset at {name}", step.noise.mean(), 0.08 * step.sigma + 1e-3)  # seven standard errors
    for (t, t_prev, eta), failure in failures.items():
        if isinstance(failure, NotFinite):
            for symbol in ("a", "b", "σ", "offset"):
                note(f"{symbol} at {t}, {t_prev}, {eta:g}", np.nan, 0)
    return steps, failures


def _pairs(schedule: Schedule) -> tuple[tuple[int, int], ...]:
    """Steps between noisy states: from the first t, in the middle, and to t_prev = 0 from afar and from t = 1."""
    first, last = schedule.first, schedule.last
    return ((last, last - 3), ((first + last) // 2, first + 1), (first + 3, first), (first + 1, first))


def judge_network_call(course: Interface, draw: Draw, note: Note) -> None:
    schedule = course.schedule(draw)
    jumps = [(t, t_prev, 0.0) for t, t_prev in _pairs(schedule)]

    def judge(form: Form) -> None:
        steps, failures = _steps(course, schedule, draw, note, form, jumps)
        for (t, _, _), step in steps.items():
            expect_network_sees(course, schedule, step, t, note, course.names.ddim_p_sample)
            expect_labels(course, step.network_calls, course.labels_of_step(len(step.xt)), course.names.ddim_p_sample, note)
        expect_measured(failures)

    any_form(note, each_form(course, judge))
    t, t_prev = (schedule.first + schedule.last + 1) // 2, schedule.first + 1

    def judge_wider(form: Form) -> None:
        shape = (ROWS, *course.wider.sample_shape)
        model = course.wider.build(schedule, course.answered(silent))
        answer = course.ddim_p_sample(model, f32(draw.normal(*shape)), form(t, ROWS), form(t_prev, ROWS), 0.0)
        expect_tensor(answer, shape, "x_{t_prev}")

    any_form(note, each_form(course, judge_wider))

    def take(model: Any, x: Any, times: dict[str, Any]) -> Any:
        return course.ddim_p_sample(model, x, times["t"], times["t_prev"], 0.0)

    expect_untouched(
        course, schedule, draw, {"t": t, "t_prev": t_prev}, take, course.names.ddim_p_sample, note, keep_x=True
    )


def judge_deterministic(course: Interface, draw: Draw, note: Note) -> None:
    schedule = course.schedule(draw)

    def judge_one(jump: Jump, step: Step) -> None:
        _expect_no_noise(course, step, jump)
        _expect_mean(step, jump, schedule, "x_{t_prev}")
        message = (
            f"{_where(jump)}, x_{{t_prev}} must depend on x_t and ε_θ only; yours is off by {step.noise.mean():.4f}."
        )
        expect_near(step.noise.mean(), 0, 1e-3, message)

    _judge_each(course, schedule, draw, note, [(t, t_prev, 0.0) for t, t_prev in _pairs(schedule)], judge_one)


def judge_last_step(course: Interface, draw: Draw, note: Note) -> None:
    schedule = course.schedule(draw)
    first = schedule.first
    pairs = ((first, -1), (first + 2, course.clean_times[-1]), (schedule.last, -1))

    def judge_one(jump: Jump, step: Step) -> None:
        _expect_no_noise(course, step, jump)
        _expect_mean(step, jump, schedule, "x_{t_prev}")

    _judge_each(course, schedule, draw, note, [(*pair, eta) for eta in (0.0, 1.0) for pair in pairs], judge_one)


def judge_stochastic(course: Interface, draw: Draw, note: Note) -> None:
    schedule = course.schedule(draw)
    etas = (round(float(draw.uniform(0.3, 0.7)), 3), 1.0)

    def judge_one(jump: Jump, step: Step) -> None:
        _, _, sigma = schedule.ddim_coefficients(*jump)
        where = _where(jump)
        if near(step.sigma, 0, NO_NOISE):
            raise WrongAnswer(
                f"{where}, {course.names.ddim_p_sample} must add noise of standard deviation {sigma:.4f}; yours adds none."
            )
        fault = standard_normal_fault(step.noise / sigma)
        expect(
            fault is None,
            f"{where}, the noise that {course.names.ddim_p_sample} adds must be normal with standard deviation {sigma:.4f}, but {fault}.",
        )
        expect(
            not correlation(step.noise, step.other_noise)[1],
            f"{where}, {course.names.ddim_p_sample} must draw new noise at every call; yours used the same noise again.",
        )
        _expect_mean(step, jump, schedule, "the mean of x_{t_prev}")

    _judge_each(course, schedule, draw, note, [(*pair, eta) for eta in etas for pair in _pairs(schedule)], judge_one)


def _judge_each(
    course: Interface,
    schedule: Schedule,
    draw: Draw,
    note: Note,
    jumps: list[Jump],
    judge_one: Callable[[Jump, Step], None],
) -> None:
    """Judges the steps that give numbers; then says which give none. Of NaN that comes with larger η it says from which η on."""

    def judge(form: Form) -> None:
        steps, failures = _steps(course, schedule, draw, note, form, jumps)
        if any(t_prev >= 0 for _, t_prev, _ in jumps):
            strongest = max(eta for _, _, eta in jumps)
            of_one_eta = {t: step for (t, _, eta), step in steps.items() if eta == strongest}
            note.measured_work(coefficients_follow_the_schedule(of_one_eta))
        wrong = ""
        try:
            for jump, step in steps.items():
                judge_one(jump, step)
        except WrongAnswer as error:
            wrong = str(error)
        without = [jump for jump, error in failures.items() if isinstance(error, NotFinite)]
        too_much = _eta_without_numbers(course, schedule, draw, form, *without[0][:2]) if without else ""
        if wrong or too_much:
            raise WrongAnswer(f"{wrong} {too_much}".strip())
        expect_measured(failures)

    any_form(note, each_form(course, judge))


def _expect_no_noise(course: Interface, step: Step, jump: Jump) -> None:
    message = f"{_where(jump)}, {course.names.ddim_p_sample} must add no noise; yours adds noise of standard deviation {step.sigma:.4f}."
    expect_near(step.sigma, 0, NO_NOISE, message)


def _expect_mean(step: Step, jump: Jump, schedule: Schedule, what: str) -> None:
    a, b, _ = schedule.ddim_coefficients(*jump)
    expect_coefficients(step, a, b, _where(jump), what)


def _eta_without_numbers(course: Interface, schedule: Schedule, draw: Draw, form: Form, t: int, t_prev: int) -> str:
    """A sentence where the step gives numbers at η = 0 and none that are finite from one of η = 0.1, 0.2, …, 1 on; else nothing."""
    model = course.build(schedule, course.answered(silent))
    x = f32(draw.normal(1, *course.sample_shape))
    for tenths in range(11):
        try:
            answer = course.ddim_p_sample(model, x, form(t, 1), form(t_prev, 1), tenths / 10)
        except Raised:
            return ""
        if not (isinstance(answer, np.ndarray) and finite(answer)):
            break
    else:
        return ""
    if tenths == 0:
        return ""
    return (
        f"From t = {t} to t_prev = {t_prev}, x_{{t_prev}} must be finite for every η from 0 to 1; of η = 0, 0.1, 0.2, … yours holds NaN "
        f"or infinite values from η = {tenths / 10:g} on. Look for the root of a negative number."
    )
