"""The grader's end of one worker: requests, answers, and calls that come back."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.errors import UserError
from autograder.limits import Limits
from autograder.sandbox import folders, paths, wire
from autograder.sandbox.channel import Channel, Closed, Late
from autograder.sandbox.failures import Died, GraderHangup, Raised, StudentFailure, TimedOut, obituary, raised_by

if TYPE_CHECKING:
    from autograder.sandbox.lane import Lane

CONFINE_SECONDS = 60.0  # a fork and the layers take milliseconds
MAX_CALLBACKS = 200_000  # answered in one request


@dataclass(frozen=True)
class Confinement:
    """What a worker found before it read student code: the layers that hold, why others do not, and why imports would fail, or ""."""

    layers: frozenset[str]
    problems: dict[str, str]
    imports: str


class Worker:
    """One untrusted process with one copy of one submission."""

    def __init__(self, lane: "Lane", channel: Channel, folder: Path, limits: Limits, files: Mapping[str, bytes] = {}):
        self.lane, self.channel, self.folder, self.limits = lane, channel, folder, limits
        self.files = files  # as they were handed in
        self.alive = True
        self.killed_for = ""  # "memory", "processes" or "files" when its lane has killed it
        self.remotes: dict[int, Callable[..., Any]] = {}
        self.kept = 0  # objects that the worker was asked to keep
        self.waiting: list[dict[str, Any]] = []  # requests that go with the next one
        self.lost: dict[int, Raised] = {}  # objects that were never made, and why not
        self.question = 0  # of the present request; its answer repeats it

    def remote(self, function: Callable[..., Any], kind: str = "function") -> wire.Remote:
        """Register a callable of the grader; send the result as an argument. It gets and returns wire values."""
        identifier = len(self.remotes) + 1
        self.remotes[identifier] = function
        return wire.Remote(identifier, kind)

    def later(self, op: str, fields: dict[str, Any], *, seed: int | None = None) -> wire.Ref:
        """A request that goes with the next one, which saves a round trip; the object that it will make. What it raises is raised by the
        next request, and by every one that uses the object. Does not raise."""
        message = self._message(op, fields, seed, keep=True)
        if cause := self._lost_in(fields):
            self.lost[message["keep"]] = cause
        else:
            self.waiting.append(message)
        return wire.Ref(message["keep"])

    def _lost_in(self, fields: dict[str, Any]) -> Raised | None:
        if not self.lost:
            return None
        return next((self.lost[number] for number in sorted(_refs(fields) & self.lost.keys())), None)

    def _message(self, op: str, fields: dict[str, Any], seed: int | None, keep: bool) -> dict[str, Any]:
        """What is not there is as usual: no seed, nothing kept."""
        message: dict[str, Any] = {"op": op, "fields": fields}
        if seed is not None:
            message["seed"] = seed
        if keep:
            self.kept += 1
            message["keep"] = self.kept
        return message

    def request(
        self,
        op: str,
        fields: dict[str, Any],
        *,
        seconds: float | None = None,
        seed: int | None = None,
        keep: bool = False,
        threads: int = 1,
        on_progress: Callable[[int, float], None] | None = None,
    ) -> Any:
        """One request and its answer, or the object that the worker keeps of it. Raises StudentFailure when the student's code gives none."""
        if not self.alive:
            raise Died("The process that ran your code had already ended.")
        seconds = self.limits.seconds_per_call if seconds is None else seconds
        if cause := self._lost_in(fields):
            raise cause
        clock = self.lane.next_clock()
        if clock is not None and clock.over():
            self.close()
            raise TimedOut(clock.sentence())
        before, self.waiting = self.waiting, []
        message = self._message(op, fields, seed, keep)
        if threads != 1:
            message["threads"] = threads
        if before:
            message["before"] = before
        message["question"] = self.question = secrets.randbits(63)
        failure: StudentFailure
        try:
            deadline = time.monotonic() + seconds
            answer = self._converse(message, deadline if clock is None else min(deadline, clock.ends), on_progress)
            return wire.Ref(message["keep"]) if keep else answer
        except Raised as error:
            failure = error
            self.lost |= {earlier["keep"]: error for earlier in before[error.done :]}
        except Late:
            self.close()
            failure = TimedOut(self.lane.say_late([*map(_asked, before), _asked(message)], self.files, seconds))
        except Closed:
            failure = Died(self._obituary())
        except wire.WireError as error:
            self.close()
            failure = Died(
                f"The process that ran your code sent something that is not an answer ({error}), and was stopped."
            )
        except Died as error:
            self.close()
            failure = error
        except BaseException:  # Ctrl-C, or a callable of the grader failed: the worker waits for what will not come
            self.close()
            raise
        if isinstance(failure, TimedOut) and clock is not None and clock.over():
            failure = TimedOut(clock.sentence())
        failure.importing = op == "import"
        raise failure

    def await_confinement(self) -> Confinement:
        """The worker's first word, sent before it has seen anything of the submission. Raises UserError when it does not come."""
        try:
            answer = self.channel.receive(time.monotonic() + CONFINE_SECONDS)
            if type(answer) is dict and answer.get("kind") == "ready":
                return Confinement(frozenset(answer["layers"]), dict(answer["problems"]), answer["imports"])
        except (Late, Closed, wire.WireError):
            pass
        self.close(grace=1.0)
        printed = self.printed_text().strip().splitlines()
        raise UserError(f"A worker could not be confined ({printed[-1][:300] if printed else 'it did not answer'}).")

    def _converse(
        self, message: dict[str, Any], deadline: float, on_progress: Callable[[int, float], None] | None
    ) -> Any:
        """Send a request, answer the calls that come back, and return the result."""
        self.channel.send(message, deadline)
        for _ in range(MAX_CALLBACKS):
            if time.monotonic() > deadline:  # calls that were sent in advance are read without waiting
                raise Late
            answer = self.channel.receive(deadline)
            kind = answer.get("kind") if type(answer) is dict else None
            if kind is not None and answer.get("question") != self.question:
                raise wire.WireError("an answer to a question that was not asked")
            if kind == "result":
                return answer.get("value")
            if kind == "raised":
                raise raised_by(answer, self.limits)
            if kind == "callback":
                self.channel.send(self._call_back(answer), deadline)
            elif kind == "progress" and on_progress is not None:
                done, loss = answer.get("done"), answer.get("loss")
                if type(done) is int and type(loss) is float:
                    on_progress(done, loss)
            else:
                raise wire.WireError("an answer of no known kind")
        raise Died(f"Your code called the network more than {MAX_CALLBACKS:,} times in one call, and was stopped.")

    def printed_text(self) -> str:
        """What the student's code printed, up to the limit that is kept."""
        self.channel.drain()
        printed, total = self.channel.printed, self.channel.printed_total
        text = paths.without_our_places(printed.decode("utf-8", "replace"), self.folder)
        if total > len(printed):
            text += f"\n… ({total - len(printed):,} more bytes were printed and dropped)"
        return text

    def take_printed(self) -> str:
        """The same, once: what is printed from now on is told the next time."""
        text = self.printed_text()
        self.channel.forget_printed()
        return text

    def close(self, grace: float = 0.0) -> int | None:
        """Kill the worker with all it started. Returns its wait status when it had ended by itself within `grace` seconds."""
        if not self.alive:
            return None
        self.alive = False
        status, self.killed_for = self.lane.stop(grace)
        self.channel.close()
        folders.remove(self.folder)
        return status

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call_back(self, message: dict[str, Any]) -> dict[str, Any]:
        identifier, args, kwargs = message.get("remote"), message.get("args"), message.get("kwargs")
        function = self.remotes.get(identifier) if type(identifier) is int else None
        if function is None or type(args) is not list or type(kwargs) is not dict:
            raise wire.WireError("a call of a function that was not lent")
        try:
            return {"op": "answer", "value": function(*args, **kwargs)}
        except GraderHangup as error:
            return {"op": "refuse", "reason": str(error)}
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            given = ", ".join(map(_describe, [*args, *kwargs.values()])) or "nothing"
            return {"op": "refuse", "reason": f"a call with {given} does not fit"}
        except BaseException:
            self.close()  # the worker waits for an answer that will not come
            raise

    def _obituary(self) -> str:
        printed = self.printed_text().strip().splitlines()
        status = self.close(grace=1.0)
        return obituary(status, self.killed_for, printed[-1] if printed else "")


def _asked(message: Mapping[str, Any]) -> dict[str, Any]:
    """What a request asks for, without the values that go with it."""
    fields = {name: value for name, value in message["fields"].items() if name in ("module", "path")}
    return {"op": message["op"], "fields": fields}


def _describe(value: Any) -> str:
    """What a student's code called a function with: "a float32 tensor of shape (2, 4096)"."""
    if type(value) is wire.Array:
        return f"a {value.dtype} tensor of shape {value.shape}"
    if type(value) is wire.Opaque:
        return value.description[:80]
    return (
        f"the {type(value).__name__} {value}"[:80] if isinstance(value, (int, float)) else f"a {type(value).__name__}"
    )


def _refs(value: Any) -> set[int]:
    """The numbers of all objects that a request mentions."""
    if type(value) is wire.Ref:
        return {value.id}
    items = value.values() if type(value) is dict else value if type(value) in (list, tuple) else ()
    return set().union(*map(_refs, items))
