"""Layer "network": a seccomp filter without sockets, and without the calls by which a process reaches another one or the kernel's inside.

The filter is a list of refusals, so that libraries keep what they need; a call on it fails with EPERM, as for any unprivileged process, and clone3
with ENOSYS, upon which the C library uses clone, whose flags a filter can see. Calls by another architecture's numbers (32-bit, x32) fail
as a whole. Sources: kernel documentation userspace-api/seccomp_filter.rst; man-pages seccomp(2), prctl(2), syscalls(2).
"""

import contextlib
import ctypes
import errno
import os
import socket
import struct
from functools import cache

from autograder.sandbox.layers import kernel

# name: (number on x86-64, number on aarch64); None where the architecture does not have it
REFUSED = {
    # sockets; those that are open already keep send and recv
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendmsg": (46, 211), "sendmmsg": (307, 269), "recvmsg": (47, 212),
    "recvmmsg": (299, 243),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "kcmp": (312, 272), "pidfd_getfd": (438, 438), "move_pages": (279, 239),
    "migrate_pages": (256, 238), "perf_event_open": (298, 241),
    # namespaces, mounts, roots
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "mount_setattr": (442, 442), "move_mount": (429, 429), "open_tree": (428, 428),
    "open_tree_attr": (467, 467), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "fanotify_init": (300, 262), "statmount": (457, 457),
    "listmount": (458, 458),
    # memory and messages that outlive a process or that no limit counts
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195),
    "io_setup": (206, 0),  # its contexts are counted for the whole machine
    "flock": (73, 32),  # also of a file that it may only read, which others have too
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "mq_open": (240, 180), "mq_unlink": (241, 181),
    # the kernel's inside
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "personality": (135, 92), "modify_ldt": (154, None), "iopl": (172, None), "ioperm": (173, None), "uselib": (134, None),
    "lookup_dcookie": (212, 18), "nfsservctl": (180, 42), "syslog": (103, 116), "vhangup": (153, 58),
    # a session or group of its own: more than its share of processor time where the kernel shares by session, sched(7), and out of reach of killpg
    "setsid": (112, 157), "setpgid": (109, 154),
    # the machine
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162),
}  # fmt: skip

# Only where the worker shares its user with the grader, and nothing else keeps the two apart:
SAME_USER = {
    # signals and priorities of others; `kill` and the like are let through for the worker itself
    "tkill": (200, 130), "pidfd_send_signal": (424, 424), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
}  # fmt: skip
TO_ITSELF = {
    "kill": (62, 129), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "prlimit64": (302, 261),
}  # fmt: skip
METADATA = {
    # what Landlock does not govern
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "fchown": (93, 55),
    "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "utimensat": (280, 88),
    "futimesat": (261, None), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}  # fmt: skip

CLONE, CLONE3, IOCTL, FCNTL, MMAP = (56, 220), (435, 435), (16, 29), (72, 25), (9, 222)
NAMESPACES = (
    kernel.CLONE_NEWNS | kernel.CLONE_NEWCGROUP | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET
)  # fmt: skip
# ioctl: TIOCSTI and TIOCLINUX type into a terminal, FIOSETOWN and SIOCSPGRP have the kernel send a signal to another process
CONTROL = (0x5412, 0x541C, 0x8901, 0x8902)
SIGNAL_OWNER = (8, 10, 15)  # fcntl: F_SETOWN, F_SETSIG, F_SETOWN_EX do so too
LOCKS = (
    6,
    7,
    37,
    38,
    1024,
)  # fcntl: F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE, also of files that others have too
# mmap: MAP_SHARED | MAP_ANONYMOUS, whose pages stay when they leave a process's page table, where nobody counts them. Both bits, in MAP_PRIVATE none.
SHARED_ANONYMOUS = 0x01 | 0x20

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH of <linux/audit.h>

# Classic BPF, kernel documentation networking/filter.rst: (code, jump if true, jump if false, constant)
LOAD, EQUAL, AT_LEAST, ANY_BIT, MASK, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, FAIL = 0x7FFF0000, 0x00050000

Instruction = tuple[int, int, int, int]


