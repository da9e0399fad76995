"""Namespaces of Linux: for each lane a tree of processes of its own, a view of the file system with Python and nothing of the grader, no network.

The zygote enters them before it imports torch, so that a worker costs no more than a private scratch folder. Root may always enter them; an ordinary
user through a user namespace, where the system allows those. They serve several layers: the process namespace lets a lane kill all of
a worker at once (process), the view makes Python readable for a user who could not reach it, because it lies in somebody's home (user), and shows
nothing else (files), and the empty network namespace has no interface (network).

Sources: man-pages namespaces(7), pid_namespaces(7), user_namespaces(7), mount_namespaces(7), pivot_root(2), proc(5), tmpfs(5).
"""

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable

from autograder.sandbox.layers import kernel, process
from autograder.sandbox.layers.files import DEVICES

MEMORY = "/submission"  # in the view: where each lane has a small file system in memory
SCRATCH = MEMORY + "/files"  # in it: the worker's copy of the submission, and the only folder that it can write

_own_processes = -1  # a descriptor of the zygote's own process namespace, once it is in one of its own
_size_of_memory = 0
has_view = False


def engaged() -> bool:
    """Whether this process or one above it has entered namespaces."""
    return _own_processes >= 0


def enter(
    network: bool, view: str, readable: Iterable[str], hidden: Iterable[str], afterwards: Callable[[], None]
) -> str:
    """Go on inside new namespaces; the process itself stays outside and waits, and a child of it returns from this call.

    `network`: leave the network. `view`: an empty folder on which the view is built from what is `readable` without what is `hidden`; "" for none.
    `afterwards` is called outside, when all that went inside has ended.
    Returns "" inside. Where the system forbids it, returns the reason, in the process itself, and nothing has changed.
    """
    reader, writer = os.pipe()
    outside = os.fork()
    if outside:
        os.close(writer)
        with open(reader, "rb") as pipe:
            reason = pipe.read().decode() or "the first process inside ended at once"
        if reason != "entered":
            os.waitpid(outside, 0)
            return reason
        os.waitpid(outside, 0)
        afterwards()
        os._exit(0)
    os.close(reader)
    try:
        process.die_with_parent()
        _unshare(network)
        inside = os.fork()
        if inside:
            os.close(writer)
            os.waitpid(inside, 0)
            os._exit(0)
        _settle(view, readable, hidden)
        os.write(writer, b"entered")
        os.close(writer)
        return ""
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(writer, (getattr(error, "strerror", None) or repr(error)).encode())
        os._exit(1)


