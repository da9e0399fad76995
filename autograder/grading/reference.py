"""The solution beside the student: an argument of a check, for what is best judged against a program, such as a network from a diagram.

It runs in a worker of a lane of its own, at the same time as the student's, and answers with data alone, as the student's does. A check
shows nothing of it.
"""

from typing import Any
from weakref import WeakKeyDictionary

from autograder.grading.mutants import solution_files
from autograder.manifest import load_manifest
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student
from autograder.sandbox.remote_worker import Worker


class SolutionFailed(Exception):
    """The solution gave no answer: the grader's fault, or that of a value of the student's which it was handed."""


class Reference(Student):
    """The solution, as a student's code is seen. What it raises is never the student's failure, but SolutionFailed."""

    def request(self, worker: Worker, op: str, fields: dict[str, Any], **settings: Any) -> Any:
        try:
            return super().request(worker, op, fields, **settings)
        except StudentFailure as error:
            raise SolutionFailed(f"the solution, which runs beside the student's code, failed: {error}") from error


_references: WeakKeyDictionary[Lane, dict[str, Reference]] = WeakKeyDictionary()


def reference_beside(student: Student, assignment: str, first_seed: int) -> Reference:
    """The assignment's solution beside a student, at the beginning of a check. One for all checks in a lane."""
    known = _references.setdefault(student.lane, {})
    for other, reference in known.items():
        if other != assignment:
            reference.fresh()  # a lane runs one worker at a time
    if assignment not in known:
        manifest = load_manifest(assignment)
        known[assignment] = Reference(student.lane.beside(), solution_files(manifest), manifest.limits)
    known[assignment].begin(first_seed)
    return known[assignment]
