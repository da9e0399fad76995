"""Is a mutant equal to the right version? Shown by what their code says, not by verdicts.

The checks of the region run with both on the same inputs, for many secrets, and the two transcripts are compared: every answer of the
worker, and everything that a network or a function of the grader was asked. Where they differ, the same is tried with random numbers
that do not depend on the order of the draws (keyed_random_numbers.py), and with other ones of the same distribution in the right version:
what is equal then has the same distribution. Last, the right version refuses what the mutant has no answer to: checks that offer t in several
forms ask for one.
"""

import time
from pathlib import Path
from typing import Literal

from autograder.grading.generated.reach import DIGEST, Reach, secret
from autograder.grading.generated.transcripts import Recorded, Transcript, bytes_in, parting
from autograder.grading.rubric import Check
from autograder.grading.runner import run_check
from autograder.regions import path_of
from autograder.sandbox.lane import Lane

SECRETS = 32
SECRETS_OF_ALL = 8  # for every check of the region; with those that follow one of them runs, in turn
SECRETS_ELSEWHERE = 2  # for checks that run the region and judge another one
FEWEST_SECRETS = 4  # that show an equality
ENOUGH_SECONDS = 60.0  # for one way to compare a mutant, once it has had them
MOST_SECONDS = 300.0  # until it has had them
MOST_BYTES = 400 << 20  # of transcripts that are remembered for the mutants of one batch
WAYS = (  # see keyed_random_numbers.py; "here": while the function runs that was changed
    "as drawn", "normal turned", "first turned", "others turned", "vectors turned", "images turned", "normal later", "vectors later", "images later",
    "others repeated", "integer later", "uniform later", "normal exchanged", "uniform exchanged", "normal later here", "vectors later here",
    "images later here", "uniform later here", "all later here", "normal exchanged here", "uniform exchanged here",
)  # fmt: skip
KEYED = Path(__file__).with_name("keyed_random_numbers.py")
How = Literal["equal", "equal in law", "equal where answered", "survivor"]

LADDER: tuple[tuple[How, str, bool], ...] = (  # how, with which random numbers, and whether the right version refuses what the mutant refuses
    ("equal", "", False),
    *(("equal in law", way, False) for way in WAYS),
    ("equal where answered", "", True),
    ("equal where answered", WAYS[0], True),
)


class Comparison:
    """Compares mutants of one region with the right version, which runs in the lane `beside`."""

    def __init__(self, reach: Reach, beside: Lane, lane: Lane):
        self.reach, self.beside, self.lane = reach, beside, lane
        self.right: tuple[str, Recorded] | None = None  # how its numbers are drawn, and its worker
        self.known: dict[tuple[str, int, str], Transcript] = {}
        self.bytes = 0

    def of(self, files: dict[str, bytes]) -> tuple[How, str]:
        """How the mutant with these files compares, and a sentence."""
        first = ""
        for how, way, refusing in LADDER:
            student = Recorded(self.lane, _with_keys(files, WAYS[0], self.reach) if way else files, self.reach.limits)
            difference = self._difference(student, way, refusing)
            student.fresh()
            if not difference:
                return how, f"with random numbers by place, {way}" if way else ""
            first = first or difference
        return "survivor", first

    def _difference(self, student: Recorded, way: str, refusing: bool) -> str:
        """Where the transcripts part, or ""."""
        started = time.monotonic()
        right = self._opened(way, refusing) if refusing else None  # a new one: it learns in which form to ask along with the mutant
        for number in range(1, SECRETS + 1):
            for check in checks_at(number, self.reach, elsewhere=not way):
                seconds = time.monotonic() - started
                if number > FEWEST_SECRETS and seconds > ENOUGH_SECONDS:
                    return ""
                if seconds > MOST_SECONDS:
                    return f"no difference in {number - 1} secrets, then {MOST_SECONDS:g} seconds were over"
                judged = run_check(check, student, secret(number), DIGEST)
                if right is None:
                    expected = self._remembered(way, number, check)
                elif judged.status not in ("passed", "held"):
                    return f"{check.id} at secret {number}: is not passed"
                else:
                    right.refused = student.failures
                    run_check(check, right, secret(number), DIGEST)
                    expected = right.transcript
                if place := parting(expected, student.transcript):
                    return f"{check.id} at secret {number}: {place}"
        return ""

    def _remembered(self, way: str, number: int, check: Check) -> Transcript:
        """What the right version says."""
        key = (way, number, check.id)
        if key in self.known:
            return self.known[key]
        if self.right is None or self.right[0] != way:
            student = self._opened(way)
            for other in checks_at(1, self.reach, elsewhere=not way):  # they tell the worker, and later checks, what the mutant's have been told
                if number == 1 and other is check:
                    break
                run_check(other, student, secret(1), DIGEST)
        else:
            student = self.right[1]
        run_check(check, student, secret(number), DIGEST)
        size = sum(bytes_in([entry.given, entry.asked, entry.answer]) for entry in student.transcript)
        if self.bytes + size <= MOST_BYTES:
            self.known[key], self.bytes = student.transcript, self.bytes + size
        return student.transcript

    def _opened(self, way: str, refusing: bool = False) -> Recorded:
        """A worker of the right version, in place of the one before. One that refuses serves for nothing else."""
        self.close()
        files = _with_keys(self.reach.files, way, self.reach) if way else self.reach.files
        student = Recorded(self.beside, files, self.reach.limits)
        self.right = "refusing" if refusing else way, student
        return student

    def close(self) -> None:
        """End the worker of the right version; what was remembered stays."""
        if self.right is not None:
            self.right[1].fresh()
        self.right = None


def checks_at(number: int, reach: Reach, elsewhere: bool = True) -> list[Check]:
    """The checks that run with the secret of this number, from 1. `elsewhere`: those of other regions too, which draw numbers of their own."""
    own = [check for check in reach.checks if check.id in reach.own] or list(reach.checks)
    if number > SECRETS_OF_ALL:
        return [own[number % len(own)]] if own else []
    return [check for check in reach.checks if check in own or (elsewhere and number <= SECRETS_ELSEWHERE)]


def _with_keys(files: dict[str, bytes], way: str, reach: Reach) -> dict[str, bytes]:
    """The files with random numbers by place: every file of Python begins by importing the module that sees to it."""
    first = f"import {KEYED.stem}; ".encode()
    way, here, _ = way.partition(" here")
    told = f'WAY, HERE = "{way}", "{path_of(reach.region).rpartition(".")[2] if here else ""}"'
    keyed = KEYED.read_bytes().replace(b'WAY, HERE = "as drawn", ""', told.encode())
    changed = {
        name: (b"\n".join([content, first]) if b"from __future__" in content else first + b"\n" + content)
        for name, content in files.items()
        if name.endswith(".py")
    }
    return {**files, **changed, KEYED.name: keyed}
