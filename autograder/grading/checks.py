"""What a check is written with: `task` marks it, `expect_*` judges what came, `Note` keeps the numbers behind the
judgement.

A check is a function in `autograder/assignments/<id>/test_*.py`. Its docstring is the sentence that the student
reads. It may take, by name:

    student        the submission (sandbox.proxies.Student)
    sample_shape   of the assignment's data, from the manifest
    draw           secret random numbers (grading.seeds.Draw)
    note           a Note; numbers noted before a failure make up the evidence, and are what a diagnosis compares
    reference      the solution, running beside the student's code in a lane of its own (grading.reference.Reference)
    carry          a Carry: which regions are already known to be wrong, so that the reference can stand in for them
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograder.oracles.tolerance import near
from autograder.regions import parts_of, resolve
from autograder.sandbox.failures import Died, StudentFailure, TimedOut
from autograder.sandbox.proxies import describe

LARGEST = 1e30  # numbers beyond this are an overflow on its way; fourth powers of smaller ones fit float64
Floats = NDArray[np.float64]
Result = TypeVar("Result")


class WrongAnswer(Exception):
    """The student's code gave an answer, and it is wrong. The message is what the student reads: what was expected,
    what came.
    """


class NotFinite(WrongAnswer):
    """The answer holds NaN or infinite values, or numbers too large to be right."""


class Held(Exception):
    """The property holds, or a person has to judge it: its points wait until somebody has looked. The message says why, and is read by
    student and staff.
    """


@dataclass(frozen=True)
class CheckMark:
    """What the decorator `task` knows about a check."""

    task: str
    points: float
    region: str  # that it judges; in the rubric its full name (regions.py), in the source as short as is clear: "p_sample"
    false_fail: (
        float  # probability with which it fails a right solution; 0 for a check without randomness in its verdict
    )
    detects: str  # the smallest effect that a statistical check sees
    shows_work: bool = False  # no body without work of its own passes it; a test tries many


def task(
    identifier: str,
    *,
    points: float,
    region: str,
    false_fail: float = 0.0,
    detects: str = "",
    shows_work: bool = False,
) -> Callable[[Any], Any]:
    """Mark a function as a check of the rubric. `shows_work`: nothing passes it that returns an argument, zeros, ones, noise, a constant or
    what the network says. Other checks of a region earn points only beside work, see grading.work.
    """

    def mark(function: Any) -> Any:
        function.check_mark = CheckMark(identifier, float(points), region, false_fail, detects, shows_work)
        return function

    return mark


@dataclass
class Note:
    """Numbers behind a judgement, by name, each with the difference below which two of them count as equal.

    `inputs`: what the numbers were measured on, such as a schedule: plain data, from which a formula computes what a known mistake would
    give. `one_form`: a wrong answer in one of several accepted forms ends the check (see any_form). `work`: whether something was seen that
    no body without work gives; None where nothing was measured that could tell.
    """

    values: dict[str, tuple[Floats, float]] = field(default_factory=dict)
    one_form: bool = False
    inputs: dict[str, Any] = field(default_factory=dict)
    work: bool | None = None

    def measured_work(self, seen: bool) -> None:
        """A measurement tells whether the region shows work of its own, right or wrong. Once seen, it stays seen."""
        self.work = bool(self.work or seen)

    def __call__(self, name: str, value: Any, tolerance: float) -> None:
        """Keep `value` (a number or up to 64 numbers of an array)."""
        self.values[name] = (np.asarray(value).flat[:64].astype(np.float64), tolerance)

    def agrees_with(self, other: "Note") -> bool:
        """Whether both hold the same names with values that are equal within their tolerances."""
        return self.values.keys() == other.values.keys() == self.shared_with(other)

    def shared_with(self, other: "Note") -> set[str]:
        """The names under which both hold equal values."""
        return {
            name
            for name, (values, tolerance) in self.values.items()
            if name in other.values and _equal(values, other.values[name][0], tolerance)
        }

    def holds(self, name: str, value: Any) -> bool:
        """Whether the number, or numbers, under `name` are `value`, within their tolerance."""
        mine, tolerance = self.values[name]
        return _near(mine[0] if mine.size == 1 else mine, value, tolerance)

    def near(self, name: str, value: Any, other: Any) -> bool:
        """Whether two numbers count as equal under `name`."""
        return _near(value, other, self.values[name][1])

    def to_data(self) -> dict[str, Any]:
        """JSON data for the verdict: single numbers as they are, arrays by their first four."""
        return {
            name: float(f"{values[0]:.6g}") if values.size == 1 else [float(f"{value:.6g}") for value in values[:4]]
            for name, (values, _) in self.values.items()
        }


def _near(one: Any, two: Any, tolerance: float) -> bool:
    """As `_equal`, of numbers or arrays. Single numbers, by far the most frequent, without the detour by arrays."""
    if isinstance(one, (int, float)) and isinstance(two, (int, float)) and math.isfinite(one) and math.isfinite(two):
        return abs(one - two) <= tolerance * (1 + min(abs(one), abs(two)))
    mine, theirs = (np.array(value, dtype=np.float64).ravel()[:64] for value in (one, two))
    return _equal(mine, theirs, tolerance)


def _equal(mine: Floats, theirs: Floats, tolerance: float) -> bool:
    if mine.shape != theirs.shape:
        return False
    finite = np.isfinite(mine) & np.isfinite(theirs)
    allowed = tolerance * (1 + np.where(finite, np.minimum(abs(mine), abs(theirs)), 0))
    near = finite & (abs(np.where(finite, mine, 0) - np.where(finite, theirs, 0)) <= allowed)
    return bool(((mine == theirs) | near | (np.isnan(mine) & np.isnan(theirs))).all())


@dataclass
class Carry:
    """Errors carried forward: regions known to be wrong, and for which of them the reference stood in during a check.

    `undone`: those of them that hold nothing of the student's; `without_work`: those that show no work of their own. `proved`: regions of
    which every check so far was passed. `known`: all regions of the assignment. All by their full names.
    """

    wrong: frozenset[str] = frozenset()
    known: tuple[str, ...] = ()
    stood_in: set[str] = field(default_factory=set)
    undone: frozenset[str] = frozenset()
    without_work: frozenset[str] = frozenset()
    proved: frozenset[str] = frozenset()

    def stands_in_for(self, region: str) -> bool:
        """Whether the reference must stand in for `region`, which may be a short name; notes that it does.

        Raises UserError where the assignment has no such region, or several.
        """
        if not self.knows_wrong(region):
            return False
        self.stood_in.add(resolve(region, self.known, "stands_in_for"))
        return True

    def knows_wrong(self, region: str) -> bool:
        """Whether a check of `region`, which may be a short name, or of a part of it, has failed. Raises as `stands_in_for`."""
        if not (self.known or self.wrong):
            return False  # of no assignment: nothing is carried forward
        name = resolve(region, self.known, "stands_in_for")
        return not self.wrong.isdisjoint(parts_of(name, self.known))


def expect(condition: Any, message: str) -> None:
    if not condition:
        raise WrongAnswer(message)


def expect_integer(value: Any, lowest: int, highest: int, what: str) -> int:
    """`value` where it is a whole number in this range, of Python or in a tensor without dimensions. Raises WrongAnswer."""
    number = value.item() if isinstance(value, np.ndarray) and value.shape == () else value
    if type(number) is not int or not lowest <= number <= highest:
        raise WrongAnswer(f"{what} must be a whole number from {lowest:,} to {highest:,}; yours is {describe(value)}.")
    return number


def expect_tensor(value: Any, shape: tuple[int, ...], what: str) -> Floats:
    """`value` as float64. Raises WrongAnswer unless it is a finite floating-point tensor of the shape."""
    if not isinstance(value, np.ndarray):
        hint = " (is there a `return`?)" if value is None else ""
        raise WrongAnswer(f"{what} must be a tensor of shape {shape}; your code returned {describe(value)}{hint}.")
    if value.shape != shape:
        raise WrongAnswer(f"{what} must have shape {shape}; yours has {value.shape}.")
    if value.dtype.kind != "f":
        raise WrongAnswer(f"{what} must be a floating-point tensor; yours has dtype {value.dtype.name}.")
    return expect_finite(value, what)


def expect_finite(value: NDArray[Any], what: str) -> Floats:
    """`value` as float64. Raises NotFinite, naming what it holds, where a number is not finite or larger than LARGEST."""
    numbers = value.astype(np.float64)
    if not (abs(numbers) <= LARGEST).all():  # also where something is NaN
        kind = "NaN" if np.isnan(numbers).any() else "infinite" if np.isinf(numbers).any() else "huge"
        count = int((~(abs(numbers) <= LARGEST)).sum())
        raise NotFinite(f"{what} must be finite; yours holds {kind} values ({count} of {value.size}).")
    return numbers


def expect_near(got: Any, expected: Any, within: Any, message: str) -> None:
    """Raises WrongAnswer with `message` unless all numbers are finite and at most `within` from what is expected."""
    expect(near(got, expected, within), message)


def expect_close(
    got: Floats, expected: Floats, what: str, *, tolerance: float, where: Sequence[str] | None = None
) -> None:
    """max |got − expected| ≤ tolerance (1 + |expected|), else the first row at fault is shown. `where` names a row."""
    allowed = tolerance * (1 + abs(expected))
    if near(got, expected, allowed) or not np.size(got):
        return
    wrong = ~(abs(got - expected) <= allowed)  # also where something is NaN
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = f" {where[index[0]]}" if where and index else ""
    message = f"{what}{place} must be {expected[index]:.5f}; yours is {got[index]:.5f}"
    usable = abs(expected) > 0.05
    if usable.sum() > 3:
        ratio = got[usable] / expected[usable]
        if np.ptp(ratio) < 1e-3 * max(1.0, abs(ratio).max()):
            message += f" (everywhere {ratio.mean():.4g} times what it must be)"
        else:
            offset = (got - expected).ravel()
            if np.ptp(offset) < 1e-3 * max(1.0, abs(offset).max()):
                message += f" (everywhere off by {offset.mean():.4g})"
    raise WrongAnswer(message + ".")


def any_form(note: Note, attempts: Sequence[Callable[[], Result]]) -> Result:
    """The result of the first attempt that is right. When none is, the first wrong answer counts, or else the first
    failure.

    For interfaces that leave a form open, such as a time step as an integer or as a tensor: nobody fails for one of
    them.
    """
    first: BaseException | None = None
    kept: tuple[dict[str, tuple[Floats, float]], dict[str, Any]] = ({}, {})
    before = dict(note.values), dict(note.inputs)
    for attempt in attempts:
        note.values, note.inputs = (dict(part) for part in before)
        try:
            return attempt()
        except (TimedOut, Died):
            raise
        except (WrongAnswer, StudentFailure) as error:
            if first is None or (isinstance(error, WrongAnswer) and not isinstance(first, WrongAnswer)):
                first, kept = error, (note.values, note.inputs)
            if note.one_form and isinstance(error, WrongAnswer):
                break
    note.values, note.inputs = kept
    assert first is not None
    raise first
