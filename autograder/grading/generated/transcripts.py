"""What a submission says while checks run, and where two submissions part."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.proxies import Student, from_wire, to_wire
from autograder.sandbox.remote_worker import Worker
from autograder.sandbox.wire import Array, Opaque, Ref

UNRECORDED = ("import", "replace")  # come with the first check of a worker, whichever that is
RELATIVE, ABSOLUTE = 1e-5, 1e-6  # the second as a share of the largest number of an array
OF_FORM = ("return_dict",)  # arguments of a network that say in which form it answers; what is made of the answer is compared
OF_CODE = "'__code__."  # what a function's code holds, which is read to know how to ask it: it differs without another behaviour
Made = TypeVar("Made")


@dataclass
class Entry:
    """One request. `key`: what was requested; `given`: the arrays in it; `asked`: what functions of the grader were called with on the way;
    `failed`: there is no answer.
    """

    key: str
    asked: list[Any] = field(default_factory=list)
    answer: Any = None
    failed: bool = False
    given: list[Any] = field(default_factory=list)


Transcript = list[Entry]


class Recorded(Student):
    """A submission with a transcript of the present check. `refused`: requests of it, by their numbers, that are answered with a failure at once."""

    transcript: Transcript
    refused: Mapping[int, StudentFailure] = {}
    failures: dict[int, StudentFailure]  # of this check, by the numbers of their requests
    making = 0

    def begin(self, first_seed: int) -> None:
        self.transcript, self.failures = [], {}
        super().begin(first_seed)

    def request(self, worker: Worker, op: str, fields: dict[str, Any], **settings: Any) -> Any:
        entry = Entry(f"{op} {settings.get('seed')} {_requested(fields, with_arrays=False)}", given=[_told(array) for array in _arrays_in(fields)])
        if recorded := op not in UNRECORDED and not self.making:
            self.transcript.append(entry)
        number = len(self.transcript)
        try:
            if recorded and (refusal := self.refused.get(number)):
                raise refusal
            entry.answer = super().request(worker, op, fields, **settings)
        except StudentFailure as error:
            entry.answer, entry.failed = f"{type(error).__name__}: {error}", True
            if recorded:
                self.failures[number] = error
            raise
        return entry.answer

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What is made once in a worker is made by the check that comes first: no transcript has it."""
        self.making += 1
        try:
            return super().once(name, make)
        finally:
            self.making -= 1

    def _decoded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        answered = super()._decoded(function)

        def answer(*args: Any, **kwargs: Any) -> Any:
            if self.transcript and not self.making:
                named = {name: _told(value) for name, value in kwargs.items() if name not in OF_FORM}
                self.transcript[-1].asked.append([[_told(value) for value in args], named])
            return answered(*args, **kwargs)

        return answer


