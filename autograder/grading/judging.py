"""Judge the checks of one submission, one after the other, in one lane."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from autograder.errors import UserError
from autograder.grading.mutants import solution_files
from autograder.grading.obstacles import Obstacles
from autograder.grading.outcome import Outcome
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement, run_check
from autograder.grading.standing import Standing
from autograder.sandbox.clock import Clock
from autograder.sandbox.proxies import Student
from autograder.submission.rules import listed
from autograder.verdict import Notice

ODD_VALUES = (
    "This check cannot go on with a value that your code returned, or called the network with, although it can with the solution's. "
    "Look at the types and shapes of these values; staff can read more."
)


@dataclasses.dataclass
class Judging:
    """`outcome`: what the checks of outcomes ask; `tell`: takes remarks for staff; `known`: judgements, by check, of checks that need not run."""

    standing: Standing
    obstacles: Obstacles
    student: Student
    secret: bytes
    digest: str
    outcome: Outcome | None
    tell: Callable[[Notice], None]
    known: Mapping[str, Judgement] = dataclasses.field(default_factory=dict)
    spent: dict[str, float] = dataclasses.field(default_factory=dict)  # seconds, by the checks of each task

    def judge(self, check: Check) -> Judgement:
        judgement = self.obstacles.before(check) or self.known.get(check.id) or self._too_late(check) or self._run(check)
        self.standing.judged.append((check, judgement))
        return judgement

    def _run(self, check: Check) -> Judgement:
        standing, task = self.standing, self.standing.manifest.task(check.mark.task)
        extra: dict[str, Any] = {}
        if task.kind == "outcome":
            extra = {"outcome": self.outcome, "undone": standing.undone(), "without_work": standing.without_work(), "proved": standing.proved()}
        judgement = run_check(check, self.student, self.secret, self.digest, standing.wrong(), **extra)
        judgement.message = self.obstacles.submission.in_cells(judgement.message)
        self.spent[task.id] = self.spent.get(task.id, 0.0) + judgement.seconds
        if judgement.kind == "grader" and task.kind == "behaviour":
            judgement = self._whose_fault(check, judgement)
        if judgement.status not in ("passed", "held") and judgement.kind != "untouched":
            with contextlib.suppress(UserError):  # said again when the next check needs a worker
                self.student.fresh()  # whatever the code has done to its process must not cost the next check
        if judgement.kind == "ModuleNotFoundError":
            judgement.message += f" The grader has {listed([*standing.manifest.files.packages], most=20)}."
        if reason := self.obstacles.behind(check, judgement):
            judgement.status, judgement.kind, judgement.message = "broken", "untouched", reason
        return judgement

    def _too_late(self, check: Check) -> Judgement | None:
        """Set the clocks for a check; a check whose time is up before it begins is not run. What was judged by then counts."""
        manifest, lane = self.standing.manifest, self.student.lane
        task, limits = manifest.task(check.mark.task), manifest.limits
        lane.clocks = ()  # a training has the submission's, and its own limit
        if task.kind == "behaviour":
            one = Clock.start("one check may take", limits.seconds_per_check)
            together = f"the checks of task {task.id} may take together"
            lane.clocks = (one, Clock.start(together, limits.seconds_per_task, self.spent.get(task.id, 0.0)))
        clock = lane.next_clock()
        if clock is None or not clock.over():
            return None
        message = f"Not judged, because the {clock.seconds:g} seconds were over that {clock.what}; look for what waits, or is done again and again."
        return Judgement("broken", message, "timed out")

    def _whose_fault(self, check: Check, judgement: Judgement) -> Judgement:
        """Where the grader fails with the student's values and not with those of the solution, the check has met values that it was not written
        for: the student's, in words, and a remark for staff.
        """
        manifest = self.standing.manifest
        with contextlib.suppress(UserError):  # said again when the next check needs a worker
            self.student.fresh()
            solution = Student(self.student.lane, solution_files(manifest), manifest.limits)
            again = run_check(check, solution, self.secret, self.digest, self.standing.wrong())
            solution.fresh()
            if again.status == "passed":
                remark = (
                    f"{check.id} stopped at values of the submission that it was not written for: {judgement.detail}."
                )
                self.tell(Notice("staff", remark))
                return dataclasses.replace(judgement, status="broken", kind="odd values", message=ODD_VALUES)
        return judgement
