"""The grader's end of the two pipes of a worker: frames in both directions, and what the student's code prints.

Nothing here blocks past its deadline, and whatever waits takes what the worker prints, so that a full pipe stops neither side.
"""

import os
import select
import socket
import time
from typing import Any

from autograder.sandbox import wire


class Late(Exception):
    """The deadline has passed."""


class Closed(Exception):
    """The worker has closed its end, or has ended."""


class Channel:
    """Deadlines are on the clock of time.monotonic(). `kept_bytes`: of what is printed; the rest is counted and dropped."""

    def __init__(self, frames: socket.socket, output: int, kept_bytes: int):
        self.frames, self.output, self.kept_bytes = frames, output, kept_bytes
        self.output_open = True
        self.received = bytearray()  # of frames that are not read yet
        self.printed = bytearray()
        self.printed_total = 0

    def send(self, message: Any, deadline: float) -> None:
        """Raises Late, Closed, or WireError for what is no data."""
        view = memoryview(wire.encode(message))
        while view:
            try:
                view = view[self.frames.send(view) :]
            except BlockingIOError:
                self._wait(deadline, write=True)
            except OSError:
                raise Closed from None

    def receive(self, deadline: float) -> Any:
        """The next message. Raises Late, Closed, or WireError."""
        header_length, payload_length = wire.read_prefix(self._read(wire.PREFIX.size, deadline))
        header = self._read(header_length, deadline)
        return wire.decode(header, self._read(payload_length, deadline))

    def _read(self, length: int, deadline: float) -> bytes:
        """The next `length` bytes; what has come beyond them stays in `received`, so that a frame is not read in three parts."""
        while len(self.received) < length:
            self._wait(deadline, write=False)
            try:
                part = self.frames.recv(min(max(length - len(self.received), 1 << 16), 1 << 20))
            except BlockingIOError:
                continue
            except OSError:
                raise Closed from None
            if not part:
                raise Closed
            self.received += part
        data = bytes(self.received[:length])
        del self.received[:length]
        return data

    def _wait(self, deadline: float, write: bool) -> None:
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise Late
            watched: list[Any] = [self.output] if self.output_open else []
            readable, writable, _ = select.select(
                watched if write else [self.frames, *watched], [self.frames] if write else [], [], remaining
            )
            if self.output in readable:
                self.drain()
            if writable or self.frames in readable:
                return

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
            self.printed += data[: max(0, self.kept_bytes - len(self.printed))]

    def forget_printed(self) -> None:
        self.printed.clear()
        self.printed_total = 0

    def close(self) -> None:
        """Both pipes; what was printed by now is kept."""
        self.drain()
        self.frames.close()
        os.close(self.output)
        self.output_open = False
