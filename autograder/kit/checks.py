"""What a visible check is written with.

A visible check is a function in an assignment's `visible.py`. Its docstring is the sentence that the student reads. It calls the
student's code with fixed inputs and hands what comes out to `compare`, which knows the numbers of the solution: the same function,
run on the solution, has recorded them. So the kit holds numbers and never a formula.
"""

import importlib
import random
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Result = TypeVar("Result")
Numbers = dict[str, list[Any]]  # what is compared → what each right solution gave, as nested lists


class WrongAnswer(Exception):
    """The student's code gave an answer, and it is wrong. The message says what was expected and what came."""


@dataclass(frozen=True)
class VisibleCheck:
    """A check that students run themselves. `where`: the equation to look at, such as "DDPM, Eq. 4"."""

    id: str
    task: str
    region: str  # as short as is clear: "q_sample"
    where: str
    run: Callable[["Code", "Compare"], None]

    @property
    def sentence(self) -> str:
        return " ".join((self.run.__doc__ or self.id).split())


@dataclass(frozen=True)
class Picture:
    """A plot of what the student's code does. `run` writes a PNG into the folder that it is given, and returns its path."""

    task: str
    needs: tuple[
        str, ...
    ]  # regions; it is drawn when no check of these has failed, and shows the others, right or wrong
    title: str
    run: Callable[["Code", Path], Path]

    @property
    def id(self) -> str:
        return self.run.__name__


def visible(task: str, *, region: str, where: str) -> Callable[[Any], VisibleCheck]:
    """Make a function a visible check."""
    return lambda function: VisibleCheck(function.__name__, task, region, where, function)


def picture(task: str, *, needs: tuple[str, ...], title: str) -> Callable[[Any], Picture]:
    """Make a function a picture."""
    return lambda function: Picture(task, needs, title, function)


@dataclass(frozen=True)
class Code:
    """The student's code, and the shape of one sample of the assignment's data: (2,) for points, (C, H, W) for images."""

    sample_shape: tuple[int, ...]

    def module(self, name: str) -> types.ModuleType:
        return importlib.import_module(name)


@dataclass
class Compare:
    """Compares with the numbers of the solution; without `known`, records them in `recorded`, with how far off they may be."""

    known: Numbers | None
    recorded: dict[str, dict[str, Any]] = field(default_factory=dict)  # {"values": …, "within": …, "relative": …}

    def __call__(
        self,
        what: str,
        got: Any,
        *,
        within: float = 1e-4,
        relative: float = 1e-4,
        places: Sequence[str] = (),
        says: str = "{what}{place} must be {expected}; yours is {got}.",
        digits: int = 4,
        show: Callable[[Any], str] | None = None,
    ) -> None:
        """Raise WrongAnswer unless |got − expected| ≤ within + relative |expected| for the numbers of one right solution.

        `places` names the entries along the first axis; `says` is the sentence about the first number that is off. `show`
        makes words of all numbers together, for a sentence about the whole.
        """
        values = np.asarray(got, dtype=np.float64)
        if self.known is None:
            self.recorded[what] = {"values": _rounded(values.tolist()), "within": within, "relative": relative}
            return
        candidates = [np.asarray(expected, dtype=np.float64) for expected in self.known[what]]
        faults = [_first_fault(values, expected, within, relative) for expected in candidates]
        if None in faults:
            return
        # The right solution that agrees longest is the one that the student means.
        fault, expected = max(zip(faults, candidates), key=lambda pair: pair[0] or ())
        if show is not None:
            told = {"expected": show(expected.tolist()), "got": show(values.tolist())}
            raise WrongAnswer(says.format(what=what, place="", **told))
        if not fault and values.shape != expected.shape:
            raise WrongAnswer(f"{what} must have shape {expected.shape}; yours has {values.shape}.")
        assert fault is not None
        place = f" {places[fault[0]]}" if places else ""
        told = {name: f"{number[fault]:.{digits}f}" for name, number in (("expected", expected), ("got", values))}
        message = says.format(what=what, place=place, **told)
        raise WrongAnswer(message + (" The paper's other choice does not fit either." if len(candidates) > 1 else ""))


def _first_fault(got: Floats, expected: Floats, within: float, relative: float) -> tuple[int, ...] | None:
    """The index of the first number that is off; () where the shapes differ; None when all is right."""
    if got.shape != expected.shape:
        return ()
    wrong = ~(abs(got - expected) <= within + relative * abs(expected))  # also where something is NaN
    return tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.any() else None


def _rounded(value: Any) -> Any:
    return [_rounded(item) for item in value] if isinstance(value, list) else float(f"{value:.6g}")


def expect(condition: Any, message: str) -> None:
    if not condition:
        raise WrongAnswer(message)


def expect_tensor(value: Any, shape: tuple[int, ...], what: str) -> Floats:
    """`value` as float64. Raises WrongAnswer unless it is a finite floating-point tensor of the shape."""
    if not isinstance(value, torch.Tensor):
        hint = " (is there a `return`?)" if value is None else ""
        raise WrongAnswer(f"{what} must be a tensor of shape {shape}; yours is {describe(value)}{hint}.")
    expect(tuple(value.shape) == shape, f"{what} must have shape {shape}; yours has {tuple(value.shape)}.")
    expect(value.is_floating_point(), f"{what} must hold floating-point numbers; yours holds {value.dtype}.")
    values: Floats = value.detach().cpu().double().numpy()
    bad = int((~np.isfinite(values)).sum())
    expect(not bad, f"{what} must be finite; in yours {bad} of {values.size} numbers are NaN or infinite.")
    return values


def describe(value: Any) -> str:
    """What a value is, for a sentence."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if value is None:
        return "None"
    if isinstance(value, (list, tuple, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"the {type(value).__name__} {str(value)[:40]}"


def any_form(attempts: Sequence[Callable[[], Result]]) -> Result:
    """The result of the first attempt that is right; when none is, the first wrong answer counts, or else the first failure.

    For interfaces that leave a form open, such as t as an integer or as a tensor: nobody fails for one of them.
    """
    first: Exception | None = None
    for attempt in attempts:
        try:
            return attempt()
        except NotImplementedError:
            raise
        except Exception as error:
            if first is None or (isinstance(error, WrongAnswer) and not isinstance(first, WrongAnswer)):
                first = error
    assert first is not None
    raise first


def seed(number: int) -> None:
    """Make all usual random generators begin anew."""
    torch.manual_seed(number)
    np.random.seed(number)
    random.seed(number)


def example(*shape: int, salt: int = 0) -> torch.Tensor:
    """Fixed numbers between −1.2 and 1.2 with one decimal, so that a person can do the sum again."""
    numbers = (torch.arange(int(np.prod(shape))) * 17 + salt * 7) % 25 - 12
    return (numbers / 10).reshape(shape)
