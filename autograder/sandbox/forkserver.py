"""Three generations of processes, all started from one that has imported torch, because a fork takes milliseconds and an import seconds.

    zygote   imports torch, touches nothing else, never runs student code; forks lanes
    lane     supervises one worker at a time; adopts and kills whatever a worker leaves behind; forks workers
    worker   confined before it reads a line of student code, see layers; then serves, see worker.py

The zygote listens on an inherited socket, each lane on a socket that came with the request for it. Messages are lines of JSON between
trusted processes. A closed socket means that the grader is gone: everything below it is killed. Other graders may join through a second
inherited socket, the door; what they ask for ends with their own sockets.
"""

import contextlib
import ctypes
import dataclasses
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from autograder.sandbox import folders, huge_pages, layers, wire
from autograder.sandbox.layers import files, namespaces, network, process, user

WATCH_SECONDS = 0.1  # between two looks at what a worker uses
LANES_END_SECONDS = 5.0


def main(descriptor: int, door: int | None) -> None:
    """The zygote. `descriptor`: of the inherited control socket, on which the first line says what to prepare for; `door`: of the other one."""
    control = socket.socket(fileno=descriptor)
    settings, _ = _next_request(control)
    if settings is None:
        os._exit(0)
    os.umask(0o022)
    reason = _enter_namespaces(settings)
    _warm_up()
    _prepare(settings)
    gc.collect()
    gc.freeze()
    huge_pages.gather()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader, which closes the socket
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # lanes are not waited for
    process.become_subreaper()
    process.become_unreadable()
    ready = {"ready": True, "versions": _versions(), "namespaces": reason}
    _reply(control, ready)
    _Zygote(control, None if door is None else socket.socket(fileno=door), settings["others"], ready).serve()
    _end_lanes()
    folders.remove(Path(settings["home"]))
    os._exit(0)


class _Zygote:
    """Forks lanes for the grader at the other end of `control`, and for those that join."""

    def __init__(self, control: socket.socket, door: socket.socket | None, others: int, ready: dict[str, Any]):
        self.control, self.door, self.others, self.ready = control, door, others, ready
        self.graders = [control]

    def serve(self) -> None:
        """Returns when the first grader has gone."""
        while True:
            for one in select.select([*self.graders, *([self.door] if self.door else [])], [], [])[0]:
                if one is self.door:
                    self._let_in(self.door)
                    continue
                request, descriptors = _next_request(one)
                if request is not None and request["op"] == "import":
                    _import_ahead(request["modules"])
                    _reply(one, {"problem": ""})
                elif request is not None:
                    _reply(one, {"problem": self._fork(descriptors)})
                elif one is self.control:
                    return
                else:
                    self.graders.remove(one)
                    one.close()

    def _let_in(self, door: socket.socket) -> None:
        grader, _ = door.accept()
        self.graders.append(grader)
        _reply(grader, self.ready)
        if len(self.graders) > self.others:
            door.shutdown(socket.SHUT_RDWR)  # the process outside of the namespaces has it too
            door.setblocking(False)
            with contextlib.suppress(OSError):
                while True:
                    door.accept()[0].close()  # whoever has knocked meanwhile starts a zygote of its own
            door.close()
            self.door = None

    def _fork(self, descriptors: list[int]) -> str:
        """Fork a lane. Why it could not be done, or ""."""
        problem = ""
        try:
            pid = (namespaces.fork if namespaces.engaged() else os.fork)()
        except OSError as error:  # the machine is short of something; others may have more luck
            pid, problem = -1, str(error)
        if pid == 0:
            for one in (*self.graders, *([self.door] if self.door else [])):
                one.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                _Lane(socket.socket(fileno=descriptors[0])).serve()
            finally:
                os._exit(70)
        for number in descriptors:
            os.close(number)
        return problem


def _warm_up() -> None:
    """Do what every worker would do once, as far as it can be done before a fork: imports, also those that NumPy and torch put off."""
    import numpy as np
    import torch

    from autograder import eager
    from autograder.sandbox import worker  # noqa: F401

    eager.switch_off_compilers()
    torch.set_num_threads(1)
    torch.zeros(2).add(1)
    np.random.seed(0)  # 11 ms in a fork; the first request of a submission sets the seed that counts
    _look_for_gpus()
    with contextlib.suppress(ImportError):  # what the first backward pass imports
        importlib.import_module("torch.nested._internal.nested_tensor")


