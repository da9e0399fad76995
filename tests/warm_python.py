"""Forks of one Python that has imported torch, in place of the kit's fresh processes: a fork takes milliseconds, an import seconds.

What is tested stays the same: each process is new, runs the kit's own `worker.main`, and is killed and waited for as a fresh one is.
`test_the_kit_works_by_itself` starts real ones.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from autograder import eager
from autograder.places import REPOSITORY

_FDS = 4  # stdin, stdout, stderr, and where the exit status is told


class WarmPython:
    """The process that forks. `launch` takes the place of `autograder.kit.runner.launch`."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        environment = {**os.environ, **eager.ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "MPLBACKEND": "Agg"}
        code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from tests.warm_python import serve; serve({theirs.fileno()})"
        with theirs:
            self._server = subprocess.Popen([sys.executable, "-P", "-c", code], pass_fds=[theirs.fileno()], env=environment)

    def launch(self, root: Path, folder: Path, preload: bool) -> "Forked":
        assert root == REPOSITORY, "the fork has imported the checker of the repository"
        (their_in, stdin), (stdout, their_out), (stderr, their_err) = os.pipe(), os.pipe(), os.pipe()
        status, their_status = socket.socketpair()
        theirs = [their_in, their_out, their_err, their_status.fileno()]
        socket.send_fds(self._ours, [json.dumps({"folder": str(folder), "preload": preload}).encode()], theirs)
        for number in theirs[:3]:
            os.close(number)
        their_status.close()
        return Forked(stdin, stdout, stderr, status)

    def close(self) -> None:
        self._ours.close()
        self._server.wait()


class Forked:
    """As much of subprocess.Popen as the kit uses."""

    def __init__(self, stdin: int, stdout: int, stderr: int, status: socket.socket) -> None:
        self.stdin, self.stdout, self.stderr = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"), os.fdopen(stderr, "rb")
        self._status = status.makefile("r")
        status.close()
        self.pid = int(self._status.readline())
        self._code: int | None = None

    def kill(self) -> None:
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)  # it stays a zombie until `wait` lets its parent go

    def wait(self) -> int:
        if self._code is None:
            self._code = int(self._status.readline())
            self._status.close()
        return self._code


def serve(number: int) -> None:
    """Fork for every message on the socket, until its other end closes."""
    for name in ("torch", "matplotlib.backends.backend_agg", "sklearn.datasets"):
        importlib.import_module(name)
    control = socket.socket(fileno=number)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    while True:
        message, fds, _, _ = socket.recv_fds(control, 65536, _FDS)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _keep(json.loads(message), fds)
        for descriptor in fds:
            os.close(descriptor)


def _keep(job: dict[str, object], fds: list[int]) -> None:
    """Fork the process itself, tell who it is, and tell its exit status when it has one."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(fds[3])
        for place, descriptor in enumerate(fds[:3]):
            os.dup2(descriptor, place)
            os.close(descriptor)
        os.chdir(str(job["folder"]))
        sys.stdin = os.fdopen(0, encoding="utf-8")
        from autograder.kit.worker import main

        main(bool(job["preload"]))
        os._exit(0)
    for descriptor in fds[:3]:
        os.close(descriptor)
    os.write(fds[3], f"{child}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(fds[3], f"{code}\n".encode())
    os._exit(0)
