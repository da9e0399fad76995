"""A memory control group for a lane, where the machine lets the grader make one: the kernel confines what all processes of a worker hold
together, whatever they do to be counted wrongly. Linux, Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.

The lane still counts ten times a second and kills at the limit itself; the group stands a little above it, for what is faster, or hidden.
A page belongs to the group that touched it first, so what a worker shares with the zygote is not its own.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox.folders import FILE_MEGABYTES

SLACK_MEGABYTES = 256  # page tables, the kernel's own, and what files that are read leave behind
NAME = "autograder-{grader}-{number}"


@dataclass(frozen=True)
class Version:
    """What the files of a group are called: of its limit, of that of swap, which is there where the kernel counts it, and of what happened."""

    limit: str
    swap: str
    endless: str  # says that there is no limit
    no_swap: str  # says that there is no swap; "" where the limit is of memory and swap together
    events: str  # with a line "oom_kill N"


VERSIONS = {
    "cgroup": Version("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "-1", "", "memory.oom_control"),
    "cgroup2": Version("memory.max", "memory.swap.max", "max", "0", "memory.events"),
}


class MemoryGroup:
    """One group, `folder`, which is made here. Raises OSError where that, or a limit, is not allowed; `close` takes it away."""

    def __init__(self, folder: Path, version: Version):
        self.folder, self.version = folder, version
        folder.mkdir(mode=0o700)
        try:
            self.limit(0)
        except OSError:
            self.close()
            raise

    def limit(self, megabytes: int) -> None:
        """What its processes may hold together, beside the files that they may write. Raises OSError."""
        count = str((megabytes + FILE_MEGABYTES + SLACK_MEGABYTES) << 20)
        swap = (self.folder / self.version.swap).exists()
        if swap:  # which may never be below the other limit
            self._write(self.version.swap, self.version.endless)
        self._write(self.version.limit, count)
        if swap:
            self._write(self.version.swap, self.version.no_swap or count)

    def _write(self, name: str, value: str) -> None:
        with open(self.folder / name, "r+", encoding="ascii") as file:  # never makes one
            file.truncate()
            file.write(value)

    def door(self) -> int:
        """A descriptor; a process that writes "0" to it enters the group, with all that it starts afterwards."""
        return os.open(self.folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)

    def inhabited(self) -> bool:
        return bool(self._read("cgroup.procs").strip())

    def killed(self) -> int:
        """How many of its processes the kernel has killed for want of memory."""
        lines = self._read(self.version.events).splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)

    def _read(self, name: str) -> str:
        with contextlib.suppress(OSError):  # somebody else took it away
            return (self.folder / name).read_text(encoding="ascii")
        return ""

    def close(self) -> None:
        with contextlib.suppress(OSError):  # one that holds a process stays, until _sweep
            self.folder.rmdir()


def new_group(number: int, proc: Path = Path("/proc")) -> MemoryGroup | None:
    """A group below one that this process may divide, or None where there is none. `proc`: where the kernel tells of itself."""
    for parent, version in _parents(proc):
        _sweep(parent)
        with contextlib.suppress(OSError):
            return MemoryGroup(parent / NAME.format(grader=os.getpid(), number=number), version)
    return None


def _parents(proc: Path) -> Iterator[tuple[Path, Version]]:
    """The group of this process in each hierarchy that may control memory, cgroups(7); and the topmost that is seen, as in a container."""
    try:
        own = [line.split(":", 2)[1:] for line in (proc / "self" / "cgroup").read_text().splitlines()]
        mounts = [line.split(" ") for line in (proc / "self" / "mounts").read_text().splitlines()]
    except OSError:  # no Linux
        return
    for _, place, kind, options, *_ in mounts:
        if kind == "cgroup2" or (kind == "cgroup" and "memory" in options.split(",")):
            for controllers, path in own:
                if controllers == "" if kind == "cgroup2" else "memory" in controllers.split(","):
                    yield Path(place, path.lstrip("/")), VERSIONS[kind]
                    yield Path(place), VERSIONS[kind]


def _sweep(parent: Path) -> None:
    """Take away the groups of graders that were killed."""
    with contextlib.suppress(OSError):
        for folder in parent.glob(NAME.format(grader="*", number="*")):
            grader = folder.name.split("-")[1]
            if grader.isdigit() and not os.path.exists(f"/proc/{grader}"):
                with contextlib.suppress(OSError):
                    folder.rmdir()
