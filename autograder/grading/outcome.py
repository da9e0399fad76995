"""What an outcome is: a class `Outcome` in an assignment's `outcome.py`, that trains, samples or measures when its checks ask for it.

Its rule, the table [outcome] of the manifest, is a record that the assignment declares in `rule.py`; see autograder/outcome_rule.py.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from autograder.limits import Limits
from autograder.manifest import Manifest, OutcomePolicy
from autograder.outcome_rule import OutcomeRule
from autograder.sandbox import machine
from autograder.sandbox.launcher import Sandbox
from autograder.verdict import Figure, Notice

Rule = TypeVar("Rule", bound=OutcomeRule)


@dataclass(frozen=True)
class OutcomeContext:
    """One submission in one grading run. `untouched`: regions that hold no work of the student."""

    manifest: Manifest
    sandbox: Sandbox
    files: dict[str, bytes]
    limits: Limits
    secret: bytes
    digest: str
    untouched: frozenset[str] = frozenset()
    images: dict[str, bytes] = field(default_factory=dict)  # that were handed in as samples
    checkpoint: bytes | None = None
    weights: dict[str, bytes] = field(default_factory=dict)  # of trained models, by their names in the manifest
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None
    on_wait: Callable[[], None] = lambda: None  # called now and then while nothing else happens
    outcome: OutcomePolicy = "own"
    threads: int = field(default_factory=machine.threads)

    def rule(self, kind: type[Rule]) -> Rule:
        """The rule of the manifest, as the record that its assignment declares."""
        rule = self.manifest.outcome
        assert isinstance(rule, kind)
        return rule


class Outcome(Protocol):
    """Made for every grading run in which a task of kind "outcome" is judged, and given to its checks as the argument `outcome`.

    What the checks call is the assignment's own affair; this is what a grading calls.
    """

    def __init__(self, context: OutcomeContext) -> None: ...

    def start(self) -> None:
        """Begin now, in the background, what takes long; not called on a machine with one processor. May do nothing."""

    def figures(self) -> Sequence[Figure]:
        """Pictures for the report, after the last check. What it raises costs no points."""

    def notices(self) -> Sequence[Notice]:
        """What is to be said beside the checks, after the last one."""

    def close(self) -> None:
        """End whatever is still running. Called once, however the grading ended."""


def make_outcome(context: OutcomeContext) -> Outcome:
    """The outcome of the assignment of `context`."""
    module = importlib.import_module(f"autograder.assignments.{context.manifest.id}.outcome")
    return module.Outcome(context)
