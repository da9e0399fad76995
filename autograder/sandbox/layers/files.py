"""Layer "files": the worker reads Python, its libraries and the submission's copy, writes its scratch folder, and reaches no other file.

Landlock does it without privileges (kernel documentation userspace-api/landlock.rst; man-pages landlock(7)). Where the lane has a view of its own
(namespaces.py), nothing else is there to be found either. The grader's own packages and the repository are left out even where they lie
inside a folder that Python needs: its neighbours are allowed one by one. What Landlock does not govern (stat, chmod, utime) is left to the
view, to the user, or to the filter of network.py.
"""

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autograder.sandbox.layers import kernel

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in range(13, 16))
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # the rights that mean something for a file
RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # of the interface: how many of the above it knows
BIND_TCP, CONNECT_TCP = 1, 2  # version 4
SCOPE_ABSTRACT_UNIX_SOCKET, SCOPE_SIGNAL = 1, 2  # version 6

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_FIFO | MAKE_SYM | REFER | TRUNCATE

PARTS_OF_PYTHON = ("bin", "include", "lib", "lib64", "libexec", "share", "pyvenv.cfg")  # in sys.prefix and its like
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/sys/devices/system/cpu")
SETTINGS = ("alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types")  # in /etc
DEVICES = (
    "/dev/null",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
)  # not /dev/zero, whose shared mappings are memory that nobody counts
KERNEL = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/sys/vm/overcommit_memory")


@dataclass(frozen=True)
class Rule:
    path: str
    rights: int


def contains(folder: str, path: str) -> bool:
    """Whether `path` is `folder` or lies below it. Both without symbolic links."""
    return path == folder or path.startswith(folder.rstrip("/") + "/") or folder == "/"


def readable_paths(hidden: Iterable[str]) -> list[str]:
    """What student code needs to read, as paths without symbolic links: this Python with its packages, and the system's libraries.

    An entry of sys.path that belongs to what is hidden (an editable install of the grader) is left out; Python itself never is, also where its
    virtual environment lies in the hidden repository.
    """
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    python = {os.path.realpath(os.path.join(prefix, part)) for prefix in prefixes for part in PARTS_OF_PYTHON}
    hidden = [os.path.realpath(path) for path in hidden]
    others = {
        *SYSTEM,
        *(os.path.join("/etc", name) for name in SETTINGS),
        *filter(None, sys.path),
        *_folders_of_libraries(),
    }
    others = {path for path in map(os.path.realpath, others) if not any(contains(folder, path) for folder in hidden)}
    existing = {path for path in python | others if os.path.exists(path) and path != "/"}
    outermost = {path for path in existing if not any(other != path and contains(other, path) for other in existing)}
    in_hidden = {path for path in python & existing if any(contains(folder, path) for folder in hidden)}
    return sorted(outermost | in_hidden)


def _folders_of_libraries() -> set[str]:
    """Where the libraries lie that this process has mapped."""
    folders = set()
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            path = line.rstrip("\n").partition("/")[2]
            if ".so" in path:
                folders.add(os.path.dirname(os.path.realpath("/" + path)))
    return folders


def reading_rules(readable: Iterable[str], hidden: Iterable[str]) -> list[Rule]:
    """Rules that let `readable` be read, but not what is `hidden` inside of it."""
    hidden = [os.path.realpath(path) for path in hidden]
    rules = []
    listed = {os.path.realpath(path) for path in sys.path if path}
    for path in readable:
        for part, whole in _around(path, [other for other in hidden if contains(path, other)]):
            if whole:
                rules.append(Rule(part, READ))
            elif part in listed:
                rules.append(Rule(part, READ_DIR))  # `import` lists the folder
    return rules


def _around(path: str, hidden: list[str]) -> Iterator[tuple[str, bool]]:
    """(path, True) for what can be allowed as a whole, (path, False) for a folder that had to be opened because something hidden is inside."""
    if path in hidden:
        return
    if not any(contains(path, other) for other in hidden):
        yield path, True
        return
    yield path, False
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            if not entry.is_symlink():
                yield from _around(entry.path, hidden)


