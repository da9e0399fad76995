"""Layer "process": a session of its own, nothing inherited but the channel and the output pipe, resource limits, and a death that spares nobody.

Everywhere: the lane kills the process group and every descendant. On Linux the lane is a subreaper (PR_SET_CHILD_SUBREAPER, man-pages prctl(2)):
orphans of its descendants become its children, so that none gets lost. Where namespaces.py could give the lane a process namespace of its
own, the lane is the namespace's init: one kill(-1) reaches all of it at once, no fork can slip through (man-pages kill(2), pid_namespaces(7)),
and should the lane itself be killed, the kernel kills the rest. Without one, a worker with a user of its own dies by a kill(-1) of that user.
"""

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil

from autograder.sandbox.layers import kernel

MOST_PROCESSES = 128  # processes and threads of one worker
MOST_DESCRIPTORS = 256
ADDRESS_SPACE_SLACK = 2 << 30  # stacks and arenas that are reserved but not used
MOST_FILES = 4096  # in the scratch folder
MOST_HIDDEN = 8  # processes whose origin cannot be seen, that are taken for forks of the zygote
KERNEL_LISTS_CHILDREN = os.path.exists("/proc/thread-self/children")  # Linux with CONFIG_PROC_CHILDREN


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Ask for a signal at the parent's death. A change of the user id forgets it, so this is said again after one."""
    with contextlib.suppress(OSError):
        kernel.prctl(kernel.PR_SET_PDEATHSIG, number)


def become_subreaper() -> None:
    """Orphans of this process's descendants become its children, so that none can escape."""
    with contextlib.suppress(OSError):
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)


def become_unreadable() -> None:
    """Give /proc/<this process> to root: no process of the same user can read its memory or environment, or trace it (PR_SET_DUMPABLE)."""
    with contextlib.suppress(OSError):
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


# In the worker


def detach(output: int) -> None:
    """A session of its own; nothing to read from; standard output and error go to `output`."""
    os.setsid()
    die_with_parent()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        adjust = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(adjust, b"1000")  # when memory runs out, the kernel takes this one first
        os.close(adjust)


def close_descriptors(channel: int) -> None:
    """Close all but 0, 1, 2 and the channel."""
    os.set_inheritable(channel, False)
    os.closerange(3, channel)
    os.closerange(channel + 1, (1 << 31) - 1 if sys.platform == "linux" else min(os.sysconf("SC_OPEN_MAX"), 1 << 16))


def most_processes(number: int | None, in_namespace: bool) -> int | None:
    """The limit on processes and threads: the kernel counts by user. None for root, whom it does not limit, and where the count is not known.

    A worker that is a user of its own is alone in the count. In a user namespace the zygote and its other workers count too (since Linux 5.14),
    else all that the user runs on the machine.
    """
    if number is not None:
        return MOST_PROCESSES
    if sys.platform != "linux" or os.geteuid() == 0:
        return None
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    if in_namespace and release >= (5, 14):
        return 2 * MOST_PROCESSES
    return _tasks_of(os.getuid()) + MOST_PROCESSES


def _tasks_of(number: int) -> int:
    """How many threads a user runs, as far as /proc shows them."""
    count = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == number:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count


def gain_nothing() -> None:
    """No program with a set-user-id bit or file capabilities gives this process more than it has."""
    with contextlib.suppress(OSError):
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)


def set_limits(settings: dict[str, Any], base: dict[str, int], processes: int | None) -> None:
    """Resource limits, man-pages getrlimit(2). `base`: what a fresh worker already uses; `processes`: None where they cannot be limited."""
    memory = settings["memory_megabytes"] << 20
    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": settings["cpu_seconds"],
        "RLIMIT_FSIZE": settings["file_megabytes"] << 20,
        "RLIMIT_NOFILE": MOST_DESCRIPTORS,
        "RLIMIT_MEMLOCK": 1 << 20,
        "RLIMIT_MSGQUEUE": 0,
    }
    if sys.platform == "linux":
        limits["RLIMIT_DATA"] = base["VmData"] + memory
        limits["RLIMIT_AS"] = base["VmSize"] + memory + ADDRESS_SPACE_SLACK
    if processes is not None:
        limits["RLIMIT_NPROC"] = processes
    for name, value in limits.items():
        which = getattr(resource, name, None)
        if which is not None:
            _, hard = resource.getrlimit(which)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (value, value))


def probe(channel: int, processes: int | None) -> str:
    """What is missing from this layer, or "". Called in the worker."""
    if os.getsid(0) != os.getpid():
        return "the worker shares its session with others"
    if inherited := [number for number in _open_descriptors() if number > 2 and number != channel]:
        return f"descriptor {inherited[0]} was inherited"
    for name in ("RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE"):
        if resource.getrlimit(getattr(resource, name))[1] == resource.RLIM_INFINITY:
            return f"{name} is not set"
    if sys.platform == "linux":
        if resource.getrlimit(resource.RLIMIT_DATA)[1] == resource.RLIM_INFINITY:
            return "memory is not limited"
        if processes is not None and resource.getrlimit(resource.RLIMIT_NPROC)[1] > processes:
            return "the number of processes is not limited"
        if kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS) != 1:
            return "programs with a set-user-id bit could gain privileges"
    return ""


