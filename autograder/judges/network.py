"""The network of every judgement: a noise predictor that the grader answers, so that each judgement is about one region alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from autograder.grading.checks import Floats, NotFinite, WrongAnswer, expect_finite
from autograder.judges.signature import Signature
from autograder.measuring import has_a_time_for_each_row, times_of_rows
from autograder.sandbox.failures import GraderHangup
from autograder.sandbox.proxies import describe

ROWS = 4096
MOST_IN_A_STATE = 1 << 20  # the largest batch of the grader's own is one of 16,384 images of 3 × 4 × 4: 786,432 numbers
MOST_CALLS = 100  # of one network or step; a loop over one of the grader's schedules makes 23 at most
SHORT = "its schedules have fewer than 25 timesteps"


class Call(NamedTuple):
    """What the network was given. t is empty where the course does not tell it; `more`: what else it takes, by name."""

    x: Floats  # (B, …)
    t: Floats  # (B,)
    more: Mapping[str, Any] = MappingProxyType({})


@dataclass
class Network:
    """A noise predictor that the grader answers, and that remembers every call. Equal calls in a row count once.

    What it is given must be finite before it is kept: WrongAnswer, with a sentence, where it is not. `arguments`: their names, in order, or
    a Signature, which also knows keywords, defaults, and the form of the answer. The answer may have other channels than x.
    """

    answer: Callable[[Call], Floats]
    arguments: tuple[str, ...] | Signature = ("x", "t")
    most_calls: int = MOST_CALLS
    steps: str = SHORT  # of the schedules in use, for the sentence about too many calls
    calls: list[Call] = field(default_factory=list)
    dtypes: list[str] = field(default_factory=list)  # of x, at every call
    other_times: int = 0  # calls that were told another time than one before in the same step, where a step may have several

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = self.signature.bind(args, kwargs)
        x = as_state(given["x"], "x_t", "The x_t that the network is given")
        t = as_timesteps(given["t"], len(x), "The t that the network is given") if "t" in given else np.empty(0)
        self.dtypes.append(given["x"].dtype.name)
        call = Call(x, t, {name: value for name, value in given.items() if name not in ("x", "t")})
        if not self.calls or not _same(self.calls[-1], call):
            self.calls.append(call)
            if len(self.calls) > self.most_calls:
                raise too_many_calls(self.most_calls, self.steps)
        return self.signature.result(self.answer(call).astype(np.float32), given)

    @property
    def signature(self) -> Signature:
        return self.arguments if isinstance(self.arguments, Signature) else Signature(self.arguments)


def _same(one: Call, other: Call) -> bool:
    return (
        np.array_equal(one.x, other.x)
        and np.array_equal(one.t, other.t)
        and all(np.array_equal(value, theirs) for value, theirs in zip(one.more.values(), other.more.values()))
    )


def silent(call: Call) -> Floats:
    """The answer 0."""
    return np.zeros_like(call.x)


def too_many_calls(most: int, steps: str = SHORT) -> WrongAnswer:
    return WrongAnswer(
        f"The grader stopped your code after {most} calls: {steps}. "
        "Look for a number of steps that is written into the code, or a loop that does not end."
    )


def as_state(value: Any, name: str, what: str) -> Floats:
    """x_t, or another batch, as float64, (B, …). Raises GraderHangup for what is no batch of a usual size, WrongAnswer for NaN and infinities."""
    if not isinstance(value, np.ndarray) or value.ndim < 1 or not 0 < value.size <= MOST_IN_A_STATE:
        raise GraderHangup(f"{name} must be a tensor of shape (B, …), not empty and not huge, and is {describe(value)}")
    return _finite_before_kept(value, what)


def as_timesteps(value: Any, rows: int, what: str = "t") -> Floats:
    """The time of each row, from any accepted form. Raises GraderHangup for anything else, WrongAnswer for NaN and infinities."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "iufb" and has_a_time_for_each_row(value.shape, rows):
        return times_of_rows(_finite_before_kept(value, what), rows)
    if isinstance(value, (int, float)):
        return np.full(rows, _finite_before_kept(np.array(float(value)), what))
    raise GraderHangup(f"t must be an integer or a tensor of shape (), (1,) or (B,), and is {describe(value)}")


def _finite_before_kept(value: Any, what: str) -> Floats:
    """As float64. Raises WrongAnswer where it is not finite: the run ends here, whatever it would have come to return."""
    try:
        return expect_finite(value, what)
    except NotFinite as error:
        raise WrongAnswer(str(error)) from None
