"""What the parts of a class share: who handed what in, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autograder.classroom.regions import Region
from autograder.kit.names import same_email, same_id
from autograder.verdict import Verdict

SCHOOL, CANVAS, MOODLE = "school", "canvas", "moodle"  # who numbers people


@dataclass(frozen=True)
class HandedIn:
    """One submission as it was collected, before anything is known of what is in it. Texts are clean lines, never paths."""

    path: Path  # a folder or a zip file; where there are `files`, the folder that they are gathered into
    student: str  # the name to show
    student_id: str = ""  # as the platform has it; "" where it gives none
    email: str = ""
    submitted_at: str = ""  # ISO 8601 with the offset; "" where the platform does not say
    partners: tuple[str, ...] = ()  # the other members of a group
    partner_ids: tuple[str, ...] = ()  # theirs, in the same order; "" where the platform gives none
    partner_emails: tuple[str, ...] = ()
    late: bool = False  # the platform says that it is late, and not by how much
    slug: str = ""  # the name of the folder of its reports, no other submission of the class has it
    source: str = ""  # where it lies in the folder that was collected
    numbered_by: str = (
        ""  # whose number `student_id` is: SCHOOL, CANVAS (a user), MOODLE (a participant); "" where nobody says
    )
    section: str = ""  # which folder of the class it came from, where the class lies in several
    key: str = ""  # who it is, to the letter; no other submission of the class has it
    files: tuple[tuple[str, Path], ...] = ()  # handed in one by one: (name, where it lies)

    @property
    def moment(self) -> float:
        """When it was handed in, in seconds; 0 where nobody says."""
        return datetime.fromisoformat(self.submitted_at).timestamp() if self.submitted_at else 0.0

    @property
    def identity(self) -> str:
        """What stays the same when the student hands in again."""
        if self.key:
            return self.key
        if self.student_id:
            return f"id {same_id(self.student_id)}"  # a name must not pass for an identifier
        return f"email {same_email(self.email)}" if self.email else f"name {self.slug or self.student}"


@dataclass(frozen=True)
class Graded:
    """A submission with its verdict."""

    handed_in: HandedIn
    verdict: Verdict
    folder: str  # of its reports, seen from the class page, with forward slashes: "reports/ada_lovelace"
    regions: tuple[Region, ...] = ()  # its code, to be compared with that of others
