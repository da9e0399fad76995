"""Layer "user": as root, the worker becomes a user that nobody else is, without groups, capabilities, or a way to get them back.

Each worker draws its own number for user and group, from a range that systemd's UIDS-GIDS.md lists as unused (1879048192 … 2147352575), or,
where a container maps only 65536 numbers, from 30000 … 59999. Capabilities: man-pages capabilities(7), capset(2); no_new_privs: kernel documentation
userspace-api/no_new_privs.rst.
"""

import contextlib
import os
import secrets
import sys

from autograder.sandbox.layers import kernel

LARGE, SMALL = range(0x70000000, 0x7FFE0000), range(30000, 60000)


def applies() -> bool:
    """Only root can become somebody else."""
    return sys.platform == "linux" and os.geteuid() == 0


def unused_id() -> int:
    """A number for a user and a group that is mapped here and that no account has (with near certainty: the range is large)."""
    import pwd

    mapped = []
    with contextlib.suppress(OSError), open("/proc/self/uid_map", encoding="ascii") as file:
        mapped = [tuple(map(int, line.split())) for line in file]
    whole = any(first <= LARGE[0] and LARGE[-1] < first + count for first, _, count in mapped)
    candidates = LARGE if whole or not mapped else SMALL
    while True:
        number = candidates[secrets.randbelow(len(candidates))]
        try:
            pwd.getpwuid(number)
        except KeyError:
            return number


def own(folder: int, number: int) -> None:
    """Give an open folder and what is in it to a user."""
    for _, directories, files, descriptor in os.fwalk(".", dir_fd=folder, follow_symlinks=False):
        for name in directories + files:
            os.chown(name, number, number, dir_fd=descriptor, follow_symlinks=False)
    os.chown(folder, number, number)


def become(number: int) -> None:
    """Become the user and group `number`, for ever."""
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)


def drop_bounding_set() -> None:
    """Without them in the bounding set, no program that this process or its children start can get capabilities. Said once, in the lane."""
    for capability in range(64):
        try:
            kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
        except OSError:
            return  # the kernel knows no more of them, or this process may not


def drop_capabilities() -> None:
    with contextlib.suppress(OSError):
        kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
    kernel.set_capabilities_to_none()


def capabilities() -> dict[str, int]:
    """CapInh, CapPrm, CapEff, CapBnd and CapAmb of this process, from /proc/self/status."""
    descriptor = os.open("/proc/self/status", os.O_RDONLY)
    lines = [line.split() for line in os.read(descriptor, 1 << 16).decode().splitlines() if line.startswith("Cap")]
    os.close(descriptor)
    return {name.rstrip(":"): int(value, 16) for name, value in lines}


def probe(number: int, parent: int, grader: int) -> str:
    """What is missing from this layer, or "". `parent`, `grader`: processes that must be out of reach. Called in the worker."""
    if os.getresuid() != (number,) * 3 or os.getresgid() != (number,) * 3:
        return f"the worker still runs as user {os.getuid()}"
    if os.getgroups():
        return "the worker still has supplementary groups"
    held = {name: value for name, value in capabilities().items() if value}
    if held:
        return f"the worker still has capabilities ({', '.join(held)})"
    with contextlib.suppress(OSError):
        os.setuid(0)
        return "the worker could become root again"
    for process in (parent, grader):
        with contextlib.suppress(OSError):
            if process > 0:
                os.kill(process, 0)
                return "the worker can send signals to the grader"
        with contextlib.suppress(OSError):
            os.close(os.open(f"/proc/{process}/environ", os.O_RDONLY))
            return "the worker can read the environment of the grader"
    return ""
