"""The calls of the Linux kernel that Python's standard library does not offer. Each raises OSError where the kernel refuses, or is not Linux.

Sources: man-pages prctl(2), unshare(2), setns(2), mount(2), mount_setattr(2), pivot_root(2), capset(2), madvise(2).
"""

import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 36, 38, 39
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWTIME = 0x10000000, 0x20000000, 0x40000000, 0x00000080

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 32, 4096, 8192, 16384, 1 << 18
MNT_DETACH = 2
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
AT_FDCWD, AT_RECURSIVE = -100, 0x8000

MADV_COLLAPSE = 25

MOUNT_SETATTR = 442  # the same number on every architecture
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())

_CAPABILITY_HEADER = struct.pack("=Ii", 0x20080522, 0)  # version 3 of the interface, this process
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _on_linux(what: str) -> None:
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, f"{what}: only Linux has it")


def call(number: int | None, *arguments: object, what: str) -> int:
    """A system call by its number; `what` is its name, for the error."""
    _on_linux(what)
    if number is None:
        raise OSError(errno.ENOSYS, f"{what}: its number on {platform.machine()} is not known here")
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments), what)


def prctl(option: int, first: int = 0, second: int = 0) -> int:
    _on_linux("prctl")
    zero = ctypes.c_ulong(0)
    return _checked(_libc.prctl(option, ctypes.c_ulong(first), ctypes.c_ulong(second), zero, zero), "prctl")


def prctl_pointer(option: int, first: int, pointer: object) -> int:
    _on_linux("prctl")
    zero = ctypes.c_ulong(0)
    return _checked(_libc.prctl(option, ctypes.c_ulong(first), pointer, zero, zero), "prctl")


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name for new, empty ones."""
    _on_linux("unshare")
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    _on_linux("setns")
    _checked(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    _on_linux("mount")
    arguments = [ctypes.c_char_p(os.fsencode(text) or None) for text in (source, target, kind)]
    result = _libc.mount(*arguments, ctypes.c_ulong(flags), ctypes.c_char_p(options.encode() or None))
    _checked(result, f"mount on {target}")


def set_mount_attributes(target: str, attributes: int, recursive: bool) -> None:
    """Add attributes to a mount, and with `recursive` to all below it. Linux 5.12."""
    fields = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)  # set, clear, propagation, user namespace
    path, flags = ctypes.c_char_p(os.fsencode(target)), ctypes.c_uint(AT_RECURSIVE if recursive else 0)
    size = ctypes.c_size_t(ctypes.sizeof(fields))
    call(MOUNT_SETATTR, ctypes.c_int(AT_FDCWD), path, flags, fields, size, what=f"mount_setattr on {target}")


def unmount(target: str, flags: int = 0) -> None:
    _on_linux("umount2")
    _checked(_libc.umount2(ctypes.c_char_p(os.fsencode(target)), flags), f"umount2 of {target}")


def pivot_root(new: str, old: str) -> None:
    paths = [ctypes.c_char_p(os.fsencode(path)) for path in (new, old)]
    call(PIVOT_ROOT.get(MACHINE), *paths, what="pivot_root")


def advise(address: int, length: int, advice: int) -> None:
    _on_linux("madvise")
    _checked(_libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(length), advice), "madvise")


def set_capabilities_to_none() -> None:
    """Empty the effective, permitted and inheritable sets. capset(2)."""
    _on_linux("capset")
    _checked(_libc.capset(_CAPABILITY_HEADER, bytes(24)), "capset")
