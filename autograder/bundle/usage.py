"""How close a run comes to the limits of its container."""

import threading
import time

from autograder.sandbox import machine

WATCH_SECONDS = 0.25


class Usage:
    """Watches memory in a thread of its own from the moment it is made. `seconds`: since `started` of time.monotonic()."""

    def __init__(self, started: float, seconds_limit: float, memory_limit: int):
        self.started, self.seconds_limit, self.memory_limit = started, seconds_limit, memory_limit
        self.most_memory = 0
        self.killed_before = machine.memory().killed
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def close(self) -> None:
        self._ended.set()

    def facts(self) -> dict[str, str]:
        """What the report says of it, by name."""
        found = machine.memory()
        self.most_memory = max(self.most_memory, found.used)
        facts = {
            "time used": f"{self.seconds:.0f} of {self.seconds_limit:.0f} s ({self.seconds / self.seconds_limit:.0%})",
            "memory used": f"at most {self.most_memory >> 20} of {self.memory_limit >> 20} MB ({self.most_memory / self.memory_limit:.0%})",
        }
        if killed := found.killed - self.killed_before:
            facts["out of memory"] = (
                f"{killed} {'process was' if killed == 1 else 'processes were'} ended by the system"
            )
        return facts

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_SECONDS):
            self.most_memory = max(self.most_memory, machine.memory().used)