def program(machine: str, process: int, same_user: bool, metadata: bool) -> bytes:
    """The filter for this architecture as BPF instructions. Raises KeyError for a machine whose numbers are not known here.

    `same_user`: also refuse signals to any process but `process`; `metadata`: also refuse chmod and the like.
    """
    column, architecture = ARCHITECTURES[machine]
    code: list[Instruction] = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), _fail(errno.EPERM)]
    code.append((LOAD, 0, 0, NUMBER))
    if machine == "x86_64":
        code += [(AT_LEAST, 0, 1, 0x40000000), _fail(errno.EPERM)]  # x32
    more = ((SAME_USER, same_user), (METADATA, metadata))
    refused = {**REFUSED, **{name: numbers for table, chosen in more if chosen for name, numbers in table.items()}}
    for numbers in refused.values():
        if (number := numbers[column]) is not None:
            code += [(EQUAL, 0, 1, number), _fail(errno.EPERM)]
    code += [(EQUAL, 0, 1, CLONE3[column]), _fail(errno.ENOSYS)]
    code += _when(CLONE[column], 0, [(ANY_BIT, 0, 1, NAMESPACES), _fail(errno.EPERM)])
    code += _when(IOCTL[column], 1, _fail_for(CONTROL))
    code += _when(FCNTL[column], 1, _fail_for((*LOCKS, *(SIGNAL_OWNER if same_user else ()))))
    shared = [(MASK, 0, 0, SHARED_ANONYMOUS), (EQUAL, 0, 1, SHARED_ANONYMOUS), _fail(errno.EPERM)]
    code += _when(MMAP[column], 3, shared)
    if same_user:
        for numbers in TO_ITSELF.values():
            code += _when(numbers[column], 0, [(EQUAL, 2, 0, process), (EQUAL, 1, 0, 0), _fail(errno.EPERM)])
    code.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _fail(number: int) -> Instruction:
    return (RETURN, 0, 0, FAIL | number)


def _fail_for(values: tuple[int, ...]) -> list[Instruction]:
    return [step for value in values for step in ((EQUAL, 0, 1, value), _fail(errno.EPERM))]


def _when(number: int, argument: int, steps: list[Instruction]) -> list[Instruction]:
    """`steps` with the low half of an argument loaded, for one system call; the call is allowed if none of them returns."""
    body: list[Instruction] = [(LOAD, 0, 0, ARGUMENTS + 8 * argument), *steps, (RETURN, 0, 0, ALLOW)]
    return [(EQUAL, 0, len(body), number), *body]


class _Program(ctypes.Structure):  # struct sock_fprog
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


@cache
def _loadable(machine: str, process: int, same_user: bool, metadata: bool) -> _Program:
    code = program(machine, process, same_user, metadata)
    return _Program(len(code) // 8, code)


def prepare() -> None:
    """Make the filter that most workers take, so that each finds it made."""
    if kernel.MACHINE in ARCHITECTURES:
        _loadable(kernel.MACHINE, 0, False, False)


def restrict(same_user: bool, metadata: bool) -> None:
    """Apply the filter to this process and all that it starts. Raises OSError where the kernel or the machine has none."""
    if kernel.MACHINE not in ARCHITECTURES:
        raise OSError(f"system calls on {kernel.MACHINE} are not known here")
    loadable = _loadable(kernel.MACHINE, os.getpid() if same_user else 0, same_user, metadata)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl_pointer(kernel.PR_SET_SECCOMP, 2, ctypes.byref(loadable))


# One call of each kind, with arguments with which it does nothing, and fails with something else than EPERM where it is not refused
TRIED = (
    ("socketpair", (-1, 0, 0, 0)), ("connect", (-1, 0, 0)), ("ptrace", (2, 0, 0, 0)), ("process_vm_readv", (0, 0, 0, 0, 0, 0)),
    ("unshare", (0,)), ("keyctl", (-1, 0, 0, 0, 0)), ("userfaultfd", (-1,)), ("io_uring_setup", (0, 0)), ("memfd_create", (0, -1)),
)  # fmt: skip


def probe() -> str:
    """What is missing from this layer, or "". Called in the worker."""
    for family in (socket.AF_UNIX, socket.AF_INET):
        with contextlib.suppress(OSError):
            socket.socket(family, socket.SOCK_DGRAM).close()
            return f"the worker can open a socket ({family.name})"
    column, _ = ARCHITECTURES[kernel.MACHINE]
    for name, arguments in TRIED:
        try:
            kernel.call(REFUSED[name][column], *map(ctypes.c_long, arguments), what=name)
        except PermissionError:
            continue
        except OSError:
            pass
        return f"the worker can call {name}"
    try:
        kernel.call(CLONE3[column], ctypes.c_long(0), ctypes.c_long(0), what="clone3")
    except OSError as error:
        if error.errno == errno.ENOSYS:
            return ""
    return "the worker can call clone3"
