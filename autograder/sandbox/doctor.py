"""`autograder doctor`: which isolation layers hold on this machine, found by trying them, and what a worker costs here."""

import os
import platform
import time
from dataclasses import dataclass
from statistics import median

import psutil
from rich.console import Console
from rich.table import Table

from autograder.limits import Limits
from autograder.sandbox import layers
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.layers import files, user

WORKERS = 7  # of which the median time is taken
PROBE = b"""
def private_memory():
    with open("/proc/self/smaps_rollup") as file:
        return 1024 * sum(int(line.split()[1]) for line in file if line.startswith("Private_"))
"""


@dataclass(frozen=True)
class Examination:
    """What was found. `problems`: for a layer that does not hold, why. Times in seconds, memory in bytes, None where it cannot be told."""

    reached: frozenset[str]
    problems: dict[str, str]
    why_no_namespaces: str
    versions: dict[str, str]
    zygote_memory: int
    worker_memory: int | None
    confined: frozenset[str]  # what control groups limit: memory, pids
    ready_after: float
    worker_after: float


def examine() -> Examination:
    """Start a sandbox and a few workers in it. Takes as long as `import torch`."""
    started = time.perf_counter()
    with Sandbox() as sandbox:
        ready_after = time.perf_counter() - started
        with sandbox.lane() as lane:
            seconds = [_seconds_to_start(lane) for _ in range(WORKERS)]
            worker_memory = _private_memory(lane)
            confined = frozenset().union(*(group.controls for group in lane.groups))
        return Examination(
            reached=sandbox.layers,
            problems=sandbox.problems,
            why_no_namespaces=sandbox.why_no_namespaces,
            versions=sandbox.versions,
            zygote_memory=_largest_below(os.getpid()),
            worker_memory=worker_memory,
            confined=confined,
            ready_after=ready_after,
            worker_after=median(seconds),
        )


def report(examination: Examination) -> None:
    """Print it as a table of layers, and the facts below."""
    console = Console()
    table = Table("layer", "holds", "how, or why not and how to get it", title="Isolation of student code")
    for layer in layers.LAYERS:
        if layer in examination.reached:
            table.add_row(layer, "yes", HOW[layer])
        else:
            why = examination.problems.get(layer, "it was not tried")
            table.add_row(layer, "no", f"{why[0].upper()}{why[1:]}. To get it, {layers.HOW_TO_GET[layer]}.")
    console.print(table)
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(examination):
        facts.add_row(name, value)
    console.print(facts)


HOW = {
    "process": "Own session and limits; the whole tree of processes dies with the worker.",
    "user": "A user of its own for each worker, without groups and capabilities.",
    "files": "Reads Python and the submission; writes one scratch folder of limited size.",
    "network": "No sockets; no calls that reach other processes or the kernel's inside.",
}


def _facts(examination: Examination) -> list[tuple[str, str]]:
    landlock = files.landlock_version()
    worker = "unknown" if examination.worker_memory is None else _megabytes(examination.worker_memory)
    groups = " and ".join(sorted(examination.confined)) or "none, so that memory and processes are counted ten times a second"
    level = [level for level in layers.LAYERS if layers.included(level, user.applies()) <= examination.reached]
    return [
        ("highest level", f"{level[-1]}   (autograder grade --require-isolation {level[-1]})"),
        ("namespaces", examination.why_no_namespaces or "a tree of processes and a view of the files for each lane"),
        ("Landlock", f"version {landlock}" if landlock else "none"),
        ("system", f"{platform.system()} {platform.release()} on {platform.machine()}, {os.cpu_count()} processors"),
        ("versions", ", ".join(f"{name} {version}" for name, version in examination.versions.items())),
        ("memory", f"{_megabytes(examination.zygote_memory)} once, with torch; each worker adds {worker}"),
        ("control groups", groups),
        (
            "time",
            f"{examination.ready_after:.1f} s once; {examination.worker_after * 1e3:.0f} ms for a fresh, confined worker",
        ),
    ]


def _seconds_to_start(lane: Lane) -> float:
    started = time.perf_counter()
    lane.start({}, Limits()).close()
    return time.perf_counter() - started


def _private_memory(lane: Lane) -> int | None:
    """What a worker has for itself after an import, as the kernel tells the worker; Linux only."""
    if platform.system() != "Linux":
        return None
    with lane.start({"probe.py": PROBE}, Limits()) as worker:
        module = worker.request("import", {"module": "probe"}, keep=True)
        value = worker.request("call", {"target": module, "path": "private_memory", "args": [], "kwargs": {}})
    return value if type(value) is int else None


def _largest_below(process: int) -> int:
    children = psutil.Process(process).children(recursive=True)
    return max((child.memory_info().rss for child in children), default=0)


def _megabytes(count: int) -> str:
    return f"{count / 2**20:.0f} MB"
