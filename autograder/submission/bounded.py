"""Reading under a clock and a memory limit: what looks into a student's files runs in a process of its own.

A parser, a comparison or a regular expression can be made to take hours or all memory by a file that is small. Each such step is
therefore asked of a reader: a clean process, started once, that forks for every question. The fork has limits on processor time, memory
and time; it answers with plain data and ends. So a submission that takes too much costs itself only, and it is told so in a sentence.

What is sent to the reader is the grader's own and may be a pickle. What comes back has seen a student's files: it is read as data of the
type that was asked for, and nothing else.
"""

import atexit
import contextlib
import dataclasses
import json
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autograder.errors import UserError
from autograder.manifest import Manifest, assignment_ids, build_record, load_manifest
from autograder.places import REPOSITORY
from autograder.submission.rules import Refused

LENGTH = struct.Struct(">Q")
STATUS = struct.Struct(">i")
MOST_ANSWERED = 1 << 30  # bytes: files, images and a checkpoint as the intake lets them in, and a listing
AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Bounds:
    """Of one question. Reading an honest submission takes under a second and under 100 MB, besides a checkpoint of up to 400 MB."""

    processor_seconds: int = 30
    seconds: int = 600  # that go by: of a disk that does not answer
    megabytes: int = 2048


BOUNDS = Bounds()


def bounded(name: str, returns: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments), computed by the reader; `returns` is the type of the result, as `build_record` takes it.

    `function` is one of a module, and `name` says in a sentence what is read. Raises Refused where it takes more than BOUNDS, UserError or
    Refused where `function` does, and RuntimeError, with its traceback, for any other exception. Where processes cannot be forked
    (Windows) the function is called here.
    """
    if not hasattr(os, "fork"):
        return function(*arguments)
    kind, body, blobs = _READERS.ask(name, pickle.dumps((function, arguments, BOUNDS)))
    if kind == "refused":
        raise Refused(str(body))
    if kind == "user error":
        raise UserError(str(body))
    if kind == "memory":
        raise Refused(_too_much(name, f"more than {BOUNDS.megabytes:,} MB of memory"))
    if kind != "value":
        raise RuntimeError(f"The reader failed.\n{body}")
    return build_record(returns, _from_plain(body, blobs), name)


def _too_much(name: str, what: str) -> str:
    return (
        f"{name} takes {what} to read, as no work for this assignment does, so it was not judged; "
        "look for code that is repeated or nested thousands of times, take it out and hand in again."
    )


# --- plain data -------------------------------------------------------------------------------------------------------


def _to_plain(value: Any, blobs: list[bytes]) -> Any:
    """Records become dictionaries, and tuples and sets lists; bytes are kept apart and go by their number."""
    if value is None or type(value) in (bool, int, float, str):
        return ["is", value]
    if isinstance(value, bytes):
        blobs.append(value)
        return ["bytes", len(blobs) - 1]
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return ["dict", [[key, _to_plain(item, blobs)] for key, item in value.items()]]
    return ["list", [_to_plain(item, blobs) for item in value]]


def _from_plain(node: Any, blobs: list[bytes]) -> Any:
    tag, body = node
    if tag == "is":
        return body
    if tag == "bytes":
        return blobs[body]
    if tag == "dict":
        return {str(key): _from_plain(item, blobs) for key, item in body}
    return [_from_plain(item, blobs) for item in body]


# --- the process that asks --------------------------------------------------------------------------------------------


class _Reader:
    """A reader that runs, seen from the process that has started it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.channel, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "autograder.submission.bounded", str(theirs.fileno())]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )  # fmt: skip
        theirs.close()

    def ask(self, name: str, question: bytes) -> tuple[str, Any, list[bytes]]:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                socket.send_fds(self.channel, [LENGTH.pack(len(question))], [theirs.fileno()])
            self.channel.sendall(question)
            answer = _read_all(ours)
        status = STATUS.unpack(_read_exactly(self.channel, STATUS.size))[0]
        if status in (-signal.SIGXCPU, -signal.SIGKILL):
            raise Refused(_too_much(name, f"more than {BOUNDS.processor_seconds} s of processor time"))
        if status == -signal.SIGALRM:
            raise Refused(
                f"{name} was not read within {BOUNDS.seconds} s; check that the disk it lies on answers, and grade it again."
            )
        if status or answer is None:
            raise Refused(
                f"{name} cannot be read: the process that reads it ended without an answer (status {status})."
            )
        length = LENGTH.unpack_from(answer)[0]
        header = json.loads(bytes(answer[LENGTH.size : LENGTH.size + length]))
        blobs, position = [], LENGTH.size + length
        for size in header["sizes"]:
            blobs.append(bytes(answer[position : position + size]))
            position += size
        return header["kind"], header["body"], blobs

    def close(self) -> None:
        self.channel.close()  # it ends by itself then, and its fork at its limits
        if self.owner == os.getpid():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=1)


