"""What the parts of a class share: who handed what in, and what came of it."""

from dataclasses import dataclass
from pathlib import Path

from autograder.grading.verdict import Verdict


@dataclass(frozen=True)
class HandedIn:
    """One submission as it was collected, before anything is known of what is in it."""

    path: Path  # a folder or a zip file
    student: str  # the name to show
    student_id: str = ""  # as the platform has it; "" where it gives none
    email: str = ""
    submitted_at: str = ""  # ISO 8601 with the offset; "" where the platform does not say
    partners: tuple[str, ...] = ()  # the other members of a group


@dataclass(frozen=True)
class Graded:
    """A submission with its verdict."""

    handed_in: HandedIn
    verdict: Verdict
    folder: str  # of its reports, seen from the class page, with forward slashes: "reports/ada_lovelace"
