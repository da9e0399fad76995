"""What one submission may use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The clocks run by the wall; what is judged before one of them has run out counts."""

    seconds_per_call: float = 20.0
    seconds_training: float = 600.0
    seconds_per_check: float = 100.0  # the solution takes about 1 on a busy machine
    seconds_per_task: float = 200.0  # all checks of behaviour of a task; the solution takes about 3
    seconds_per_submission: float = 3600.0  # trainings included
    memory_megabytes: int = 2048
    output_kilobytes: int = 64
