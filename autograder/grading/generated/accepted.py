"""Survivors that are known and accepted: ACCEPTED in an assignment's `accepted.py`, if it has one."""

import importlib
import importlib.util
from dataclasses import dataclass

from autograder.grading.generated.drawing import Mutant
from autograder.manifest import Manifest


@dataclass(frozen=True)
class Accepted:
    """A change that no check of behaviour should see. `before` and `after`: the changed lines as in the diff, without their margins; ()
    stands for any, for both where the whole region is the student's own design.
    """

    region: str  # as in the manifest
    before: tuple[str, ...]
    after: tuple[str, ...]
    why: str

    def covers(self, mutant: Mutant) -> bool:
        return self.region == mutant.region and self.before in ((), mutant.before) and self.after in ((), mutant.after)


def accepted(manifest: Manifest) -> tuple[Accepted, ...]:
    """What the assignment accepts; () where it has no such file."""
    name = f"autograder.assignments.{manifest.id}.accepted"
    if importlib.util.find_spec(name) is None:
        return ()
    found: tuple[Accepted, ...] = importlib.import_module(name).ACCEPTED
    return found
