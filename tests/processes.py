"""What several tests ask about processes."""

import time
from collections.abc import Sequence

import psutil


def still_alive(processes: Sequence[psutil.Process], timeout: float) -> list[psutil.Process]:
    """Those that still run after `timeout` seconds. A zombie is dead: when its entry goes is up to whoever inherited it, such as an init."""
    deadline = time.monotonic() + timeout
    while True:
        alive = [process for process in processes if _runs(process)]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.05)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
