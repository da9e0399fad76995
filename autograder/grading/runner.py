"""Run one check against one submission, whatever happens, and say what came of it."""

import dataclasses
import re
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograder.grading import memory
from autograder.grading.checks import Carry, Held, Note, WrongAnswer
from autograder.grading.reference import reference_beside
from autograder.grading.rubric import Check
from autograder.grading.seeds import Draw
from autograder.regions import file_of, path_of
from autograder.sandbox.failures import Died, Raised, StudentFailure, TimedOut
from autograder.sandbox.proxies import Student
from autograder.verdict import CheckResult, Status

MOST_CHARACTERS = 2000  # of a message
TOO_MUCH_TO_HOLD = (
    "Your code gave the grader more than it can hold in memory, and was stopped; look at the shapes of what it returns, "
    "and of what it calls the network with."
)


@dataclass
class Judgement:
    """What came of a check. `kind` tells apart in which way it failed: "", "wrong", "timed out", "died", "memory" (of the grader), "grader"
    or an exception's name. `detail`: for staff, where and how the grader failed.

    `line`: the failure in words that are the same wherever the same line fails in the same way: an exception's text, or the message
    without what was measured. "" where the words tell no failure from another.
    """

    status: Status
    message: str = ""
    kind: str = ""
    note: Note = field(default_factory=Note)
    carried: tuple[str, ...] = ()
    seconds: float = 0.0
    printed: str = ""
    importing: bool = False  # whether it failed while a file of the submission was imported
    detail: str = ""
    line: str = ""
    shows_work: bool | None = None  # whether this check has seen work of the region's own; None where it could not tell

    def looks_like(self, other: "Judgement") -> bool:
        """Whether both checks failed, or passed, in the same way, in the same words, with the same numbers."""
        same = (self.status, self.kind, self.line) == (other.status, other.kind, other.line)
        return same and self.note.agrees_with(other.note)


def run_check(
    check: Check,
    student: Student,
    secret: bytes,
    digest: str,
    wrong_regions: frozenset[str] = frozenset(),
    one_form: bool = False,
    undone: frozenset[str] = frozenset(),
    without_work: frozenset[str] = frozenset(),
    proved: frozenset[str] = frozenset(),
    **extra: Any,
) -> Judgement:
    """Call the check with what it asks for. `one_form`: see Note; the regions: see Carry.

    Never raises, except for KeyboardInterrupt. Where the grader would need too much memory for what the student's code sends, the check ends.
    """
    note = Note(one_form=one_form)
    carry = Carry(wrong_regions, check.known, undone=undone, without_work=without_work, proved=proved)
    draw = Draw(secret, digest, check.id)
    shape = check.sample_shape
    available = {"student": student, "sample_shape": shape, "draw": draw, "note": note, "carry": carry, **extra}
    seed = Draw(secret, digest, f"{check.id} worker").seed()
    student.begin(seed)

    def arguments() -> dict[str, Any]:
        if "reference" in check.parameters and "reference" not in available:
            available["reference"] = reference_beside(student, check.assignment, seed)
        return {name: available[name] for name in check.parameters}

    started = time.perf_counter()
    with memory.limited():
        judgement = _judge(check, arguments)
    if len(judgement.message) > MOST_CHARACTERS:
        judgement.message = f"{judgement.message[: MOST_CHARACTERS - 2].rstrip()} …"
    return dataclasses.replace(
        judgement,
        note=note,
        shows_work=True if check.mark.shows_work and judgement.status == "passed" else note.work,
        carried=tuple(sorted(carry.stood_in)),
        seconds=time.perf_counter() - started,
        printed=student.collect_printed().strip(),
    )


def _judge(check: Check, arguments: Callable[[], dict[str, Any]]) -> Judgement:
    try:
        check.function(**arguments())
        return Judgement("passed")
    except WrongAnswer as error:
        return Judgement("failed", str(error), "wrong", line=without_measurements(str(error)))
    except Held as held:
        return Judgement("held", str(held), "held")
    except StudentFailure as error:
        return _no_answer(error, check.known)
    except MemoryError:
        return Judgement("broken", TOO_MUCH_TO_HOLD, "memory")
    except Exception as error:
        return failed_itself(error)


def failed_itself(error: Exception) -> Judgement:
    """What is told where the grader's own code raises."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    detail = f"{type(error).__name__}: {str(error)[:300]} ({where.name}, line {where.lineno})"
    return Judgement("grader_error", f"The grader itself failed in this check; tell the staff. {detail}", "grader", detail=detail)


def _no_answer(error: StudentFailure, known: Sequence[str]) -> Judgement:
    message, kind, line = str(error), "failure", ""
    if isinstance(error, TimedOut):
        kind = "timed out"
    elif isinstance(error, Died):
        kind = "died"
    elif isinstance(error, Raised):
        kind, line = error.type_name, re.sub(r"0x[0-9a-f]+", "#", error.text)
        stub = re.fullmatch(r"TODO [\w.-]+: ([\w.]+)", error.text)  # what the handout's stubs raise
        if kind == "NotImplementedError" and stub:
            name = stub[1] if error.where is None else _stub_in(error.where[0], stub[1], known)
            message, kind = f"{name} is not done yet: its TODO still raises NotImplementedError.", "untouched"
    return Judgement("broken", message, kind, importing=error.importing, line=line)


def _stub_in(file: str, name: str, known: Sequence[str]) -> str:
    """The name of a stub, with its file where two files have one of that name."""
    twins = {file_of(region) for region in known if f".{path_of(region)}".endswith(f".{name}")}
    return f"{name} in {file}" if len(twins) > 1 and file in twins else name


def without_measurements(message: str) -> str:
    """A message without its decimal numbers, factors and asides. "" for one about NaN or infinity, which any mistake may lead to."""
    if re.search(r"\bNaN\b|\binfinit", message):
        return ""
    message = re.sub(r" \([^()]*[^\W\d_][^()]*\)", "", message)
    return re.sub(r"[-−±]?\d+(\.\d+)?(e[-+]?\d+)? times\b|[-−±]?\d+(\.\d+(e[-+]?\d+)?|e[-+]?\d+)", "#", message)


def to_result(check: Check, judgement: Judgement) -> CheckResult:
    return CheckResult(
        id=check.id,
        task=check.mark.task,
        title=check.title,
        points=check.mark.points if judgement.status in ("passed", "held") else 0.0,
        max_points=check.mark.points,
        status=judgement.status,
        message=judgement.message,
        carried=judgement.carried,
        evidence=judgement.note.to_data(),
        printed=judgement.printed,
        seconds=round(judgement.seconds, 4),
        shows_work=judgement.shows_work,
    )
