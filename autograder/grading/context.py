"""What a training, judged as an outcome, gets to know."""

from collections.abc import Callable
from dataclasses import dataclass, field

from autograder.limits import Limits
from autograder.manifest import Manifest
from autograder.sandbox import machine
from autograder.sandbox.launcher import Sandbox


@dataclass(frozen=True)
class OutcomeContext:
    """One submission in one grading run. `untouched`: regions, by function name, that hold no work of the student."""

    manifest: Manifest
    sandbox: Sandbox
    files: dict[str, bytes]
    limits: Limits
    secret: bytes
    digest: str
    untouched: frozenset[str] = frozenset()
    images: dict[str, bytes] = field(default_factory=dict)  # that were handed in as samples
    checkpoint: bytes | None = None
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None
    on_wait: Callable[[], None] = lambda: None  # called now and then while nothing else happens
    threads: int = field(default_factory=machine.threads)
