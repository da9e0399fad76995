"""Memory that a lane cannot count is confined by the kernel, where the grader may make a control group."""

import os
from pathlib import Path

import pytest

from autograder.limits import Limits
from autograder.sandbox.failures import Died
from autograder.sandbox.folders import FILE_MEGABYTES
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.memory_group import SLACK_MEGABYTES, MemoryGroup, new_group

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
PROC = {
    "cgroup": ("4:memory:/jobs/7\n1:cpu:/\n0::/\n", "cgroup {0} cgroup rw,memory 0 0\n"),
    "cgroup2": ("0::/jobs/7\n", "cgroup2 {0} cgroup2 rw 0 0\n"),
}
FILES = {
    "cgroup": ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control", "cgroup.procs"),
    "cgroup2": ("memory.max", "memory.swap.max", "memory.events", "cgroup.procs"),
}


def test_shared_memory_that_nobody_can_count_is_confined() -> None:
    """The layer "network", which would refuse it, is left out; the lane's count sees next to nothing."""
    with Sandbox(use=("process",)) as sandbox, sandbox.lane() as lane:
        if lane.group is None:
            pytest.skip("this machine lets the grader make no control group of memory")
        folder = lane.group.folder
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
        assert sandbox.most_used < 512 << 20
        assert lane.group is not None
    assert not folder.exists()


def machine(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, allowed: bool = True) -> Path:
    """A /proc of a machine with control groups of this kind; a new group has its files where it is `allowed` to control memory."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    groups, mounts = PROC[kind]
    (tmp_path / "proc" / "self" / "cgroup").write_text(groups)
    (tmp_path / "proc" / "self" / "mounts").write_text(mounts.format(tmp_path / "groups"))
    (tmp_path / "groups" / "jobs" / "7").mkdir(parents=True)
    make, remove = Path.mkdir, Path.rmdir

    def mkdir(self: Path, mode: int = 0o777) -> None:
        make(self, mode)
        for name in FILES[kind] if allowed else ():
            (self / name).write_text("")

    def rmdir(self: Path) -> None:
        for file in self.iterdir():
            file.unlink()
        remove(self)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(Path, "rmdir", rmdir)
    return tmp_path / "proc"


@pytest.mark.parametrize("kind", PROC)
def test_a_group_has_the_limits_of_its_version(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = new_group(3, machine(tmp_path, kind, monkeypatch))
    assert isinstance(group, MemoryGroup)
    assert group.folder == tmp_path / "groups" / "jobs" / "7" / f"autograder-{os.getpid()}-3"
    group.limit(2048)
    memory, swap, events, _ = FILES[kind]
    count = str((2048 + FILE_MEGABYTES + SLACK_MEGABYTES) << 20)
    assert (group.folder / memory).read_text() == count
    assert (group.folder / swap).read_text().endswith("0" if kind == "cgroup2" else count)
    (group.folder / events).write_text("low 4\noom 3\noom_kill 2\n")
    assert group.killed() == 2
    assert not group.inhabited()
    group.close()
    assert not group.folder.exists()
    assert group.killed() == 0


@pytest.mark.parametrize("kind", PROC)
def test_where_none_can_be_made_there_is_none(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a group whose parent does not hand the controller on: nothing is left behind."""
    assert new_group(3, machine(tmp_path, kind, monkeypatch, allowed=False)) is None
    assert not list((tmp_path / "groups").rglob("autograder-*"))
    assert new_group(3, tmp_path / "no-linux") is None


def test_what_a_killed_grader_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc = machine(tmp_path, "cgroup2", monkeypatch)
    parent = tmp_path / "groups" / "jobs" / "7"
    gone, alive = parent / f"autograder-{2**22 + 1}-1", parent / "autograder-1-1"  # no process has a larger number than 2²²
    gone.mkdir()
    alive.mkdir()
    assert new_group(3, proc) is not None
    assert not gone.exists()
    assert alive.exists()


def test_a_worker_that_cannot_enter_is_counted(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The door leads nowhere: the lane notices, and does without."""
    with sandbox.lane() as lane:
        if lane.group is None:
            pytest.skip("this machine lets the grader make no control group of memory")
        monkeypatch.setattr(MemoryGroup, "door", lambda self: os.open(os.devnull, os.O_WRONLY))
        lane.start({}, Limits()).close()
        assert lane.group is None