def _requested(value: Any, with_arrays: bool = True) -> str:
    """What is asked for, without the numbers of objects, which differ from one worker to the next."""
    if isinstance(value, Array) and with_arrays:
        return f"{value.dtype}{value.shape}{hash(value.data)}"
    if isinstance(value, dict):
        return "".join(f"{key}={_requested(item, with_arrays)}," for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "".join(f"{_requested(item, with_arrays)}," for item in value)
    return repr(value) if isinstance(value, (str, int, float, type(None))) else type(value).__name__


def _arrays_in(value: Any) -> list[Array]:
    """In order. The grader gives a student's network what a student's function gave it, in whatever form that was."""
    if isinstance(value, Array):
        return [value]
    return [array for item in _items(value) for array in _arrays_in(item)]


def _items(value: Any) -> Iterable[Any]:
    """What a container of the wire format holds."""
    return value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()


def parting(right: Transcript, other: Transcript) -> str:
    """Where two transcripts part, or ""."""
    for number, (one, two) in enumerate(zip(right, other), start=1):
        if place := _parting(one, two):
            return f"request {number} {place}"
    return "" if len(right) == len(other) else f"{len(other)} requests in place of {len(right)}"


def _parting(one: Entry, two: Entry) -> str:
    """Of a call that is watched operation by operation, only what is told of its weights counts: an operation in vain changes nothing, and
    what the network gives is asked for once more without being watched.
    """
    if (one.key, one.failed) != (two.key, two.failed) or not equal(one.given, two.given):
        return "has no answer" if two.failed else "is another one"
    if one.failed or OF_CODE in one.key:  # how, and after which questions, is nobody's affair
        return ""
    operation = one.key.partition(" ")[0]
    if operation in ("trace", "outline"):
        return "" if _of_weights(one.answer) == _of_weights(two.answer) else "has other weights"
    asked, also_asked = one.asked, two.asked
    if len(asked) != len(also_asked):  # what is asked again in the same words gets the same answer
        asked, also_asked = _once_each(asked), _once_each(also_asked)
    if len(asked) != len(also_asked):
        return f"asks {len(two.asked)} times in place of {len(one.asked)}"
    if not equal(asked, also_asked) and Counter(map(_requested, asked)) != Counter(map(_requested, also_asked)):  # in whatever order
        return "asks something else"
    answers = (one.answer, two.answer) if operation != "gradients" else (_in_no_order(one.answer), _in_no_order(two.answer))
    return "" if equal(*answers) else "has another answer"


def _once_each(asked: list[Any]) -> list[Any]:
    return list({_requested(one): one for one in asked}.values())


def _in_no_order(gradients: Any) -> Any:
    """The norms of gradients come in the order in which the weights were used."""
    if not isinstance(gradients, dict):
        return gradients
    return {**gradients, "weights": sorted(gradients["weights"], key=lambda norm: (norm is None, norm or 0.0))}


def _of_weights(report: Any) -> Any:
    return {name: report.get(name) for name in ("idle", "made")} if isinstance(report, dict) else None


def equal(one: Any, two: Any) -> bool:
    """Whether two values of the wire format are equal but for rounding. The width of numbers does not matter, their kind does."""
    if isinstance(one, Array) and isinstance(two, Array):
        return one == two or _equal_arrays(np.asarray(from_wire(one)), np.asarray(from_wire(two)))
    if isinstance(one, (list, tuple)) and type(one) is type(two):
        return len(one) == len(two) and all(map(equal, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(equal(one[key], two[key]) for key in one)
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=RELATIVE, abs_tol=1e-12) or (math.isnan(one) and math.isnan(two))
    if isinstance(one, Ref) and isinstance(two, Ref):
        return True
    if isinstance(one, (str, Opaque)) and type(one) is type(two):
        return _without_addresses(str(one)) == _without_addresses(str(two))
    return type(one) is type(two) and bool(one == two)


def _told(value: Any) -> Any:
    """What a network is told as t, in whatever form: where all is one number, that number. A mask may be of truth values."""
    if isinstance(value, Array):
        numbers = np.asarray(from_wire(value))
        if numbers.size and numbers.dtype.kind in "bif" and (numbers == numbers.flat[0]).all():
            return float(numbers.flat[0])
        return to_wire(numbers.astype(np.float64)) if numbers.dtype.kind in "bi" else value
    return float(value) if isinstance(value, (int, float)) else value


def _equal_arrays(one: np.ndarray[Any, Any], two: np.ndarray[Any, Any]) -> bool:
    if one.shape != two.shape or one.dtype.kind != two.dtype.kind:
        return False
    if one.dtype.kind not in "fc":
        return bool((one == two).all())
    if not one.size:
        return True
    wide = np.complex128 if one.dtype.kind == "c" else np.float64
    one, two = one.astype(wide), two.astype(wide)
    finite = np.isfinite(one)
    largest = abs(one[finite]).max(initial=0.0)
    return bool(np.allclose(one, two, rtol=RELATIVE, atol=ABSOLUTE * largest, equal_nan=True))


def _without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+|line \d+", "#", text)


def bytes_in(value: Any) -> int:
    """About how much memory a value takes."""
    if isinstance(value, Array):
        return len(value.data)
    return 50 + sum(map(bytes_in, _items(value)))
