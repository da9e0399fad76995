"""Every way in which student code can fail to answer, as one sentence for the student."""

import os
import platform
import re
import signal
from typing import Any

from autograder import not_python
from autograder.limits import Limits
from autograder.sandbox import paths, wire
from autograder.sandbox.folders import FILE_MEGABYTES

_TOO_MUCH = {
    "memory": "was killed for using too much memory; look at the sizes of what it makes",
    "processes": "was killed for starting too many processes; take out what starts them",
    "files": f"was killed for writing more than {FILE_MEGABYTES} MB or very many files; take the writing out",
}
_ENDED_BY: dict[int, str] = {
    signal.SIGKILL: "was killed, by itself or for using too much memory; look for os.kill and large tensors",
    signal.SIGSEGV: "crashed (segmentation fault); look for a function that calls itself without end",
    signal.SIGXCPU: "used up its processor time; look for a loop or a thread that does not end",
    signal.SIGXFSZ: "wrote too much to a file; take the writing out",
    signal.SIGABRT: "was aborted; run this function on your own machine to see why",
}
_TRIED = {"network": "open a network connection", "process": "start more processes than it may have"}
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc")  # in messages of torch


class StudentFailure(Exception):
    """The student's code gave no answer. The message is one sentence for the student."""

    importing = False  # whether it happened while a module of the submission was imported, so that it will happen again


class Raised(StudentFailure):
    """The student's code raised an exception. `type_name`, `text` and `where` (file, line, function, source line) are the student's data."""

    def __init__(
        self, type_name: str, text: str, where: tuple[str, int, str, str] | None, tried: str = "", done: int = 0
    ):
        self.type_name, self.text, self.where = type_name, text, where
        self.done = done  # how many of the requests that went with this one had succeeded
        code = f": `{where[3]}`" if where and where[3] else ""
        place = f" ({where[0]}, line {where[1]}{code})" if where else ""
        sentence = _sentence(type_name, text, place)
        if tried in _TRIED:
            sentence = f"Your code tried to {_TRIED[tried]}{place}: blocked ({type_name}: {text})."
        super().__init__(sentence)


class TimedOut(StudentFailure):
    """The student's code did not answer in time; the worker has been killed."""


class Died(StudentFailure):
    """The worker process ended, or broke the protocol; it has been killed."""


class GraderHangup(Exception):
    """A remote callable could not answer a call; the text goes to the student's code as the message of a RuntimeError."""


def obituary(status: int | None, killed_for: str, last_line: str) -> str:
    """Why a worker has ended. `status`: its wait status, None where it was still there; `killed_for`: what its lane had killed it for,
    or ""; `last_line`: of what it printed.
    """
    if killed_for in _TOO_MUCH:
        return f"The process that ran your code {_TOO_MUCH[killed_for]}."
    if status is not None and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"The process that ran your code {_ENDED_BY.get(number, f'was ended by signal {number}; take out the call that sends it')}."
    if status is not None and os.WIFEXITED(status):
        if os.WEXITSTATUS(status) == 70 and last_line.startswith("worker: "):
            return f"The process that ran your code could not go on ({last_line[8:300]})."
        return f"Your code ended the process (exit status {os.WEXITSTATUS(status)}); take out any call that exits."
    return "Your code closed the connection to the grader, and was stopped; take out any call that closes what it did not open."


def raised_by(answer: dict[str, Any], limits: Limits) -> Raised:
    """The failure that a worker's answer of kind "raised" tells of. Raises WireError where it is malformed."""
    type_name, message, where = answer.get("type"), answer.get("message"), answer.get("where")
    tried = answer.get("tried", "")
    if type(type_name) is not str or type(message) is not str or type(tried) is not str:
        raise wire.WireError("a malformed error")
    message = paths.without_our_places(message)
    place = None
    if type(where) is list and [type(item) for item in where] == [str, int, str, str]:
        file, number, function, code = where
        place = (_line(file, 100), min(max(number, 0), 10**6), _line(function, 100), _line(code, 200))
    if type_name.endswith("MemoryError") or any(sign in message for sign in _OUT_OF_MEMORY):
        type_name = "MemoryError"
        message = f"asked for more memory than the grader allows ({limits.memory_megabytes / 1024:g} GB)"
    done = answer.get("done")
    return Raised(
        _line(type_name, 100),
        _line(message, 500).rstrip("."),
        place,
        tried,
        done if type(done) is int and done >= 0 else 0,
    )


def _sentence(type_name: str, text: str, place: str) -> str:
    """What an exception means and what to do; `place` is " (file, line 7: `code`)" or empty."""
    if type_name == "SystemExit":
        return f"Your code called sys.exit, exit or quit{place}; take that call out, it ends the whole program."
    if type_name == "MemoryError":
        return f"Your code {text}{place}; look at the sizes of what it makes there."
    if type_name == "RecursionError":
        return f"Your code calls itself without end{place}; look for a function that calls itself."
    if type_name == "ModuleNotFoundError" and (module := re.fullmatch(r"No module named '([\w.]+)'.*", text)):
        if newer := not_python.explain(type_name, text, platform.python_version()):
            return f"Your code imports {module[1]}{place}. {newer}"
        advice = "take the import out, or hand the module in if it is yours"
        return f"Your code imports {module[1]}, which the grader does not have{place}; {advice}."
    if type_name == "WireError":
        return f"Your code returned something that the grader cannot take: {text}."
    explained = not_python.explain(type_name, text, platform.python_version())
    return f"Your code raised {type_name}{': ' + text if text else ''}{place}.{' ' + explained if explained else ''}"


def _line(text: str, length: int) -> str:
    """A student's text on one line, and cut."""
    return " ".join(text.split())[:length]