def _import_ahead(modules: list[str]) -> None:
    """Import packages that workers would import one after the other; lanes that are forked from now on have them."""
    cache = "TORCHINDUCTOR_CACHE_DIR"  # torchvision imports torch's compilers, which make a folder for what they will never compile
    os.environ[cache] = os.path.dirname(os.__file__)
    for name in modules:
        with contextlib.suppress(Exception):  # a worker that needs it says why it cannot be had
            importlib.import_module(name)
    del os.environ[cache]
    gc.collect()
    gc.freeze()


def _look_for_gpus() -> None:
    """Let torch find none, since they are hidden, and remember it; else every worker looks at its first backward pass, and finds half of a
    driver in the sandbox. torch.cuda.is_available() does the same and notes that forks must not use CUDA, of which errors then speak.
    """
    with contextlib.suppress(OSError, AttributeError):  # a build without CUDA
        ctypes.CDLL("libc10_cuda.so")["_ZN3c104cuda12device_countEv"]()  # c10::cuda::device_count()


def _enter_namespaces(settings: dict[str, Any]) -> str:
    """Why this process is not in namespaces of its own, or ""."""
    if sys.platform != "linux":
        return "only Linux has namespaces"
    if not settings["namespaces"]:
        return "switched off"
    wanted, hidden = settings["layers"], settings["hidden"]
    view = settings["view"] if "files" in wanted or "user" in wanted else ""
    readable = files.readable_paths(hidden) if view else []
    return namespaces.enter("network" in wanted, view, readable, hidden, lambda: folders.remove(Path(settings["home"])))


def _prepare(settings: dict[str, Any]) -> None:
    """Everything that workers need and that is the same for all of them, while the whole file system can still be seen."""
    plan = layers.plan
    plan.forbidden = tuple(settings["forbidden"])
    if sys.platform == "linux":
        network.prepare()
        readable = files.readable_paths(settings["hidden"])
        rules = files.reading_rules(readable, settings["hidden"])
        if namespaces.engaged() and os.path.isdir(settings["view"] + namespaces.MEMORY):
            namespaces.add_to_view(settings["view"], readable)
            namespaces.enter_view(settings["view"])
        plan.rules = files.fitted(rules)
        plan.outside = files.elsewhere()


def _end_lanes() -> None:
    """Let the lanes end their workers, then kill what is left."""
    tree = process.Tree(None, init=namespaces.engaged(), user=None)
    if not tree.init:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for lane in process.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(lane, signal.SIGTERM)
        deadline = time.monotonic() + LANES_END_SECONDS
        while not tree.reap() and time.monotonic() < deadline:
            time.sleep(0.005)
    tree.end()


