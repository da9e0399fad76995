"""How long a check, a task or a submission may take in all."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """When a check, a task or a submission has had its time. `ends`: on the clock of time.monotonic()."""

    what: str  # "one check may take"
    seconds: float
    ends: float

    @classmethod
    def start(cls, what: str, seconds: float, already: float = 0.0) -> "Clock":
        """One that runs out in `seconds`, of which some have been used `already`."""
        return cls(what, seconds, time.monotonic() + seconds - already)

    def over(self) -> bool:
        return time.monotonic() >= self.ends

    def sentence(self) -> str:
        return (
            f"Your code was still running when the {self.seconds:g} seconds were over that {self.what}; "
            "look for what waits, or is done again and again."
        )
