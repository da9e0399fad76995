"""The isolation layers, as functions that a process applies to itself. This module knows Linux; elsewhere a layer that is lacking is not claimed.

Layer "process": a session of its own, no descriptor but the channel and the output pipe, resource limits, death together with its parent,
and a lane that adopts and kills every process that is left behind.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from typing import Any

import psutil

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38


def _prctl(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    return ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0


def die_with_parent() -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def become_subreaper() -> None:
    """Orphans of this process's descendants become its children, so that none can escape."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_descendants(seconds: float = 10.0) -> None:
    """Kill every process below this one, and wait until none is left. Stops them first, so that none can fork meanwhile."""
    this = psutil.Process()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        children = this.children(recursive=True)
        if not children:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for child in children:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child.pid, number)
        time.sleep(0.001)


def confine(settings: dict[str, Any], channel: int, output: int) -> None:
    """Apply the layers that `settings` asks for to this process. Descriptors other than `channel` and `output` (as 1 and 2) are closed."""
    os.setsid()
    die_with_parent()
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.set_inheritable(channel, False)
    highest = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, channel)
    os.closerange(channel + 1, min(highest, 65536))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, settings["cpu_seconds"])
    _limit(resource.RLIMIT_FSIZE, settings["file_megabytes"] << 20)
    _limit(resource.RLIMIT_NOFILE, 256)
    if sys.platform == "linux":
        _limit(resource.RLIMIT_DATA, _private_memory() + (settings["memory_megabytes"] << 20))


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _private_memory() -> int:
    """VmData of this process in bytes: what RLIMIT_DATA counts."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("VmData:"):
                return int(line.split()[1]) << 10
    return 0