def _unshare(network: bool) -> None:
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
    flags |= kernel.CLONE_NEWNET if network else 0
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        kernel.unshare(flags)
        return
    kernel.unshare(flags | kernel.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _settle(view: str, readable: Iterable[str], hidden: Iterable[str]) -> None:
    """In the first process of the namespace: build the view, and try once what every lane will do."""
    global _own_processes
    process.die_with_parent()
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    _own_processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    if view:
        build_view(view, readable, hidden)
    pid = fork()
    if pid == 0:
        try:
            settle_lane()
            os._exit(0)
        except OSError:
            os._exit(1)
    if os.waitpid(pid, 0)[1]:
        raise OSError("a process namespace cannot have a /proc of its own")


def fork() -> int:
    """os.fork(), into a process namespace of which the child is the init."""
    kernel.unshare(kernel.CLONE_NEWPID)  # for children only
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid:
            kernel.setns(_own_processes, kernel.CLONE_NEWPID)
    return pid


def settle_lane() -> None:
    """In the init of a lane's process namespace: a /proc that shows this namespace only, and to a worker of another user only the worker."""
    kernel.unshare(kernel.CLONE_NEWNS)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", "/proc", "proc", flags, "hidepid=2" if os.geteuid() == 0 else "")
    if has_view:
        _mount_memory()


# The view


def build_view(place: str, readable: Iterable[str], hidden: Iterable[str]) -> None:
    """Build on the empty folder `place` a file system that holds what is `readable`, without what is `hidden`; enter_view() makes it the root."""
    kernel.mount("tmpfs", place, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=1m")
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if os.path.islink("/" + name):
            os.symlink(os.readlink("/" + name), os.path.join(place, name))
    steps = [(path, True) for path in readable] + [(os.path.realpath(path), False) for path in hidden]
    for path, shown in sorted(steps, key=lambda step: step[0].count("/")):
        if shown:
            _show(path, place)
            _protect(place + path)
        elif os.path.exists(place + path):
            _hide(place + path)
    for path in DEVICES:
        _show(path, place)
    _show("/proc", place)
    for spelling in _spellings():
        _reproduce_links(spelling, place)
    os.makedirs(place + MEMORY)
    for path in ("/tmp", "/var/tmp", "/dev/shm"):
        if not os.path.lexists(place + path):
            os.makedirs(os.path.dirname(place + path), exist_ok=True)
            os.symlink(SCRATCH, place + path)


def add_to_view(place: str, readable: Iterable[str]) -> None:
    """Show what was found to be needed only after the view was built."""
    for path in readable:
        if not os.path.exists(place + path):
            with contextlib.suppress(OSError):
                _show(path, place)
                _protect(place + path)


def enter_view(place: str) -> None:
    """Make the view the root of this process and of all that it starts, and let go of the old one."""
    global has_view
    os.chdir(place)
    _protect(place, recursive=False)
    try:
        kernel.pivot_root(".", ".")  # in one place: the old root comes to lie on top of the new one (man page)
        kernel.unmount(".", kernel.MNT_DETACH)
    except OSError:  # where the root is an initial RAM file system, as on small virtual machines
        kernel.mount(".", "/", "", kernel.MS_MOVE)
        os.chroot(".")
    os.chdir("/")
    has_view = True


def fill_scratch(folder: int, user: int | None, room: int) -> None:
    """In a lane: make SCRATCH for one worker, with a copy of the open `folder` and `room` bytes for more. It belongs to `user` if that is given."""
    content = list(_read_folder(folder))
    _set_size_of_memory(room + sum(len(data) + 8192 for _, data in content))
    os.mkdir(SCRATCH, 0o700)
    for name, data in content:
        path = os.path.join(SCRATCH, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
    if user is not None:
        for path, _, files in os.walk(SCRATCH):
            for name in (".", *files):
                os.chown(os.path.join(path, name), user, user, follow_symlinks=False)


def empty_scratch() -> None:
    """In a lane, when the worker and all its processes are dead: remove what it has written, whatever that is."""
    with contextlib.suppress(OSError, RecursionError):
        shutil.rmtree(SCRATCH)
    if os.listdir(MEMORY):
        kernel.unmount(MEMORY, kernel.MNT_DETACH)
        _mount_memory()


def _mount_memory() -> None:
    global _size_of_memory
    _size_of_memory = 1 << 20
    options = f"mode=555,nr_inodes={process.MOST_FILES},size={_size_of_memory}"
    kernel.mount("tmpfs", MEMORY, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)


def _set_size_of_memory(size: int) -> None:
    global _size_of_memory
    if size != _size_of_memory:
        kernel.mount("none", MEMORY, "", kernel.MS_REMOUNT | kernel.MS_NOSUID | kernel.MS_NODEV, f"size={size}")
        _size_of_memory = size


def _read_folder(folder: int) -> Iterable[tuple[str, bytes]]:
    for path, _, files, descriptor in os.fwalk(".", dir_fd=folder, follow_symlinks=False):
        for name in files:
            with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=descriptor), "rb") as file:
                yield os.path.join(path, name), file.read()


def _show(path: str, place: str) -> None:
    """Bind `path` to the same place in the view."""
    target = place + path
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        os.makedirs(target, mode=0o755, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    kernel.mount(path, target, "", kernel.MS_BIND | kernel.MS_REC)


def _hide(target: str) -> None:
    if os.path.isdir(target):
        kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=64k")
    else:
        kernel.mount("/dev/null", target, "", kernel.MS_BIND)


def _protect(target: str, recursive: bool = True) -> None:
    """Read only, without set-user-id programs and without devices."""
    try:
        wanted = kernel.MOUNT_ATTR_RDONLY | kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV
        kernel.set_mount_attributes(target, wanted, recursive)
    except OSError:  # before Linux 5.12: this mount only, with the flags that it has already
        kept = os.statvfs(target).f_flag & (kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
        flags = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV | kept
        kernel.mount("none", target, "", kernel.MS_REMOUNT | kernel.MS_BIND | flags)


def _spellings() -> set[str]:
    """Paths by which Python names its folders, which may lead through symbolic links."""
    return {path for path in (sys.prefix, sys.base_prefix, sys.executable, *sys.path) if path.startswith("/")}


def _reproduce_links(path: str, place: str) -> None:
    """Make the symbolic links that lead to `path` exist in the view."""
    here, parts = "/", [part for part in path.split("/") if part]
    for _ in range(256):
        if not parts:
            return
        part = parts.pop(0)
        here = os.path.normpath(os.path.join(here, part))
        if os.path.islink(here):
            target = os.readlink(here)
            if not os.path.lexists(place + here):
                with contextlib.suppress(OSError):
                    os.makedirs(os.path.dirname(place + here), exist_ok=True)
                    os.symlink(target, place + here)
            parts = [part for part in target.split("/") if part] + parts
            here = "/" if target.startswith("/") else os.path.dirname(here)