def _open_descriptors() -> list[int]:
    numbers = list(range(MOST_DESCRIPTORS))
    with contextlib.suppress(OSError):
        numbers = [int(name) for name in os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd")]
    found = []
    for number in numbers:
        try:
            os.fstat(number)
        except OSError:  # that of the listing itself
            continue
        found.append(number)
    return found


# In the lane


def sizes() -> dict[str, int]:
    """VmData, VmSize, RssAnon of this process in bytes, as /proc/self/status gives them; zeros elsewhere."""
    return _status("self")


def _status(process: str) -> dict[str, int]:
    found = {"VmData": 0, "VmSize": 0, "RssAnon": 0, "RssShmem": 0}
    with contextlib.suppress(OSError), open(f"/proc/{process}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name in found:
                found[name] = int(rest.split()[0]) << 10
    return found


def die_first() -> None:
    """Where memory runs out, the kernel shall end this process and its children, not the grader. proc_pid_oom_score_adj(5)."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def children() -> list[int]:
    return _children(os.getpid())


def descendants() -> Iterator[int]:
    """The processes below this one."""
    waiting, seen = [os.getpid()], {os.getpid()}
    while waiting:
        for child in _children(waiting.pop()):
            if child not in seen:
                seen.add(child)
                waiting.append(child)
                yield child


def _children(parent: int) -> list[int]:
    found: list[int] = []
    if KERNEL_LISTS_CHILDREN:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{thread}/children") as file:
                    found += map(int, file.read().split())
    else:
        with contextlib.suppress(psutil.Error):
            found = [child.pid for child in psutil.Process(parent).children()]
    return found


def memory_of_descendants(base: int) -> int:
    """Bytes of memory that the processes below this one hold: what is forked beyond `base`, which it shares with the zygote, and all of what
    is executed. Pages that two of them share count twice.
    """
    if sys.platform != "linux":
        total = 0
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                total += max(0, child.memory_info().rss - base)
        return total
    total, own, hidden = 0, _origin("self"), 0
    for pid in descendants():
        status, origin = _status(str(pid)), _origin(str(pid))
        hidden += origin == HIDDEN
        forked = origin == own or (origin == HIDDEN and hidden <= MOST_HIDDEN)
        total += max(0, status["RssAnon"] + status["RssShmem"] - (base if forked else 0))
    return total


HIDDEN = "0"


def _origin(process: str) -> str:
    """Where the stack of a process begins: the same in all forks of one program, and by chance another in every program that is executed,
    proc_pid_stat(5). "0" where it may not be read.
    """
    with (
        contextlib.suppress(OSError, IndexError),
        open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file,
    ):
        return file.read().rpartition(")")[2].split()[25]
    return HIDDEN


def folder_size(folder: str) -> tuple[int, int]:
    """(bytes, entries) below `folder`; stops counting at MOST_FILES entries."""
    total, entries, waiting = 0, 0, [folder]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as items:
            for item in items:
                entries += 1
                if entries > MOST_FILES:
                    return total, entries
                with contextlib.suppress(OSError):
                    total += item.stat(follow_symlinks=False).st_blocks * 512
                    if item.is_dir(follow_symlinks=False):
                        waiting.append(item.path)
    return total, entries


class Tree:
    """One worker with all that descends from it, as its lane sees it; without a worker, all that is below the zygote. `init`: this process
    is the init of a process namespace; `user`: the number of a user that only this tree has, or None."""

    def __init__(self, worker: int | None, init: bool, user: int | None):
        self.worker, self.init, self.user = worker, init, user
        self.status: int | None = None  # the worker's wait status, once it has ended

    def reap(self) -> bool:
        """Collect what has ended. True when no child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self.worker:
                self.status = status

    def end(self, seconds: float = 10.0) -> bool:
        """Kill all of it and wait until nothing is left. False when something would not die within `seconds`."""
        deadline = time.monotonic() + seconds
        pause = 0.0002
        while True:
            self._strike()
            if self.reap():
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 1.5, 0.01)

    def _strike(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.init:
                if os.getpid() != 1:
                    raise RuntimeError("this lane was to be the init of a process namespace, and is not")
                os.kill(-1, signal.SIGKILL)
                return
            if (
                self.worker is not None and self.status is None
            ):  # the group's number cannot belong to anyone else while its leader is not collected
                os.kill(self.worker, signal.SIGKILL)
                os.killpg(self.worker, signal.SIGKILL)
        if self.reap():
            return
        if self.user is not None:
            _kill_as(self.user)
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that fewer can fork meanwhile
            for pid in list(descendants()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)


def _kill_as(user: int) -> None:
    """Kill every process of a user that only workers have: one kill(-1) of that user reaches all of them at once."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
