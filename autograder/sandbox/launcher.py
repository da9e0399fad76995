"""The grader's side of the boundary: start workers, ask them, and stay alive whatever they do.

    with Sandbox() as sandbox:                       # a zygote that has imported torch; sandbox.isolation says what holds
        with sandbox.lane() as lane:                 # supervises one worker at a time
            with lane.start(files, limits) as worker:
                worker.request("import", {"module": "ddpm"}, seconds=20)

Every way in which student code can fail to answer is a StudentFailure with one sentence.
"""

import contextlib
import itertools
import json
import os
import platform
import re
import secrets
import select
import signal
import socket
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from autograder import not_python, timeouts
from autograder.errors import UserError
from autograder.limits import Limits
from autograder.sandbox import folders, layers, paths, wire
from autograder.sandbox.layers import process, user
from autograder.sandbox.zygote import Zygote, new_home

CONFINE_SECONDS = 60.0  # a fork and the layers take milliseconds
MAX_CALLBACKS = 200_000  # answered in one request
FILE_MEGABYTES = 64  # in the folder that a worker may write
_TOO_MUCH = {
    "memory": "was killed for using too much memory; look at the sizes of what it makes",
    "processes": "was killed for starting too many processes; take out what starts them",
    "files": f"was killed for writing more than {FILE_MEGABYTES} MB or very many files; take the writing out",
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


@dataclass(frozen=True)
class Clock:
    """When a check, a task or a submission has had its time. `ends`: on the clock of time.monotonic()."""

    what: str  # "one check may take"
    seconds: float
    ends: float

    @classmethod
    def start(cls, what: str, seconds: float, already: float = 0.0) -> "Clock":
        """One that runs out in `seconds`, of which some have been used `already`."""
        return cls(what, seconds, time.monotonic() + seconds - already)

    def over(self) -> bool:
        return time.monotonic() >= self.ends

    def sentence(self) -> str:
        return (
            f"Your code was still running when the {self.seconds:g} seconds were over that {self.what}; "
            "look for what waits, or is done again and again."
        )


class GraderHangup(Exception):
    """A remote callable could not answer a call; the text goes to the student's code as the message of a RuntimeError."""


class Worker:
    """One untrusted process with one copy of one submission."""

    def __init__(
        self, lane: "Lane", channel: socket.socket, output: int, folder: Path, limits: Limits, files: Mapping[str, bytes] = {}
    ):
        self.lane, self.channel, self.output, self.folder, self.limits = lane, channel, output, folder, limits
        self.files = files  # as they were handed in
        self.alive = True
        self.killed_for = ""  # "memory", "processes" or "files" when its lane has killed it
        self.received = bytearray()  # of frames that are not read yet
        self.printed = bytearray()
        self.printed_total = 0
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
        except _Late:
            self.close()
            failure = TimedOut(timeouts.late([*before, message], self.files, seconds))
        except _Closed:
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

    def await_confinement(self) -> "Confinement":
        """The worker's first word, sent before it has seen anything of the submission. Raises UserError when it does not come."""
        try:
            answer = self._receive(time.monotonic() + CONFINE_SECONDS)
            if type(answer) is dict and answer.get("kind") == "ready":
                return Confinement(frozenset(answer["layers"]), dict(answer["problems"]), answer["imports"])
        except (_Late, _Closed, wire.WireError):
            pass
        self.close(grace=1.0)
        printed = self.printed_text().strip().splitlines()
        raise UserError(f"A worker could not be confined ({printed[-1][:300] if printed else 'it did not answer'}).")

    def _converse(
        self, message: dict[str, Any], deadline: float, on_progress: Callable[[int, float], None] | None
    ) -> Any:
        """Send a request, answer the calls that come back, and return the result."""
        self._send(wire.encode(message), deadline)
        for _ in range(MAX_CALLBACKS):
            if time.monotonic() > deadline:  # calls that were sent in advance are read without waiting
                raise _Late
            answer = self._receive(deadline)
            kind = answer.get("kind") if type(answer) is dict else None
            if kind is not None and answer.get("question") != self.question:
                raise wire.WireError("an answer to a question that was not asked")
            if kind == "result":
                return answer.get("value")
            if kind == "raised":
                raise _raised(answer, self.limits)
            if kind == "callback":
                self._send(wire.encode(self._call_back(answer)), deadline)
            elif kind == "progress" and on_progress is not None:
                done, loss = answer.get("done"), answer.get("loss")
                if type(done) is int and type(loss) is float:
                    on_progress(done, loss)
            else:
                raise wire.WireError("an answer of no known kind")
        raise Died(f"Your code called the network more than {MAX_CALLBACKS:,} times in one call, and was stopped.")

    def printed_text(self) -> str:
        """What the student's code printed, up to the limit that is kept."""
        text = paths.without_our_places(self.printed.decode("utf-8", "replace"), self.folder)
        if self.printed_total > len(self.printed):
            text += f"\n… ({self.printed_total - len(self.printed):,} more bytes were printed and dropped)"
        return text

    def close(self, grace: float = 0.0) -> int | None:
        """Kill the worker with all it started. Returns its wait status when it had ended by itself within `grace` seconds."""
        if not self.alive:
            return None
        self.alive = False
        status, self.killed_for = self.lane.stop(grace)
        self.drain()
        self.channel.close()
        os.close(self.output)
        self.output_open = False
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
        self.drain()
        printed = self.printed_text().strip().splitlines()
        status = self.close(grace=1.0)
        if self.killed_for in _TOO_MUCH:
            return f"The process that ran your code {_TOO_MUCH[self.killed_for]}."
        if status is not None and os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            reasons: dict[int, str] = {
                signal.SIGKILL: "was killed, by itself or for using too much memory; look for os.kill and large tensors",
                signal.SIGSEGV: "crashed (segmentation fault); look for a function that calls itself without end",
                signal.SIGXCPU: "used up its processor time; look for a loop or a thread that does not end",
                signal.SIGXFSZ: "wrote too much to a file; take the writing out",
                signal.SIGABRT: "was aborted; run this function on your own machine to see why",
            }
            unknown = f"was ended by signal {number}; take out the call that sends it"
            return f"The process that ran your code {reasons.get(number, unknown)}."
        if status is not None and os.WIFEXITED(status):
            if os.WEXITSTATUS(status) == 70 and printed and printed[-1].startswith("worker: "):
                return f"The process that ran your code could not go on ({printed[-1][8:300]})."
            return f"Your code ended the process (exit status {os.WEXITSTATUS(status)}); take out any call that exits."
        return "Your code closed the connection to the grader, and was stopped; take out any call that closes what it did not open."

    # The channel: never blocks past the deadline, and always drains what the worker prints

    def _send(self, frame: bytes, deadline: float) -> None:
        view = memoryview(frame)
        while view:
            try:
                view = view[self.channel.send(view) :]
            except BlockingIOError:
                self._wait(deadline, write=True)
            except OSError:
                raise _Closed from None

    def _receive(self, deadline: float) -> Any:
        header_length, payload_length = wire.read_prefix(self._read(wire.PREFIX.size, deadline))
        header = self._read(header_length, deadline)
        return wire.decode(header, self._read(payload_length, deadline))

    def _read(self, length: int, deadline: float) -> bytes:
        """The next `length` bytes; what has come beyond them stays in `received`, so that a frame is not read in three parts."""
        while len(self.received) < length:
            self._wait(deadline, write=False)
            try:
                part = self.channel.recv(min(max(length - len(self.received), 1 << 16), 1 << 20))
            except BlockingIOError:
                continue
            except OSError:
                raise _Closed from None
            if not part:
                raise _Closed
            self.received += part
        data = bytes(self.received[:length])
        del self.received[:length]
        return data

    def _wait(self, deadline: float, write: bool) -> None:
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise _Late
            watched: list[Any] = [self.output] if self.output_open else []
            readable, writable, _ = select.select(
                watched if write else [self.channel, *watched], [self.channel] if write else [], [], remaining
            )
            if self.output in readable:
                self.drain()
            if writable or self.channel in readable:
                return

    output_open = True

    def drain(self) -> None:
        """Take what the worker has printed, without waiting; keep the first part, count the rest."""
        for _ in range(64 if self.output_open else 0):
            try:
                data = os.read(self.output, 1 << 16)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.output_open = False
                return
            self.printed_total += len(data)
            self.printed += data[: max(0, (self.limits.output_kilobytes << 10) - len(self.printed))]


class _Late(Exception):
    pass


class _Closed(Exception):
    pass


def _describe(value: Any) -> str:
    """What a student's code called a function with: "a float32 tensor of shape (2, 4096)"."""
    if type(value) is wire.Array:
        return f"a {value.dtype} tensor of shape {value.shape}"
    if type(value) is wire.Opaque:
        return value.description[:80]
    return (
        f"the {type(value).__name__} {value}"[:80] if isinstance(value, (int, float)) else f"a {type(value).__name__}"
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


def _raised(answer: dict[str, Any], limits: Limits) -> Raised:
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


def _line(text: str, length: int) -> str:
    """A student's text on one line, and cut."""
    return " ".join(text.split())[:length]


def _refs(value: Any) -> set[int]:
    """The numbers of all objects that a request mentions."""
    if type(value) is wire.Ref:
        return {value.id}
    items = value.values() if type(value) is dict else value if type(value) in (list, tuple) else ()
    return set().union(*map(_refs, items))


class Lane:
    """Runs one worker at a time. Everything a worker leaves behind dies when it is stopped."""

    def __init__(self, control: socket.socket, sandbox: "Sandbox"):
        self.control = control
        self.sandbox = sandbox
        self.lines = control.makefile("rb")
        self.worker: Worker | None = None
        self.clocks: tuple[Clock, ...] = ()  # that run for what is asked in this lane

    def next_clock(self) -> Clock | None:
        """The clock that runs out first, of this lane's and of the sandbox's."""
        clocks = (*self.clocks, *([self.sandbox.clock] if self.sandbox.clock else []))
        return min(clocks, key=lambda clock: clock.ends, default=None)

    def start(self, files: dict[str, bytes], limits: Limits) -> Worker:
        """A fresh worker, confined, with a copy of the submission's files (relative path → content).

        Raises UserError when it does not reach the layers that the sandbox requires.
        """
        worker, report = self.confined(files, limits, self.sandbox.layers)
        try:
            self.sandbox.lose({layer: report.problems.get(layer, "") for layer in self.sandbox.layers - report.layers})
        except UserError:
            worker.close()
            raise
        return worker

    def confined(
        self, files: dict[str, bytes], limits: Limits, wanted: frozenset[str], rehearsal: bool = False
    ) -> tuple[Worker, "Confinement"]:
        """A worker that has been asked for the layers `wanted`, and what it reached; in a `rehearsal`, also whether it could import."""
        if self.worker is not None:
            self.worker.close()
        folder = self.sandbox.folder(files)
        ours, theirs = socket.socketpair()
        output, printed_to = os.pipe()
        os.set_blocking(output, False)
        ours.setblocking(False)
        settings = {
            "op": "start",
            "grader": os.getpid(),
            "folder": str(folder),
            "layers": list(layers.ordered(wanted)),
            "user": user.unused_id(),
            "rehearsal": rehearsal,
            "cpu_seconds": int(limits.seconds_training * 2 + 60),
            "memory_megabytes": limits.memory_megabytes,
            "file_megabytes": FILE_MEGABYTES,
        }
        opened = os.open(folder, os.O_RDONLY)
        try:
            numbers = [theirs.fileno(), printed_to, opened]
            self._ask(settings, numbers)
        finally:
            theirs.close()
            os.close(printed_to)
            os.close(opened)
        self.worker = Worker(self, ours, output, folder, limits, files)
        return self.worker, self.worker.await_confinement()

    def stop(self, grace: float) -> tuple[int | None, str]:
        """Kill the worker with all it started: its wait status, and why its lane had killed it before, or ""."""
        self.worker = None
        reply = self._ask({"op": "stop", "grace": grace})
        if not reply["clean"]:
            raise UserError(
                "A process that a submission started cannot be killed; end it by hand, then start the grader again."
            )
        self.sandbox.most_used = max(self.sandbox.most_used, reply["most_used"])
        return reply["status"], reply["reason"]

    def close(self) -> None:
        try:
            if self.worker is not None:
                self.worker.close()
        finally:
            self.lines.close()
            self.control.close()

    def __enter__(self) -> "Lane":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        try:
            socket.send_fds(self.control, [json.dumps(message).encode() + b"\n"], descriptors)
            line = self.lines.readline()
        except OSError:
            line = b""
        if not line:
            raise UserError("The process that supervises workers has ended; start the grader again.")
        return json.loads(line)


@dataclass(frozen=True)
class Confinement:
    """What a worker found before it read student code: the layers that hold, why others do not, and why imports would fail, or ""."""

    layers: frozenset[str]
    problems: dict[str, str]
    imports: str


class Sandbox:
    """A zygote and what is started from it. Use as a context manager; closing it kills every process below.

    `require`: a level (see layers.included) or a set of layers without which nothing is started: entering raises UserError. `use`: the layers
    to try; `namespaces`: whether Linux's namespaces may serve them; `shared`: the folder of a zygote to join, see zygote.shared, which has
    its own namespaces: entering raises OSError when it cannot be joined any more. After entering, `layers` are those that hold, tried from
    inside by a worker without student code, and again by every worker; `problems` says why others do not.
    """

    def __init__(
        self,
        require: str | Iterable[str] | None = None,
        use: Iterable[str] = layers.LAYERS,
        namespaces: bool = True,
        shared: Path | None = None,
    ) -> None:
        self.versions: dict[str, str] = {}
        self.required = _required(require)
        self.layers = frozenset(use) | {"process"}
        self.problems: dict[str, str] = {}
        self.namespaces = namespaces
        self.why_no_namespaces = ""
        self.most_used = 0  # bytes that one worker with what it started was seen to hold; whoever asks sets it back
        self.clock: Clock | None = None  # of the submission in all lanes; whoever sets it takes it back
        self.shared = shared
        self._home: Path | None = None
        self._zygote: Zygote | None = None
        self._lanes: weakref.WeakSet[Lane] = weakref.WeakSet()
        self._numbers = itertools.count(1)

    @property
    def isolation(self) -> str:
        """The layers that every worker so far has reached, "process, user, files, network"."""
        return ", ".join(layers.ordered(self.layers))

    def __enter__(self) -> "Sandbox":
        try:
            self._home = new_home(self.shared)
            if self.shared is not None:
                self._zygote = Zygote.join(self.shared)
            else:
                self._zygote = Zygote.start(self._home, self.layers, self.namespaces)
            ready = self._zygote.await_ready()
            self.versions, self.why_no_namespaces = ready["versions"], ready["namespaces"]
            self._rehearse()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _rehearse(self) -> None:
        """Confine a worker that has no student code, to see which layers hold; leave out a layer with which Python could not be read."""
        with self.lane() as lane:
            while True:
                worker, found = lane.confined({}, Limits(), self.layers, rehearsal=True)
                worker.close()
                left_out = next((layer for layer in ("user", "files") if layer in found.layers and found.imports), None)
                if left_out is None:
                    break
                advice = "install Python where every user can read it, such as /opt"
                found.problems[left_out] = f"student code could not import any more, {found.imports}; {advice}"
                self.problems.update(found.problems)
                self.layers -= {left_out}
        self.lose(found.problems)
        if "files" not in self.layers and self.why_no_namespaces and os.geteuid() != 0:
            process.become_unreadable()

    def lose(self, problems: dict[str, str]) -> None:
        """Note layers that a worker did not reach. Raises UserError when one of them is required."""
        self.problems.update(problems)
        self.layers -= problems.keys()
        for layer in layers.ordered(self.required - self.layers):
            why = f": {self.problems[layer]}" if self.problems.get(layer) else ""
            raise UserError(
                f"This machine does not isolate student code as required, layer {layer!r} is missing{why}. To get it, {layers.HOW_TO_GET[layer]}; "
                "`autograder doctor` shows every layer."
            )

    def lane(self) -> Lane:
        assert self._zygote is not None
        lane = Lane(self._zygote.lane(), self)
        self._lanes.add(lane)
        return lane

    def folder(self, files: dict[str, bytes]) -> Path:
        """A new folder with `files` (relative path → content) for one worker."""
        assert self._home is not None
        folder = self._home / str(next(self._numbers))
        folder.mkdir(mode=0o700)
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lane in list(self._lanes):  # a zygote that others use, too, goes on
            with contextlib.suppress(UserError):
                lane.close()
        if self._zygote is not None:
            self._zygote.close()
        if self._home is not None:
            folders.remove(self._home)


def _required(require: str | Iterable[str] | None) -> frozenset[str]:
    if require is None:
        return frozenset()
    names = [require] if isinstance(require, str) else list(require)
    for name in names:
        if name not in layers.LAYERS:
            raise UserError(f"An isolation level is one of {', '.join(layers.LAYERS)}, not {name!r}.")
    return layers.included(require, os.geteuid() == 0) if isinstance(require, str) else frozenset(names)
