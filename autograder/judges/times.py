"""Judgement of the time that a network is told: the same number at the same noise in the loss and in the sampler.

Whether t/T, t/(T − 1) or t itself is told makes no difference to a network that learns it. What must hold is that the sampler tells it what the loss
told it. Which row of the schedule an image of the loss belongs to shows in its x_t, and the sampler counts down.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from autograder.grading.checks import Note, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges.interface import Interface
from autograder.judges.loss import run_loss
from autograder.judges.network import silent
from autograder.oracles.schedule import Schedule
from autograder.sandbox.failures import StudentFailure

ENOUGH = 2048  # images, of which each row gets a hundred
SAME = 1e-5  # relative to the largest time; float32 loses 1e-7, neighbours are 1/T apart


class LossUnread(StudentFailure):
    """The loss tells nothing that the loop could be compared with: with these tables its x_t are no noised images."""


@dataclass(frozen=True)
class Told:
    """What the network is told at each row of the schedule that comes up."""

    rows: list[int]
    times: list[float]

    def at(self, row: int) -> float | None:
        return self.times[self.rows.index(row)] if row in self.rows else None

    def differs_from(self, other: "Told") -> list[int]:
        """The rows at which both are told a time, and not the same."""
        within = SAME * (1 + max(map(abs, self.times)))
        return [row for row, time in zip(self.rows, self.times) if (theirs := other.at(row)) is not None and not abs(time - theirs) <= within]

    def is_usual(self, schedule: Schedule) -> bool:
        """Whether it is the row, or the one before or after it, divided by T, T − 1 or T + 1, and goes from about 0 to about 1."""
        times, rows, steps = np.array(self.times), np.array(self.rows), schedule.num_timesteps
        exact = any(abs(times * count - rows - shift).max() < 1e-3 for count in (steps - 1, steps, steps + 1) for shift in (-1, 0, 1))
        return exact and self.times[0] >= -1e-6 and self.times[-1] <= 1 + 1.6 / steps


def in_loss(course: Interface, draw: Draw, note: Note) -> Told:
    """Raises WrongAnswer unless every image is told a time of its own row, larger ones for more noise."""
    name = course.names.compute_loss
    run = run_loss(course, draw, (ENOUGH, *course.sample_shape), Note())
    rows = sorted({int(row) for row in run.t})
    of_rows = [run.told[run.t == row] for row in rows]
    spread = max(float(np.ptp(times)) for times in of_rows)
    times = [float(times.mean()) for times in of_rows]
    note("told times differ at one t", spread > SAME * (1 + max(map(abs, times))), 0)
    _note(note, Told(rows, times), run.schedule)
    note.measured_work(len(rows) > run.schedule.num_timesteps / 2)
    expect(
        spread <= SAME * (1 + max(map(abs, times))),
        f"{name} must tell the network the t that is in the image's own x_t; in yours, images with the same noise are told different times.",
    )
    expect(
        all(np.diff(times) > 0),
        f"The time that {name} tells the network must grow with t; yours tells {_listed(times)} from the least t to the largest.",
    )
    return Told(rows, times)


def in_loop(course: Interface, draw: Draw, note: Note) -> Told:
    """Raises WrongAnswer unless the loop tells all images of a batch the same time."""
    schedule, loop = course.schedule(draw), course.names.p_sample_loop
    shape = course.shape_of_samples(2, draw)
    network = course.answered(silent, **course.calls_of(schedule))
    model = course.build(schedule, network)
    course.p_sample_loop(model, shape, course.labels_of_samples(draw, shape[0]))
    expect(network.calls, f"{loop} must call {course.names.network} in every step; yours never called it.")
    expect(
        all(np.ptp(call.t) == 0 for call in network.calls),
        f"In every step of {loop} all images have the same t; yours tells the network different ones.",
    )
    note("two times in one step", network.other_times > 0, 0)
    expect(not network.other_times, f"In a step of {loop} every call of the network must be told the same time; yours tells it two.")
    rows = [schedule.last - k for k in range(len(network.calls))]
    told = Told(rows[::-1], [float(call.t[0]) for call in network.calls][::-1])
    _note(note, told, schedule)
    note.measured_work(len(told.times) > schedule.num_timesteps / 2)
    return told


def judge_in_loss(course: Interface, draw: Draw, note: Note) -> None:
    """What the loss tells is t/T, or else what the loop tells too."""
    schedule, told = course.schedule(draw), in_loss(course, draw, note)
    if told.is_usual(schedule):
        return
    loop = _or_none(lambda: in_loop(course, draw, Note()))
    if loop is not None and loop.is_usual(schedule) and told.differs_from(loop):
        raise WrongAnswer(_disagree(course, told, loop, schedule))


def judge_in_loop(course: Interface, draw: Draw, note: Note, loss_is_wrong: bool = False) -> None:
    """What the loop tells is what the loss tells; where the loss is known to be wrong, any time that goes down with t. Raises WrongAnswer, or
    LossUnread.
    """
    schedule, told = course.schedule(draw), in_loop(course, draw, note)
    expect(
        all(np.diff(told.times) > 0),
        f"The time that {course.names.p_sample_loop} tells the network must go down from step to step; yours goes {_listed(told.times[::-1])}.",
    )
    if loss_is_wrong:
        return
    if (loss := _or_none(lambda: in_loss(course, draw, Note()))) is None:
        raise LossUnread(f"What {course.names.compute_loss} tells the network cannot be read.")
    if (loss.is_usual(schedule) or not told.is_usual(schedule)) and told.differs_from(loss):
        raise WrongAnswer(_disagree(course, loss, told, schedule))


def _or_none(measure: Callable[[], Told]) -> Told | None:
    try:
        return measure()
    except (WrongAnswer, StudentFailure):
        return None


def _note(note: Note, told: Told, schedule: Schedule) -> None:
    """In units of 1/T, less the row, so that the same mistake gives the same numbers with tables of either length."""
    largest = max(told.times) - min(told.times)
    note("number of times", len(told.times), 0)
    note("time told at the last row, in steps", told.times[-1] * schedule.num_timesteps - schedule.last, 0.02)
    note("time told at the first row, in steps", told.times[0] * schedule.num_timesteps - told.rows[0], 0.02)
    note("all times are one", largest == 0, 0)


def _disagree(course: Interface, loss: Told, loop: Told, schedule: Schedule) -> str:
    row = loop.differs_from(loss)[-1]
    names = course.names
    return (
        f"The sampler must tell the network the time that the training told it. With T = {schedule.num_timesteps}, at the noise of step {row}, "
        f"{names.compute_loss} tells it {loss.at(row):.4f} and {names.p_sample_loop} {loop.at(row):.4f}."
    )


def _listed(times: list[float]) -> str:
    shown = [f"{time:.3f}" for time in times]
    return ", ".join(shown if len(shown) <= 6 else [*shown[:3], "…", *shown[-2:]])