class _Readers:
    """The one reader of this process, started at the first question, and anew after a question that was broken off."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reader: _Reader | None = None

    def ask(self, name: str, question: bytes) -> tuple[str, Any, list[bytes]]:
        with self.lock:
            if self.reader is None or self.reader.owner != os.getpid() or self.reader.process.poll() is not None:
                self.close()
                self.reader = _Reader()
            try:
                return self.reader.ask(name, question)
            except Refused:
                raise
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        if self.reader is not None:
            self.reader.close()
            self.reader = None


_READERS = _Readers()
atexit.register(_READERS.close)


def _read_all(channel: socket.socket) -> memoryview | None:
    """What comes until the other side closes; None where it is nothing or too much."""
    chunks, size = [], 0
    while chunk := channel.recv(AT_ONCE):
        chunks.append(chunk)
        size += len(chunk)
        if size > MOST_ANSWERED:
            return None
    return memoryview(b"".join(chunks)) if chunks else None


def _read_exactly(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(min(size - len(parts), AT_ONCE))
        if not part:
            raise ConnectionError("The reader has gone.")
        parts += part
    return bytes(parts)


# --- the reader -------------------------------------------------------------------------------------------------------


def serve(channel: socket.socket) -> None:
    """Answer one question after the other until the other side closes, each in a fork."""
    while True:
        prefix, descriptors, _, _ = socket.recv_fds(channel, LENGTH.size, 1)
        if len(prefix) < LENGTH.size:
            return
        question = pickle.loads(_read_exactly(channel, LENGTH.unpack(prefix)[0]))  # in here: imports once
        _know_handouts(question[1])
        child = os.fork()
        if child == 0:
            try:
                channel.close()
                _answer(socket.socket(fileno=descriptors[0]), *question)
            finally:
                os._exit(1)
        os.close(descriptors[0])
        del question
        _, status = os.waitpid(child, 0)
        channel.sendall(STATUS.pack(os.waitstatus_to_exitcode(status)))


def _know_handouts(arguments: tuple[Any, ...]) -> None:
    """What every fork would work out of the assignments itself, and half of its time."""
    from autograder.submission.comparison import know_handout  # reads through this module itself

    for identifier in assignment_ids():
        with contextlib.suppress(UserError):
            load_manifest(identifier)
    for manifest in arguments:
        if isinstance(manifest, Manifest):
            with contextlib.suppress(Exception):  # the fork meets it again, and tells
                know_handout(manifest)


def _answer(channel: socket.socket, function: Callable[..., Any], arguments: tuple[Any, ...], bounds: Bounds) -> None:
    """Call the function within its bounds, send what comes of it, and end."""
    _limit(bounds)
    blobs: list[bytes] = []
    try:
        kind, body = "value", _to_plain(function(*arguments), blobs)
    except MemoryError:
        kind, body = "memory", ""
    except Refused as refused:
        kind, body = "refused", str(refused)
    except UserError as error:
        kind, body = "user error", str(error)
    except BaseException:
        kind, body = "failed", traceback.format_exc(limit=-20)
    blobs = blobs if kind == "value" else []
    header = json.dumps({"kind": kind, "body": body, "sizes": list(map(len, blobs))}).encode("ascii")
    for part in (LENGTH.pack(len(header)), header, *blobs):
        channel.sendall(part)
    os._exit(0)


def _limit(bounds: Bounds) -> None:
    """The kernel ends this process at its bounds: by SIGXCPU, by SIGALRM, or, for memory, by a MemoryError."""
    import resource

    signal.setitimer(signal.ITIMER_REAL, bounds.seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (bounds.processor_seconds, bounds.processor_seconds + 1))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = bounds.megabytes << 20
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
