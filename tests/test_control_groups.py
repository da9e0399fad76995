"""What a lane cannot count is confined by the kernel, where the grader may make control groups."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.limits import Limits
from autograder.sandbox.control_groups import PROCESSES, SLACK_MEGABYTES, ControlGroup, new_groups
from autograder.sandbox.failures import Died
from autograder.sandbox.folders import FILE_MEGABYTES
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox

SHARED = b"""
import mmap

def hold(megabytes):
    held = []
    for _ in range(megabytes // 16):
        block = mmap.mmap(-1, 16 << 20)
        for place in range(0, 16 << 20, mmap.PAGESIZE):
            block[place] = 1
        block.madvise(mmap.MADV_DONTNEED)  # out of the page table, and still there
        held.append(block)
    return len(held)
"""
BOMB = b"""
import os, time

def fork():
    while True:
        try:
            if os.fork() == 0:
                time.sleep(60)
        except OSError:
            return "no more"
"""
PROC = {
    "cgroup": (
        "8:pids:/\n4:memory:/jobs/7\n0::/\n",
        "cgroup {0}/p cgroup rw,pids 0 0\ncgroup {0}/m cgroup rw,memory 0 0\n",
    ),
    "cgroup2": ("0::/jobs/7\n", "cgroup2 {0}/m cgroup2 rw 0 0\n"),
}
FILES = {
    "cgroup": {"m": ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control"), "p": ("pids.max",)},
    "cgroup2": {"m": ("memory.max", "memory.swap.max", "memory.events", "pids.max"), "p": ()},
}
LIMIT = str((2048 + FILE_MEGABYTES + SLACK_MEGABYTES) << 20)


@pytest.fixture
def lane() -> Iterator[Lane]:
    """Of the layer "process" alone, in control groups."""
    with Sandbox(use=("process",)) as few, few.lane() as opened:
        if {control for group in opened.groups for control in group.controls} != {"memory", "pids"}:
            pytest.skip("this machine lets the grader make no control groups")
        yield opened


def test_shared_memory_that_nobody_can_count_is_confined(lane: Lane) -> None:
    """The layer "network", which would refuse it, is left out; the lane's count sees next to nothing."""
    for megabytes, survives in ((256, True), (1024, False), (256, True)):
        worker = lane.start({"work.py": SHARED}, Limits(memory_megabytes=512))
        module = worker.request("import", {"module": "work"}, keep=True)
        call = {"target": module, "path": "hold", "args": [megabytes], "kwargs": {}}
        if survives:
            assert worker.request("call", call) == megabytes // 16
            worker.close()
            continue
        with pytest.raises(Died, match="too much memory"):
            worker.request("call", call)
    assert lane.sandbox.most_used < 512 << 20
    folders = [group.folder for group in lane.groups]
    lane.close()
    assert len(folders) == 2
    assert not any(folder.exists() for folder in folders)


def test_processes_that_are_faster_than_the_lane_are_confined(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the machine is so busy that the lane comes to look too late. Root's processes have no other limit."""
    worker = lane.start({"work.py": BOMB}, Limits())
    group = next(group for group in lane.groups if "pids" in group.controls)
    module = worker.request("import", {"module": "work"}, keep=True)
    with contextlib.suppress(Died):  # the lane sees twice as many as it allows
        assert worker.request("call", {"target": module, "path": "fork", "args": [], "kwargs": {}}) == "no more"
    worker.close()
    most = group.folder / "pids.peak"  # since Linux 6.1 in version 2, 6.11 in version 1
    assert not most.exists() or int(most.read_text()) <= PROCESSES
    assert not group.inhabited()


def machine(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, allowed: bool = True) -> Path:
    """A /proc of a machine with control groups of this kind; a new group has its files where they are `allowed` to control something."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    groups, mounts = PROC[kind]
    (tmp_path / "proc" / "self" / "cgroup").write_text(groups)
    (tmp_path / "proc" / "self" / "mounts").write_text(mounts.format(tmp_path))
    (tmp_path / "m" / "jobs" / "7").mkdir(parents=True)
    (tmp_path / "p").mkdir()
    make, remove = Path.mkdir, Path.rmdir

    def mkdir(self: Path, mode: int = 0o777) -> None:
        make(self, mode)
        if self.is_relative_to(tmp_path):
            for name in (*FILES[kind][self.relative_to(tmp_path).parts[0]], "cgroup.procs") if allowed else ():
                (self / name).write_text("")

    def rmdir(self: Path) -> None:
        for file in self.iterdir():
            file.unlink()
        remove(self)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(Path, "rmdir", rmdir)
    return tmp_path / "proc"


@pytest.mark.parametrize("kind", PROC)
def test_groups_have_the_limits_of_their_version(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = new_groups(3, machine(tmp_path, kind, monkeypatch))
    by_control = {control: group for group in groups for control in group.controls}
    assert by_control.keys() == {"memory", "pids"}
    assert len(groups) == (2 if kind == "cgroup" else 1)
    memory, pids = by_control["memory"], by_control["pids"]
    assert memory.folder == tmp_path / "m" / "jobs" / "7" / f"autograder-{os.getpid()}-3"
    for group in groups:
        group.limit(2048)
    limit, swap, events = FILES[kind]["m"][:3]
    assert (memory.folder / limit).read_text() == LIMIT
    assert (memory.folder / swap).read_text() == ("0" if kind == "cgroup2" else LIMIT)
    assert (pids.folder / "pids.max").read_text() == str(PROCESSES)
    (memory.folder / events).write_text("low 4\noom 3\noom_kill 2\n")
    assert sum(group.killed() for group in groups) == 2
    assert not memory.inhabited()
    for group in groups:
        group.close()
        assert not group.folder.exists()
        assert group.killed() == 0


@pytest.mark.parametrize("kind", PROC)
def test_where_none_can_be_made_there_is_none(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a group whose parent does not hand its controllers on: nothing is left behind."""
    assert new_groups(3, machine(tmp_path, kind, monkeypatch, allowed=False)) == []
    assert not list(tmp_path.rglob("autograder-*"))
    assert new_groups(3, tmp_path / "no-linux") == []


def test_what_a_killed_grader_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc = machine(tmp_path, "cgroup2", monkeypatch)
    parent = tmp_path / "m" / "jobs" / "7"
    gone, alive = (
        parent / f"autograder-{2**22 + 1}-1",
        parent / "autograder-1-1",
    )  # no process has a larger number than 2²²
    gone.mkdir()
    alive.mkdir()
    assert new_groups(3, proc)
    assert not gone.exists()
    assert alive.exists()


def test_a_worker_that_cannot_enter_is_counted(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doors lead nowhere: the lane notices, and does without."""
    monkeypatch.setattr(ControlGroup, "door", lambda self: os.open(os.devnull, os.O_WRONLY))
    lane.start({}, Limits()).close()
    assert lane.groups == []
