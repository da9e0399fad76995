"""The isolation layers. A worker applies them to itself, then tries each from inside, and reports which ones hold, before it reads student code.

    process   a session of its own, nothing inherited, resource limits, death of the whole tree     everywhere
    user      as root: a user of its own without privileges                                         Linux, started as root
    files     reads Python and the submission, writes one scratch folder                            Linux with Landlock or namespaces
    network   no sockets, no reach for other processes or the kernel                                Linux on x86-64 or aarch64

A level is named after its highest layer and includes those before it, see `included`.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autograder.sandbox.layers import files, namespaces, network, process, user

LAYERS = ("process", "user", "files", "network")
HOW_TO_GET = {
    "process": "run the grader on Linux or macOS",
    "user": "start the grader as root on Linux, for instance in a container",
    "files": "use Linux 5.13 or newer with Landlock (`landlock` in lsm= on the kernel's command line), or start the grader as root",
    "network": "use Linux on x86-64 or aarch64 with seccomp filters",
}


def included(level: str, root: bool) -> frozenset[str]:
    """The layers that a level consists of. An ordinary user has nobody else to become: for them "files" and "network" do without "user"."""
    upto = LAYERS[: LAYERS.index(level) + 1]
    return frozenset(layer for layer in upto if layer != "user" or root or level == "user")


def ordered(layers: frozenset[str]) -> tuple[str, ...]:
    return tuple(layer for layer in LAYERS if layer in layers)


@dataclass
class Plan:
    """What a zygote knows and its workers need; filled before the first worker is started."""

    forbidden: tuple[str, ...] = ()  # files of the grader, that no worker may read
    rules: tuple[files.Rule, ...] = ()  # what Landlock lets workers read
    outside: tuple[str, ...] = ()  # folders in which no worker may write
    base: dict[str, int] = field(default_factory=dict)  # memory of a fresh worker


plan = Plan()


@dataclass(frozen=True)
class Report:
    """What a worker found: the layers that hold, why others do not, and why student code could not import, or ""."""

    layers: tuple[str, ...]
    problems: dict[str, str]
    imports: str


def user_of(settings: dict[str, Any]) -> int | None:
    """The number of the user that a worker with these settings becomes, if it does."""
    return settings["user"] if "user" in settings["layers"] and user.applies() else None


def make_scratch(settings: dict[str, Any], folder: int) -> str:
    """In the lane, before a worker is started: the folder with its own copy of the submission, which is open as `folder`."""
    number = user_of(settings)
    if namespaces.has_view:
        namespaces.fill_scratch(folder, number, settings["file_megabytes"] << 20)
        return namespaces.SCRATCH
    if number is not None:
        user.own(folder, number)
    return os.path.realpath(settings["folder"])


def confine(settings: dict[str, Any], scratch: str, channel: int, output: int) -> Report:
    """Apply the layers that `settings` asks for to this process, and try them. Only `channel` stays open, beside 0, 1 and 2.

    Settings: "layers"; "user", the number to become; "grader", its process number; "rehearsal", whether to see if student code could
    import; and the limits.
    A layer that cannot be applied, or that does not hold when it is tried, is among the problems of the report, with the reason.
    """
    wanted, parent = settings["layers"], os.getppid()
    problems = {"user": "the grader does not run as root"} if "user" in wanted and not user.applies() else {}
    number = user_of(settings)
    process.detach(output)
    os.chdir(scratch)
    process.close_descriptors(channel)
    processes = process.most_processes(number, namespaces.engaged())
    process.set_limits(settings, plan.base, processes)

    if number is not None:
        _apply("user", lambda: user.become(number), problems)
    changed = number is not None and "user" not in problems
    if changed or os.geteuid() != 0 or len(wanted) > 1:
        with contextlib.suppress(OSError):  # as always, the probe tells
            user.drop_capabilities()
    process.die_with_parent()
    if os.getppid() != parent:
        os._exit(0)  # the lane ended before this process could ask to die with it
    process.gain_nothing()
    if "files" in wanted:
        _apply("files", lambda: files.restrict(plan.rules, scratch), problems, unless=namespaces.has_view)
    if "network" in wanted:
        apart = changed or namespaces.engaged()  # from the processes of the grader
        signals = apart or ("files" in wanted and "files" not in problems and files.landlock_version() >= 6)
        own_files = changed or namespaces.has_view
        _apply("network", lambda: network.restrict(not signals, not own_files), problems)

    probes: dict[str, Callable[[], str]] = {
        "process": lambda: process.probe(channel, processes),
        "user": lambda: user.probe(settings["user"], parent, 0 if namespaces.engaged() else settings["grader"]),
        "files": lambda: files.probe(scratch, plan.forbidden, plan.outside),
        "network": network.probe,
    }
    for layer in ordered(frozenset(wanted)):
        if layer not in problems and (reason := probes[layer]()):
            problems[layer] = reason
    imports = files.probe_imports(scratch) if settings["rehearsal"] else ""
    return Report(ordered(frozenset(wanted) - problems.keys()), problems, imports)


def _apply(layer: str, function: Callable[[], None], problems: dict[str, str], unless: bool = False) -> None:
    """Run `function`; a refusal is a problem of the layer, `unless` something else does the same."""
    try:
        function()
    except OSError as error:
        if not unless:
            problems[layer] = str(error)
