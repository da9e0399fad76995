"""A limit on the memory of the grader itself, while it judges: what a submission makes it hold must cost that submission, and not the class.

The limit is RLIMIT_DATA of Linux, man-pages getrlimit(2): beyond it an allocation fails, and Python raises MemoryError. Elsewhere there is none.
"""

import contextlib
import resource
import sys
from collections.abc import Iterator

from autograder.sandbox.layers import process

GRADER_MEGABYTES = 2048  # beyond what the grader holds when a check begins; the solution needs some 100


@contextlib.contextmanager
def limited(megabytes: int = GRADER_MEGABYTES) -> Iterator[None]:
    """So much more private memory than now may this process take, until the context ends. What is started meanwhile inherits it, see lift()."""
    now = process.sizes()["VmData"]
    if sys.platform != "linux" or not now:
        yield
        return
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    known = [limit for limit in (before, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([now + (megabytes << 20), *known]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))


def lift() -> None:
    """For a program that the grader starts while it is limited, and that handles its own images or weights, not a worker's answers."""
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
