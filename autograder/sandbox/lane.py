"""The grader's end of one lane, the process that forks workers one at a time and kills whatever they leave behind."""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autograder.errors import UserError
from autograder.limits import Limits
from autograder.sandbox import layers
from autograder.sandbox.channel import Channel
from autograder.sandbox.clock import Clock
from autograder.sandbox.control_groups import ControlGroup
from autograder.sandbox.folders import FILE_MEGABYTES
from autograder.sandbox.layers import user
from autograder.sandbox.remote_worker import Confinement, Worker

if TYPE_CHECKING:
    from autograder.sandbox.launcher import Sandbox


class Lane:
    """Runs one worker at a time. Everything a worker leaves behind dies when it is stopped."""

    def __init__(self, control: socket.socket, sandbox: "Sandbox", groups: Sequence[ControlGroup] = ()):
        self.control = control
        self.sandbox = sandbox
        self.groups = list(groups)  # that confine its workers
        self.killed = 0  # processes in them, for want of memory
        self.lines = control.makefile("rb")
        self.worker: Worker | None = None
        self.clocks: tuple[Clock, ...] = ()  # that run for what is asked in this lane
        self.second: Lane | None = None  # see beside

    def beside(self) -> "Lane":
        """A lane that runs at the same time, and ends with this one."""
        if self.second is None:
            self.second = self.sandbox.lane()
        return self.second

    def next_clock(self) -> Clock | None:
        """The clock that runs out first, of this lane's and of the sandbox's."""
        clocks = (*self.clocks, *([self.sandbox.clock] if self.sandbox.clock else []))
        return min(clocks, key=lambda clock: clock.ends, default=None)

    def say_late(self, requests: Sequence[Mapping[str, Any]], files: Mapping[str, bytes], seconds: float) -> str:
        """The sentence about requests that were not answered in time; see Sandbox.say_late."""
        return self.sandbox.say_late(requests, files, seconds)

    def start(self, files: dict[str, bytes], limits: Limits) -> Worker:
        """A fresh worker, confined, with a copy of the submission's files (relative path → content).

        Raises UserError when it does not reach the layers that the sandbox requires, and RuntimeError where the lane's worker still lives: what
        is asked of that one later would fail, as if its code were at fault.
        """
        if self.worker is not None:
            raise RuntimeError(
                "A lane runs one worker at a time, and this one's still lives: end it first (Worker.close, Student.fresh), "
                "or take a lane of its own for the second (Sandbox.lane)."
            )
        worker, report = self.confined(files, limits, self.sandbox.layers)
        try:
            self.sandbox.lose({layer: report.problems.get(layer, "") for layer in self.sandbox.layers - report.layers})
        except UserError:
            worker.close()
            raise
        return worker

    def confined(
        self, files: dict[str, bytes], limits: Limits, wanted: frozenset[str], rehearsal: bool = False
    ) -> tuple[Worker, Confinement]:
        """A worker that has been asked for the layers `wanted`, and what it reached; in a `rehearsal`, also whether it could import."""
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
        numbers = [theirs.detach(), printed_to, os.open(folder, os.O_RDONLY), *self._doors(limits)]
        try:
            self._ask(settings, numbers)
        finally:
            for number in numbers:
                os.close(number)
        channel = Channel(ours, output, limits.output_kilobytes << 10)
        self.worker = Worker(self, channel, folder, limits, files)
        found = self.worker.await_confinement()
        self._leave([group for group in self.groups if not group.inhabited()])
        return self.worker, found

    def _doors(self, limits: Limits) -> list[int]:
        """Descriptors by which a worker enters the groups, with their limits; those of which that cannot be are left."""
        doors = []
        for group in list(self.groups):
            try:
                group.limit(limits.memory_megabytes)
                doors.append(group.door())
            except OSError:
                self._leave([group])
        self.killed = sum(group.killed() for group in self.groups)
        return doors

    def _leave(self, groups: Sequence[ControlGroup]) -> None:
        for group in list(groups):
            self.groups.remove(group)
            group.close()

    def stop(self, grace: float) -> tuple[int | None, str]:
        """Kill the worker with all it started: its wait status, and why its lane had killed it before, or ""."""
        self.worker = None
        reply = self._ask({"op": "stop", "grace": grace})
        if not reply["clean"]:
            raise UserError(
                "A process that a submission started cannot be killed; end it by hand, then start the grader again."
            )
        self.sandbox.most_used = max(self.sandbox.most_used, reply["most_used"])
        short = sum(group.killed() for group in self.groups) > self.killed
        return reply["status"], reply["reason"] or ("memory" if short else "")

    def close(self) -> None:
        try:
            if self.second is not None:
                self.second.close()
            if self.worker is not None:
                self.worker.close()
        finally:
            self.lines.close()
            self.control.close()
            self._leave(self.groups)

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
