"""What to say of code that ran out of time, without reading that code in the grader's own process."""

from collections.abc import Mapping, Sequence
from typing import Any

from autograder import timeouts
from autograder.submission.bounded import bounded
from autograder.submission.rules import Refused


def late(requests: Sequence[Mapping[str, Any]], files: Mapping[str, bytes], seconds: float) -> str:
    """As timeouts.late, by a reader with limits: a file may take long, or much memory, to parse."""
    code = {name: content for name, content in files.items() if name.endswith(".py")}
    try:
        return bounded("Your code", str, timeouts.late, requests, code, seconds)
    except Refused:
        return (
            f"Your code did not finish within {seconds:g} seconds and was stopped; it also takes too long to read, "
            "so look for what is repeated or nested thousands of times in it."
        )
