"""Three generations of processes, all started from one that has imported torch, because a fork takes milliseconds and an import seconds.

    zygote   imports torch, touches nothing else, never runs student code; forks lanes
    lane     supervises one worker at a time; adopts and kills whatever a worker leaves behind; forks workers
    worker   confined before it reads a line of student code; see worker.py

The zygote listens on an inherited socket, each lane on a socket that came with the request for it. Messages are lines of JSON between
trusted processes. A closed socket means that the grader is gone: everything below it is killed.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import time
from typing import Any

from autograder.sandbox import layers


def main(descriptor: int) -> None:
    """The zygote. `descriptor`: of the inherited control socket."""
    control = socket.socket(fileno=descriptor)
    import torch

    from autograder.sandbox import worker  # noqa: F401  (imported now so that every fork has it)

    torch.set_num_threads(1)
    torch.zeros(2).add(1)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader, which closes the socket
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # lanes are not waited for
    layers.die_with_parent()
    _reply(control, {"ready": True, "versions": _versions()})
    while True:
        request, descriptors = _next_request(control)
        if request is None:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _lane(socket.socket(fileno=descriptors[0]))
        for number in descriptors:
            os.close(number)
        _reply(control, {"lane": True})


def _lane(control: socket.socket) -> None:
    layers.die_with_parent()
    layers.become_subreaper()
    worker_pid = 0
    while True:
        request, descriptors = _next_request(control)
        if request is None:
            layers.kill_descendants()
            os._exit(0)
        if request["op"] == "start":
            worker_pid = os.fork()
            if worker_pid == 0:
                _worker(control, descriptors, request)
            for number in descriptors:
                os.close(number)
            _reply(control, {"pid": worker_pid})
        elif request["op"] == "stop":
            _reply(control, {"status": _end(worker_pid, request["grace"])})
            worker_pid = 0


def _end(worker_pid: int, grace: float) -> int | None:
    """Kill the worker and all that descends from it. Returns its wait status when it had ended by itself within `grace` seconds."""
    status = None
    deadline = time.monotonic() + grace
    while worker_pid and status is None:
        with contextlib.suppress(ChildProcessError):
            done, code = os.waitpid(worker_pid, os.WNOHANG)
            if done:
                status = code
        if time.monotonic() >= deadline:
            break
        if status is None:
            time.sleep(0.001)
    layers.kill_descendants()
    return status


def _worker(control: socket.socket, descriptors: list[int], settings: dict[str, Any]) -> None:
    """Confine this process, then serve. Never returns."""
    try:
        control.close()
        channel_number, output_number = descriptors
        channel = socket.socket(fileno=channel_number)
        layers.confine(settings, channel_number, output_number)
        from autograder.sandbox import worker

        worker.main(channel, settings["folder"])
    except BaseException as error:
        with contextlib.suppress(BaseException):
            sys.__stderr__ and print(f"worker: {type(error).__name__}: {error}", file=sys.__stderr__, flush=True)
    finally:
        os._exit(70)


def _versions() -> dict[str, str]:
    import platform

    import numpy
    import torch

    return {"torch": torch.__version__, "numpy": numpy.__version__, "python": platform.python_version()}


def _next_request(control: socket.socket) -> tuple[Any, list[int]]:
    """One line and the descriptors that came with it; (None, []) when the other side has closed."""
    data, descriptors = b"", []
    while not data.endswith(b"\n"):
        part, numbers, _, _ = socket.recv_fds(control, 65536, 4)
        descriptors += numbers
        if not part:
            return None, []
        data += part
    return json.loads(data), descriptors


def _reply(control: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        control.sendall(json.dumps(message).encode() + b"\n")