# Landlock


def landlock_version() -> int:
    """The version of the kernel's Landlock interface; 0 where there is none."""
    try:
        return kernel.call(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1), what="landlock_create_ruleset")
    except OSError:
        return 0


def _known_rights() -> int:
    version = landlock_version()
    return (1 << RIGHTS_BY_VERSION[min(version, 5)]) - 1 if version else 0


def fitted(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules that restrict() takes: `rules`, devices and some files of /proc, as far as they exist, with the rights that this kernel knows."""
    own = [Rule(path, READ_FILE) for path in (*KERNEL, *DEVICES)]
    own.append(Rule("/dev/null", READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV))
    found = []
    for rule in (*rules, *own):
        if os.path.exists(rule.path):
            rights = rule.rights & _known_rights() & (-1 if os.path.isdir(rule.path) else ON_FILES)
            found.append(Rule(rule.path, rights))
    return tuple(rule for rule in found if rule.rights)


def restrict(rules: Iterable[Rule], scratch: str) -> None:
    """Apply Landlock to this process: `rules` as fitted() gave them, /proc/self, and all rights inside `scratch`. Raises OSError where it cannot."""
    version, known = landlock_version(), _known_rights()
    if version == 0:
        raise OSError("the kernel does not offer Landlock")
    attributes = struct.pack("=Q", known)
    if version >= 4:
        attributes += struct.pack("=Q", BIND_TCP | CONNECT_TCP)
    if version >= 6:
        attributes += struct.pack("=Q", SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL)
    size, no_flags = ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
    ruleset = kernel.call(CREATE_RULESET, attributes, size, no_flags, what="landlock_create_ruleset")
    number, beneath = ctypes.c_int(ruleset), ctypes.c_int(1)
    for rule in (*rules, Rule("/proc/self", READ & known), Rule(scratch, WRITE & known)):
        try:
            descriptor = os.open(rule.path, os.O_PATH)
        except OSError:
            continue  # what is not there needs no rule
        fields = struct.pack("=Qi", rule.rights, descriptor)
        kernel.call(ADD_RULE, number, beneath, fields, no_flags, what="landlock_add_rule")
        os.close(descriptor)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.call(RESTRICT_SELF, number, no_flags, what="landlock_restrict_self")
    os.close(ruleset)


# Probes


def elsewhere() -> tuple[str, ...]:
    """Folders in which a worker must not be able to write, without symbolic links."""
    folders = ("/", "/tmp", "/var/tmp", "/dev/shm", os.path.dirname(os.__file__), *sys.path[-1:])
    return tuple({os.path.realpath(folder): None for folder in folders})


def probe(scratch: str, forbidden: Iterable[str], outside: Iterable[str]) -> str:
    """What is missing from this layer, or "". `forbidden`: files of the grader; `outside`: folders, see elsewhere(). Called in the worker."""
    for path in (*forbidden, "/etc/passwd", "/etc/shadow"):
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_RDONLY))
            return f"the worker can read {path}"
    for folder in (*outside, os.path.dirname(scratch)):
        if not contains(scratch, folder) and _can_write(folder):
            return f"the worker can write to {folder}"
    return "" if _can_write(scratch) else "the worker cannot write to its scratch folder"


def _can_write(folder: str) -> bool:
    path = os.path.join(folder, f".probe-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return False
    with contextlib.suppress(OSError):
        os.unlink(path)
    return True


def probe_imports(scratch: str) -> str:
    """Why student code could not be imported, or import what it needs, or "": modules not loaded yet must be found and read."""
    import torch

    library = os.path.dirname(os.__file__)
    try:
        for folder in (scratch, library, os.path.dirname(os.path.dirname(torch.__file__))):
            os.listdir(folder)
        for path in (os.path.join(library, "this.py"), torch.__file__):
            with open(path, "rb") as file:
                file.read(1)
    except OSError as error:
        return f"the worker cannot read {error.filename}: {error.strerror}"
    return ""
