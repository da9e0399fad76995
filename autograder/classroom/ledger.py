"""The ledger: one line of JSON for each finished submission, only ever added to, on disk before the next one counts.

A line holds everything that a grade consists of. What differs from run to run, times, memory and what code prints, stands apart under "measured",
so that two ledgers can be compared without it. A line is about (content of the submission, rubric, secret numbers, options): where these
are the same, nothing is graded again. Of several lines about one student the last one counts.
"""

import contextlib
import copy
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from autograder.classroom.records import HandedIn
from autograder.errors import UserError
from autograder.verdict import Verdict

SCHEMA = "autograder-ledger-1"
NAME = "ledger.jsonl"
_MEASURED = ("started", "seconds", "peak_megabytes")  # of a verdict
_OF_A_CHECK = ("seconds", "printed")  # progress bars print times, too
_OF_A_MACHINE = ("path", "files")  # of what was handed in


@dataclass(frozen=True)
class Key:
    """What a verdict follows from. `digest` is "" for a submission that could not be read; `seeds` is the commitment to its secret numbers."""

    digest: str
    rubric: str
    seeds: str
    options: str


@dataclass(frozen=True)
class Line:
    """One finished submission. `own_notices`: how many of the verdict's notices, the first ones, are about this hand-in and not its content.

    `figures`: (name, caption). `regraded`: tasks that were judged again, by this rubric, after the rest. `failed`: the grader gave no verdict,
    so that it is tried again. `partial`: checks outside of `regraded` were judged by an earlier rubric.
    """

    key: Key
    handed_in: HandedIn
    verdict: Verdict
    own_notices: int = 0
    figures: tuple[tuple[str, str], ...] = ()
    regraded: tuple[str, ...] = ()
    failed: bool = False
    partial: bool = False

    def to_json(self) -> str:
        """One line. Paths are left out: they are of one machine."""
        return json.dumps(
            {"schema": SCHEMA, **self.content(), "measured": self._measured()}, ensure_ascii=False, allow_nan=False
        )

    def content(self) -> dict[str, Any]:
        """Everything but the times and the memory, as JSON data: equal for equal grades."""
        verdict = json.loads(self.verdict.to_json())
        for name in _MEASURED:
            del verdict[name]
        for check in verdict["checks"]:
            for name in _OF_A_CHECK:
                del check[name]
        whose = {name: value for name, value in dataclasses.asdict(self.handed_in).items() if name not in _OF_A_MACHINE}
        parts = {
            "key": dataclasses.asdict(self.key), "handed_in": whose, "verdict": verdict, "own_notices": self.own_notices,
            "figures": self.figures, "regraded": self.regraded, "failed": self.failed, "partial": self.partial,
        }  # fmt: skip
        return json.loads(json.dumps(parts))

    def _measured(self) -> dict[str, Any]:
        verdict = json.loads(self.verdict.to_json())
        checks = {check["id"]: {name: check[name] for name in _OF_A_CHECK} for check in verdict["checks"]}
        return {**{name: verdict[name] for name in _MEASURED}, "checks": checks}

    @staticmethod
    def from_json(text: str) -> "Line":
        """Read what `to_json` wrote. Raises ValueError for anything else."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise ValueError("not a line of a ledger of this version")
        try:
            verdict, measured, whose = copy.deepcopy(data["verdict"]), data["measured"], data["handed_in"]
            for check in verdict["checks"]:
                check |= {name: measured["checks"][check["id"]][name] for name in _OF_A_CHECK}
            verdict |= {name: measured[name] for name in _MEASURED}
            lists = {name: tuple(value) for name, value in whose.items() if isinstance(value, list)}
            return Line(
                Key(**data["key"]),
                HandedIn(**{**whose, **lists, "path": Path(whose["source"])}),
                Verdict.from_json(json.dumps(verdict)),
                int(data["own_notices"]),
                tuple((name, caption) for name, caption in data["figures"]),
                tuple(data["regraded"]),
                bool(data["failed"]),
                bool(data.get("partial", False)),
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("a damaged line") from error


class Ledger:
    """The lines so far, and the file to which more are added. Held by one process at a time."""

    def __init__(self, file: BinaryIO, lines: list[Line]):
        self.file, self.lines = file, lines

    def add(self, line: Line) -> None:
        """Add a line; it is on the disk when this returns. Raises UserError when it cannot be written."""
        text = line.to_json().encode("utf-8", "replace") + b"\n"
        with writable(self.file.name):
            self.file.write(text)
            self.file.flush()
            os.fsync(self.file.fileno())
        self.lines.append(line)


@contextlib.contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """The ledger, new or gone on with. A last line that was cut off, as a kill or a full disk may leave it, is taken away.

    Raises UserError when another process holds it, or when it cannot be read or written.
    """
    with contextlib.ExitStack() as stack:
        with writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(open(path, "a+b"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"Another `autograder class` is writing to {path}; wait for it, or choose another --out."
            ) from error
        with writable(path):
            lines = _lines(path)
            file.truncate(len(path.read_bytes().rpartition(b"\n")[0]) + 1 if lines else 0)
        yield Ledger(file, lines)


@contextlib.contextmanager
def writable(path: str | Path) -> Iterator[None]:
    """Turns the error of a full disk, or of a folder that may not be written, into a sentence."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); what is finished is kept. Choose another --out, or make room."
        ) from error


def read_ledger(path: Path) -> list[Line]:
    """The lines of a ledger, given as the file or as the folder it lies in. Raises UserError where there is none."""
    path = path / NAME if path.is_dir() else path
    try:
        lines = _lines(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a ledger.jsonl, or its folder.") from error
    if not lines:
        raise UserError(f"{path} holds no finished submission; grade a class with `autograder class` first.")
    return lines


def _lines(path: Path) -> list[Line]:
    lines = []
    for number, text in enumerate(path.read_bytes().split(b"\n")[:-1], 1):  # what follows the last newline is torn
        try:
            lines.append(Line.from_json(text.decode("utf-8")))
        except ValueError as error:
            raise UserError(f"{path}, line {number}, is not a line of a ledger of this version ({error}).") from error
    return lines


def current(lines: Iterable[Line]) -> list[Line]:
    """The line that counts of every student, in the order of their first lines."""
    return list({line.handed_in.identity: line for line in lines}.values())


def canonical(lines: Iterable[Line]) -> list[str]:
    """What two ledgers have in common when they say the same: the lines that count, sorted, without times and memory."""
    return sorted(json.dumps(line.content(), sort_keys=True) for line in current(lines))
