"""All mutants of an assignment, judged in processes, and what that says of its rubric."""

import datetime
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from autograder.grading.generated.drawing import Mutant
from autograder.grading.generated.trial import Batch, Outcome, perform
from autograder.grading.pool import run_jobs

BATCH = 25
KILLED = ("killed", "also elsewhere", "only elsewhere")
EQUAL = ("equal", "equal in law", "equal where answered")
LEAST_KILLED, LEAST_RIGHT = 0.995, 0.99


@dataclass
class Campaign:
    """The outcomes, in the order of the mutants."""

    assignment: str
    seed: int
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    def of(self, *kinds: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.kind in kinds]

    @property
    def kinds(self) -> Counter[str]:
        return Counter(outcome.kind for outcome in self.outcomes)

    @property
    def judged(self) -> int:
        """The mutants that ought to lose points in one task: all but equal and accepted ones, and those with which their file cannot be
        imported, so that all its tasks are lost, as with one that does not compile.
        """
        return len(self.outcomes) - len(self.of(*EQUAL, "accepted", "does not import"))

    @property
    def kill_rate(self) -> float:
        return len(self.of(*KILLED)) / self.judged if self.judged else 1.0

    @property
    def right_task_rate(self) -> float:
        """The share of the killed ones that lose points in their own task, and there only."""
        killed = len(self.of(*KILLED))
        return len(self.of("killed")) / killed if killed else 1.0

    @property
    def falls_short(self) -> list[str]:
        """Why the rubric does not hold, a sentence each."""
        problems = [f"The grader failed on {outcome.mutant.id}: {outcome.message}" for outcome in self.of("grader failed")]
        if self.kill_rate < LEAST_KILLED:
            problems.append(f"Only {self.kill_rate:.2%} of the mutants are killed; at least {LEAST_KILLED:.1%} must be.")
        if self.right_task_rate < LEAST_RIGHT:
            problems.append(f"Only {self.right_task_rate:.2%} lose points in their own task alone; at least {LEAST_RIGHT:.0%} must.")
        return problems


def batches(mutants: Sequence[Mutant]) -> list[Batch]:
    """Jobs of at most BATCH mutants of one region of one right version, the largest first."""
    groups: dict[tuple[str, str, str], list[Mutant]] = {}
    for mutant in mutants:
        groups.setdefault((mutant.assignment, mutant.variant, mutant.region), []).append(mutant)
    found = [Batch(*key, tuple(group[first : first + BATCH])) for key, group in groups.items() for first in range(0, len(group), BATCH)]
    return sorted(found, key=lambda batch: -len(batch.mutants))


def run(mutants: Sequence[Mutant], seed: int, processes: int | None = None) -> Iterator[Campaign]:
    """Judge all mutants, of one assignment. Gives what is known after every batch: the last is the whole."""
    started, known = time.monotonic(), list[Outcome]()
    order = {mutant.id: number for number, mutant in enumerate(mutants)}
    for _, outcomes in run_jobs(perform, batches(mutants), processes):
        known = sorted([*known, *outcomes], key=lambda outcome: order[outcome.mutant.id])
        yield Campaign(mutants[0].assignment, seed, known, time.monotonic() - started)


def seed_of_the_day() -> int:
    """The date as a number: 20261130."""
    return int(datetime.date.today().strftime("%Y%m%d"))
