"""What confinement costs: the life of a worker at the highest level that the machine reaches, side by side with level "process"."""

import time
from pathlib import Path
from statistics import median

from autograder.limits import Limits
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox

WORKERS = 10  # that one submission of swiss_roll starts: one for each task, and some again
FILES = {"ddpm.py": b"import torch\n\nresult = torch.ones(3)\n", "network.py": b"import ddpm\n"}

Row = tuple[str, str, str]  # what, figure, bound


def run(pairs: int = 40) -> list[Row]:
    """Seconds from the request for a worker to its end, both levels in turn, so that whatever else the machine does falls on both alike."""
    with Sandbox(use=["process"]) as plain, Sandbox() as full, plain.lane() as below, full.lane() as above:
        differences, base = [], []
        for pair in range(pairs + 2):
            if pair % 2:
                slow, fast = _life(above), _life(below)
            else:
                fast, slow = _life(below), _life(above)
            if pair >= 2:
                differences.append(slow - fast)
                base.append(fast)
        reached = full.isolation
    added = median(differences)
    return [
        ("worker at level process: start, import, end", f"{median(base) * 1e3:.1f} ms", ""),
        (f"the same with {reached}", f"{added * 1e3:+.1f} ms", ""),
        (f"for a submission of {WORKERS} workers", f"{added * WORKERS * 1e3:+.0f} ms", "≤ 50 ms"),
    ]


def _life(lane: Lane) -> float:
    started = time.perf_counter()
    with lane.start(FILES, Limits()) as worker:
        worker.request("import", {"module": Path("network.py").stem}, keep=True)
    return time.perf_counter() - started
