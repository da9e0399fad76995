"""Control groups for a lane, where the machine lets the grader make some: the kernel confines what all processes of a worker hold together,
and how many they are, whatever they do to be counted wrongly. Linux, Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.

The lane still counts ten times a second and kills at the limit itself; the groups stand a little above it, for what is faster, or hidden.
A page belongs to the group that touched it first, so what a worker shares with the zygote is not its own.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox.folders import FILE_MEGABYTES
from autograder.sandbox.layers.process import MOST_PROCESSES

SLACK_MEGABYTES = 256  # page tables, the kernel's own, and what files that are read leave behind
PROCESSES = 3 * MOST_PROCESSES  # and threads; the lane kills at twice as many
NAME = "autograder-{grader}-{number}"


@dataclass(frozen=True)
class Version:
    """What the files of a memory group are called: of its limit, of that of swap, which is there where the kernel counts it, of events."""

    limit: str
    swap: str
    endless: str  # says that there is no limit
    no_swap: str  # says that there is no swap; "" where the limit is of memory and swap together
    events: str  # with a line "oom_kill N"


VERSIONS = {
    "cgroup": Version("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "-1", "", "memory.oom_control"),
    "cgroup2": Version("memory.max", "memory.swap.max", "max", "0", "memory.events"),
}


class ControlGroup:
    """One group, `folder`, which is made here, and limits those of `controls` that it can: "memory", "pids". Raises OSError where it can
    limit nothing; `close` takes it away.
    """

    def __init__(self, folder: Path, version: Version, controls: frozenset[str]):
        self.folder, self.version, self.controls = folder, version, controls
        folder.mkdir(mode=0o700)
        for control in sorted(controls):
            try:
                self._limit(control, 0)
            except OSError:
                self.controls -= {control}
        if not self.controls:
            self.close()
            raise OSError(f"{folder} controls nothing")

    def limit(self, megabytes: int) -> None:
        """What its processes may hold together, beside the files that they may write, where it controls memory. Raises OSError."""
        for control in sorted(self.controls):
            self._limit(control, megabytes)

    def _limit(self, control: str, megabytes: int) -> None:
        if control == "pids":
            self._write("pids.max", str(PROCESSES))
            return
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
        lines = self._read(self.version.events).splitlines() if "memory" in self.controls else []
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)

    def _read(self, name: str) -> str:
        with contextlib.suppress(OSError):  # somebody else took it away
            return (self.folder / name).read_text(encoding="ascii")
        return ""

    def close(self) -> None:
        with contextlib.suppress(OSError):  # one that holds a process stays, until _sweep
            self.folder.rmdir()


def new_groups(number: int, proc: Path = Path("/proc")) -> list[ControlGroup]:
    """Groups below those that this process may divide: for memory and for the number of processes, in one or in two hierarchies, or
    none. `proc`: where the kernel tells of itself.
    """
    found: list[ControlGroup] = []
    wanted = frozenset({"memory", "pids"})
    for parent, version, controls in _parents(proc):
        if controls & wanted:
            _sweep(parent)
            with contextlib.suppress(OSError):
                folder = parent / NAME.format(grader=os.getpid(), number=number)
                found.append(ControlGroup(folder, version, controls & wanted))
                wanted -= found[-1].controls
    return found


def _parents(proc: Path) -> Iterator[tuple[Path, Version, frozenset[str]]]:
    """The group of this process in each hierarchy, cgroups(7), and the topmost that is seen, as in a container; what each may control."""
    try:
        own = [line.split(":", 2)[1:] for line in (proc / "self" / "cgroup").read_text().splitlines()]
        mounts = [line.split(" ") for line in (proc / "self" / "mounts").read_text().splitlines()]
    except OSError:  # no Linux
        return
    for _, place, kind, options, *_ in mounts:
        if kind not in VERSIONS:
            continue
        mounted = frozenset({"memory", "pids"}) & ({"memory", "pids"} if kind == "cgroup2" else {*options.split(",")})
        for controllers, path in own:
            if controllers == "" if kind == "cgroup2" else mounted & {*controllers.split(",")}:
                yield Path(place, path.lstrip("/")), VERSIONS[kind], mounted
                yield Path(place), VERSIONS[kind], mounted


def _sweep(parent: Path) -> None:
    """Take away the groups of graders that were killed."""
    with contextlib.suppress(OSError):
        for folder in parent.glob(NAME.format(grader="*", number="*")):
            grader = folder.name.split("-")[1]
            if grader.isdigit() and not os.path.exists(f"/proc/{grader}"):
                with contextlib.suppress(OSError):
                    folder.rmdir()
