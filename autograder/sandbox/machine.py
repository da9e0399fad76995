"""What this machine, or the container around this process, gives: processors and memory, and how much memory is in use.

Containers set limits by control groups, which `os.cpu_count()` and `/proc/meminfo` do not show. Sources: kernel documentation
admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1/memory.rst, scheduler/sched-bwc.rst.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

PROCESSORS_VARIABLE = "AUTOGRADER_PROCESSORS"  # how many to count on, where a platform shares them without saying so
CONTROL_GROUPS = Path("/sys/fs/cgroup")


def processors() -> float:
    """How many processors this process may keep busy: 0.5 in a container with half of one. At least 0.05."""
    quota = _quota(CONTROL_GROUPS)
    if quota == float("inf"):
        with contextlib.suppress(ValueError):
            quota = float(os.environ.get(PROCESSORS_VARIABLE, ""))
    return max(0.05, min(_allowed_processors(), quota))


def threads(most: int = 2) -> int:
    """Threads that a computation should use here: 1 … `most`."""
    return max(1, min(most, int(processors())))


def grading_processes(jobs: int) -> int:
    """How many keep these processors busy, at least 1 and at most `jobs`: a grader and its worker take turns, so a pair keeps one busy. With half
    as many again, a class without outcomes took as long, and one with them 5 % longer.
    """
    return max(1, min(int(processors()), jobs))


def _allowed_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(groups: Path) -> float:
    """Processor time per time that the control group allows; infinite where it sets no limit."""
    with contextlib.suppress(OSError, ValueError):  # version 2
        most, period = (groups / "cpu.max").read_text(encoding="ascii").split()
        return float("inf") if most == "max" else int(most) / int(period)
    with contextlib.suppress(OSError, ValueError):  # version 1
        quota, length = (int((groups / "cpu" / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return quota / length if quota > 0 else float("inf")
    return float("inf")


@dataclass(frozen=True)
class Memory:
    """Bytes. `limit`: of the container, or, where there is none, of the machine. `used`: what cannot be taken back, so without cached files.
    `killed`: how many processes the kernel has ended because the container had no memory left.
    """

    limit: int
    used: int
    killed: int = 0
    container: bool = True


def memory(groups: Path = CONTROL_GROUPS) -> Memory:
    """The memory of the container around this process; where there is none, that of this process and of those below it."""
    whole = psutil.virtual_memory().total
    found = _memory_of_group(groups)
    if found is not None and found.limit < whole:
        return found
    used = 0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            info = process.memory_full_info()
            used += getattr(info, "pss", info.uss)  # pages that several processes share are divided among them
    return Memory(whole, used, container=False)


def _memory_of_group(groups: Path) -> Memory | None:
    with contextlib.suppress(OSError, ValueError, KeyError):  # version 2
        limit = int((groups / "memory.max").read_text(encoding="ascii"))
        fields = _fields(groups / "memory.stat")
        killed = _fields(groups / "memory.events").get("oom_kill", 0)
        return Memory(limit, fields["anon"] + fields["shmem"], killed)
    with contextlib.suppress(OSError, ValueError, KeyError):  # version 1
        limit = int((groups / "memory" / "memory.limit_in_bytes").read_text(encoding="ascii"))
        fields = _fields(groups / "memory" / "memory.stat")
        killed = _fields(groups / "memory" / "memory.oom_control").get("oom_kill", 0)
        return Memory(limit, fields["total_rss"] + fields.get("total_shmem", 0), killed)
    return None


def _fields(path: Path) -> dict[str, int]:
    lines = (line.split() for line in path.read_text(encoding="ascii").splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}