class _Lane:
    """Supervises one worker at a time."""

    def __init__(self, control: socket.socket):
        self.control = control
        self.tree: process.Tree | None = None
        self.settings: dict[str, Any] = {}
        self.reason = ""  # why the last worker was killed here
        self.most_used = 0  # bytes that the worker was seen to hold, beyond a fresh one
        self.first_size = 0  # of the scratch folder, where it has no limit of its own

    def serve(self) -> None:
        if namespaces.engaged():
            process.die_with_parent()
            namespaces.settle_lane()
        else:
            signal.signal(signal.SIGTERM, self._go)
            process.die_with_parent(signal.SIGTERM)
        process.become_subreaper()
        user.drop_bounding_set()
        layers.plan.base = process.sizes()
        while True:
            if not select.select([self.control], [], [], WATCH_SECONDS if self.tree else None)[0]:
                self._watch()
                continue
            request, descriptors = _next_request(self.control)
            if request is None:
                self._go()
            elif request["op"] == "start":
                self._start(request, descriptors)
            elif request["op"] == "stop":
                _reply(self.control, self._stop(request["grace"]))

    def _start(self, settings: dict[str, Any], descriptors: list[int]) -> None:
        channel, output, folder, *groups = descriptors
        scratch = layers.make_scratch(settings, folder)
        self.first_size = 0 if namespaces.has_view else process.folder_size(scratch)[0]
        pid = os.fork()
        if pid == 0:
            _worker(self.control, channel, output, groups, scratch, settings)
        for number in descriptors:
            os.close(number)
        self.tree = process.Tree(pid, namespaces.engaged(), layers.user_of(settings))
        self.settings, self.reason, self.most_used = settings, "", 0
        _reply(self.control, {"pid": pid})

    def _stop(self, grace: float) -> dict[str, Any]:
        """Kill the worker and all that descends from it. "status": how it had ended by itself within `grace` seconds."""
        tree, self.tree = self.tree, None
        if tree is None:
            return {"status": None, "reason": "", "clean": True, "most_used": 0}
        self._look_at_memory()  # a short life passes between two looks
        deadline = time.monotonic() + grace
        tree.reap()
        while tree.status is None and time.monotonic() < deadline:
            time.sleep(0.001)
            tree.reap()
        status = tree.status
        clean = tree.end()
        if namespaces.has_view:
            namespaces.empty_scratch()
        return {"status": status, "reason": self.reason, "clean": clean, "most_used": self.most_used}

    def _watch(self) -> None:
        """Kill a worker whose processes together use too much; each of them alone is limited by the kernel."""
        assert self.tree is not None
        count = sum(1 for _ in process.descendants())
        if count == 0 or self.reason:
            self.tree.reap()
            return
        used = self._look_at_memory()
        if used > self.settings["memory_megabytes"] << 20:
            self.reason = "processes" if count > process.MOST_PROCESSES else "memory"
        elif count > 2 * process.MOST_PROCESSES:
            self.reason = "processes"
        elif not namespaces.has_view:
            size, entries = process.folder_size(self.settings["folder"])
            if size > self.first_size + (self.settings["file_megabytes"] << 20) or entries > process.MOST_FILES:
                self.reason = "files"
        if self.reason:
            self.tree.end()

    def _look_at_memory(self) -> int:
        used = process.memory_of_descendants(layers.plan.base.get("RssAnon", 0))
        self.most_used = max(self.most_used, used)
        return used

    def _go(self, *_: object) -> None:
        if self.tree is not None:
            self.tree.end()
        os._exit(0)


def _worker(
    control: socket.socket, channel_number: int, output: int, groups: list[int], scratch: str, settings: dict[str, Any]
) -> None:
    """Confine this process, report, then serve. `groups`: the doors of its control groups, where there are some. Never returns."""
    try:
        for door in groups:
            with contextlib.suppress(OSError):  # the grader looks whether it is inside
                os.write(door, b"0")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        process.die_first()
        control.close()
        channel = socket.socket(fileno=channel_number)
        report = layers.confine(settings, scratch, channel_number, output)
        os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), scratch))
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        channel.sendall(wire.encode({"kind": "ready", **_as_data(report)}))
        from autograder.sandbox import worker

        worker.main(channel, scratch)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            sys.__stderr__ and print(f"worker: {type(error).__name__}: {error}", file=sys.__stderr__, flush=True)
    finally:
        os._exit(70)


def _as_data(report: layers.Report) -> dict[str, Any]:
    return {key: list(value) if type(value) is tuple else value for key, value in dataclasses.asdict(report).items()}


def _versions() -> dict[str, str]:
    import platform

    import numpy
    import torch

    return {"torch": torch.__version__, "numpy": numpy.__version__, "python": platform.python_version()}


def _next_request(control: socket.socket) -> tuple[Any, list[int]]:
    """One line and the descriptors that came with it; (None, []) when the other side has closed."""
    data, descriptors = b"", []
    while not data.endswith(b"\n"):
        try:
            part, numbers, _, _ = socket.recv_fds(control, 65536, 5)
        except ConnectionError:
            return None, []
        descriptors += numbers
        if not part:
            return None, []
        data += part
    return json.loads(data), descriptors


def _reply(control: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(ConnectionError):
        control.sendall(json.dumps(message).encode() + b"\n")
