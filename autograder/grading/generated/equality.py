"""Is a mutant equal to the right version? Shown by what their code says, not by verdicts.

The checks of the region run with both on the same inputs, for many secrets, and the two transcripts are compared: every answer of the
worker, and everything that a network or a function of the grader was asked. Where they differ, the same is tried with random numbers
that do not depend on the order of the draws (keyed_random_numbers.py), and with the way of normal numbers turned in the right version:
what is equal then has the same distribution.
"""

import math
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from autograder.grading.generated.reach import DIGEST, Reach, secret
from autograder.grading.runner import run_check
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student, from_wire, to_wire
from autograder.sandbox.remote_worker import Worker
from autograder.sandbox.wire import Array, Opaque, Ref

SECRETS = 30
SECRETS_ELSEWHERE = 5  # for checks that run the region and judge another one
MOST_SECONDS = 120.0  # for one mutant
MOST_BYTES = 400 << 20  # of transcripts that are remembered for the mutants of one batch
RELATIVE, ABSOLUTE = 1e-5, 1e-6  # the second as a share of the largest number of an array
WAYS = ("as drawn", "turned", "first turned", "others turned", "normal later", "integer later", "uniform later")  # see keyed_random_numbers.py
UNRECORDED = ("import", "replace")  # come with the first check of a worker, whichever that is
KEYED = Path(__file__).with_name("keyed_random_numbers.py")
Transcript = list[tuple[str, Any]]
Made = TypeVar("Made")
How = Literal["equal", "equal in law", "survivor"]


class Recorded(Student):
    """A submission with a transcript of all that it says: what the worker answers, and what functions of the grader are asked."""

    transcript: Transcript
    making = 0

    def begin(self, first_seed: int) -> None:
        self.transcript = []
        super().begin(first_seed)

    def request(self, worker: Worker, op: str, fields: dict[str, Any], **settings: Any) -> Any:
        try:
            value = super().request(worker, op, fields, **settings)
        except StudentFailure as error:
            self.transcript.append(("failure", f"{type(error).__name__}: {error}"))
            raise
        if op not in UNRECORDED and not self.making:
            self.transcript.append((op, value))
        return value

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
            if not self.making:
                self.transcript.append(("asked", [[_told(value) for value in args], {name: _told(value) for name, value in kwargs.items()}]))
            return answered(*args, **kwargs)

        return answer


class Comparison:
    """Compares mutants of one region with the right version, which runs in the lane `beside`."""

    def __init__(self, reach: Reach, beside: Lane, lane: Lane):
        self.reach, self.beside, self.lane = reach, beside, lane
        self.right: dict[str, Recorded] = {}
        self.known: dict[tuple[str, int, str], Transcript] = {}
        self.bytes = 0

    def of(self, files: dict[str, bytes]) -> tuple[How, str]:
        """How the mutant with these files compares, and a sentence."""
        ends, first = time.monotonic() + MOST_SECONDS, ""
        for way in ("", *WAYS):
            student = Recorded(self.lane, _with_keys(files, WAYS[0]) if way else files, self.reach.limits)
            difference = self._difference(student, way, ends)
            student.fresh()
            if not difference:
                return ("equal in law", f"with random numbers by place, {way}") if way else ("equal", "")
            first = first or difference
        return "survivor", first

    def _difference(self, student: Recorded, way: str, ends: float) -> str:
        """Where the transcripts part, or ""."""
        for number in range(1, SECRETS + 1):
            for check in self.reach.checks:
                if number > SECRETS_ELSEWHERE and check.id not in self.reach.own and self.reach.own:
                    continue
                if time.monotonic() > ends:
                    return f"no difference in {number - 1} secrets, then the {MOST_SECONDS:g} seconds were over"
                right = self._right(way, number, check)
                run_check(check, student, secret(number), DIGEST)
                if place := parting(right, student.transcript):
                    return f"{check.id} at secret {number}: {place}"
        return ""

    def _right(self, way: str, number: int, check: Any) -> Transcript:
        key = (way, number, check.id)
        if key in self.known:
            return self.known[key]
        if way not in self.right:
            self.close()
            files = _with_keys(self.reach.files, way) if way else self.reach.files
            self.right[way] = Recorded(self.beside, files, self.reach.limits)
        student = self.right[way]
        run_check(check, student, secret(number), DIGEST)
        size = sum(_bytes_in(value) for _, value in student.transcript)
        if self.bytes + size <= MOST_BYTES:
            self.known[key], self.bytes = student.transcript, self.bytes + size
        return student.transcript

    def close(self) -> None:
        """End the worker of the right version; what was remembered stays."""
        for student in self.right.values():
            student.fresh()
        self.right = {}


def parting(right: Transcript, other: Transcript) -> str:
    """Where two transcripts part, or ""."""
    for number, ((what, value), (what_else, value_else)) in enumerate(zip(right, other), start=1):
        if what != what_else:
            return f"entry {number} is {what_else!r} in place of {what!r}"
        if not equal(value, value_else):
            return f"entry {number}, {what!r}, differs"
    return "" if len(right) == len(other) else f"{len(other)} entries in place of {len(right)}"


def equal(one: Any, two: Any) -> bool:
    """Whether two values of the wire format are equal but for rounding. The width of numbers does not matter, their kind does."""
    if isinstance(one, Array) and isinstance(two, Array):
        return _equal_arrays(np.asarray(from_wire(one)), np.asarray(from_wire(two)))
    if isinstance(one, (list, tuple)) and type(one) is type(two):
        return len(one) == len(two) and all(map(equal, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return list(one) == list(two) and all(equal(one[key], two[key]) for key in one)
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=RELATIVE, abs_tol=1e-12) or (math.isnan(one) and math.isnan(two))
    if isinstance(one, Ref) and isinstance(two, Ref):
        return True
    if isinstance(one, (str, Opaque)) and type(one) is type(two):
        return _without_addresses(str(one)) == _without_addresses(str(two))
    return type(one) is type(two) and bool(one == two)


def _told(value: Any) -> Any:
    """What a network is told as t, in whatever form: where all is one whole number, that number."""
    if isinstance(value, Array):
        numbers = np.asarray(from_wire(value))
        if numbers.size and numbers.dtype.kind in "if" and (numbers == numbers.flat[0]).all() and float(numbers.flat[0]).is_integer():
            return int(numbers.flat[0])
        return to_wire(numbers.astype(np.float64)) if numbers.dtype.kind == "i" else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


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


def _bytes_in(value: Any) -> int:
    if isinstance(value, Array):
        return len(value.data)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return 50 + sum(map(_bytes_in, items))


def _with_keys(files: dict[str, bytes], way: str) -> dict[str, bytes]:
    """The files with random numbers by place: every file of Python begins by importing the module that sees to it."""
    first = f"import {KEYED.stem}; ".encode()
    keyed = KEYED.read_bytes().replace(b'WAY = "as drawn"', f'WAY = "{way}"'.encode())
    changed = {
        name: (b"\n".join([content, first]) if b"from __future__" in content else first + b"\n" + content)
        for name, content in files.items()
        if name.endswith(".py")
    }
    return {**files, **changed, KEYED.name: keyed}
