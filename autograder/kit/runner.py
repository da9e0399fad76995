"""Run jobs in processes of their own, with a time limit: an endless loop or a crash of the student's code is one result.

A fresh process waits with torch imported already; each is used for one job and followed by the next.
"""

import contextlib
import io
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from autograder import eager

Record = dict[str, Any]
START_SECONDS = 120.0  # for importing torch from a slow disk
STEP_SECONDS = 15.0  # for importing a file of the student's, or for a check
PICTURE_SECONDS = 60.0  # with importing what draws it
PRINTED_LINES = 20
_PROGRAM = "import sys; sys.path.insert(0, {root!r}); from autograder.kit.worker import main; main({preload})"


def launch(root: Path, folder: Path, preload: bool) -> subprocess.Popen[bytes]:
    """Start a process that runs the worker of the package in `root`, with `folder` as its current one."""
    environment = {**os.environ, **eager.ENVIRONMENT, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "Agg"}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM.format(root=str(root), preload=preload)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
    )


class Process:
    """A process that has been started and waits for its job. `root`: the folder that holds the package `autograder`.
    `preload`: import what pictures need too, before there is a job.
    """

    def __init__(self, root: Path, folder: Path, preload: bool = False):
        self._child = launch(root, folder, preload)
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        self._stdin = io.TextIOWrapper(self._child.stdin, encoding="utf-8")
        self._stdout = io.TextIOWrapper(self._child.stdout, encoding="utf-8", errors="replace")
        self._stderr = io.TextIOWrapper(self._child.stderr, encoding="utf-8", errors="replace", newline="\n")
        self._records: queue.Queue[Record | None] = queue.Queue()
        self._printed: list[str] = []
        self._threads = [
            threading.Thread(target=self._listen, args=(self._stdout,), daemon=True),
            threading.Thread(target=self._overhear, args=(self._stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def do(self, job: Record) -> Iterator[Record]:
        """The records of the job as they come. The last is "done", "slow", "died" or "unusable"; the process has ended then."""
        begun = ""
        deadline = time.monotonic() + START_SECONDS
        try:
            while True:
                try:
                    record = self._records.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    yield {"kind": "slow", "id": begun}
                    return
                if record is None:
                    yield {"kind": "died", "id": begun, "code": self._child.wait()}
                    return
                deadline = time.monotonic() + record.get("seconds", STEP_SECONDS)
                if record["kind"] == "ready":
                    with contextlib.suppress(OSError):
                        self._stdin.write(json.dumps(job) + "\n")
                        self._stdin.flush()
                    continue
                begun = record.get("id", begun)
                yield record
                if record["kind"] in ("done", "unusable"):
                    return
        finally:
            self.close()

    def printed(self) -> list[str]:
        """The last lines that the student's code has printed; a progress bar counts with its last state. Ends the process."""
        self.close()
        lines = [line.rstrip("\r\n").rpartition("\r")[2].rstrip() for line in self._printed]
        return [line for line in lines if line][-PRINTED_LINES:]

    def close(self) -> None:
        """End the process, whatever it does."""
        with contextlib.suppress(OSError):
            self._child.kill()
        self._child.wait()
        for thread in self._threads:
            thread.join(timeout=1.0)
        if not any(thread.is_alive() for thread in self._threads):  # else a child of the student's code holds the pipe
            for stream in (self._stdin, self._stdout, self._stderr):
                with contextlib.suppress(OSError):
                    stream.close()

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            with contextlib.suppress(ValueError):
                self._records.put(json.loads(line))
        self._records.put(None)

    def _overhear(self, stream: IO[str]) -> None:
        for line in iter(lambda: stream.readline(65536), ""):
            self._printed.append(line[-1000:])
            del self._printed[:-100]


class Runner:
    """Keeps a process ready. Use as a context manager."""

    def __init__(self, root: Path, folder: Path, preload: bool = False):
        self._root, self._folder, self._preload = root, folder, preload
        self._ready: Process | None = None
        self.printed: list[str] = []  # since it was last emptied

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_: object) -> None:
        if self._ready is not None:
            self._ready.close()

    def warm_up(self) -> None:
        if self._ready is None:
            self._ready = Process(self._root, self._folder, self._preload)

    def do(self, job: Record) -> Iterator[Record]:
        self.warm_up()
        process, self._ready = self._ready, None
        assert process is not None
        try:
            yield from process.do(job)
        finally:
            self.printed = [*self.printed, *process.printed()][-PRINTED_LINES:]
