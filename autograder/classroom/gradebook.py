"""Ledger → grades: late rules, overrides, rounding. Pure; the formats of the platforms are in gradebook_formats.py.

The order: the score of the verdict, less the late penalty, then the override; rounded half up to two decimals at the very end.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from autograder.classroom.ledger import Line, current
from autograder.classroom.overrides import Override, match_overrides
from autograder.errors import UserError
from autograder.submission.rules import listed

NAMED = 8  # students in one remark; the others are counted
LATE_UNKNOWN = (
    "Late, and the export does not say by how much; nothing was taken off, so override it where that is wrong"
)
UNDATED = "Nobody says when they handed in, so nothing was taken off"


@dataclass(frozen=True)
class LateRule:
    """`percent` of the points earned is taken off for each day begun after `due`, at most `cap` percent. Within `grace` after `due`
    nothing is; beyond it, days count from `due`.
    """

    due: datetime
    percent: float = 10.0
    grace: timedelta = timedelta(0)
    cap: float = 100.0

    def days(self, submitted: datetime) -> int:
        late = submitted - self.due
        return 0 if late <= self.grace else math.ceil(late / timedelta(days=1))

    def share(self, days: int) -> float:
        """Of the points earned, what is taken off: 0 … 1."""
        return min(self.percent * days, self.cap) / 100


@dataclass(frozen=True)
class Grade:
    """What one student gets. Members of a group have a grade each. `points` is final; `score` is the verdict's."""

    name: str
    student_id: str
    email: str
    score: float
    points: Decimal
    max_points: float
    submitted_at: str = ""
    late_days: int = 0
    penalty: float = 0.0  # points taken off for lateness
    override: str = ""  # "set to 40", "+2.5"
    reason: str = ""  # of the override
    state: str = ""  # "" for a submission that was judged in full; else what staff should know
    report: str = ""  # folder of the reports, seen from the ledger


@dataclass(frozen=True)
class Gradebook:
    """The grades by name, and sentences about what a person has to decide."""

    title: str
    grades: tuple[Grade, ...]
    remarks: tuple[str, ...]


def make_gradebook(lines: Iterable[Line], late: LateRule | None, overrides: Mapping[str, Override]) -> Gradebook:
    """The grade of every student in the ledger. Raises UserError for an override of nobody, or of points that do not exist."""
    found = current(lines)
    if len({line.verdict.assignment for line in found}) > 1:
        raise UserError("The ledger holds more than one assignment; grade each into a folder of its own.")
    newest: dict[str, tuple[str, str, str, Line]] = {}
    for line in sorted(found, key=lambda line: line.handed_in.submitted_at):  # a later one, of a group, goes before
        for name, identifier, email in _members(line):
            newest[identifier or email or f"{line.handed_in.slug}/{name}"] = (name, identifier, email, line)
    people = list(newest.values())
    chosen = match_overrides(overrides, [(identifier, email, name) for name, identifier, email, _ in people])
    told: dict[str, list[str]] = {}  # what staff should know → about whom
    grades = [_grade(*person, late, chosen.get(number), told) for number, person in enumerate(people)]
    remarks = [f"{what}: {listed(sorted(names), most=NAMED)}." for what, names in told.items()]
    title = found[0].verdict.title if found else ""
    return Gradebook(
        title, tuple(sorted(grades, key=lambda grade: (grade.name.casefold(), grade.student_id))), tuple(remarks)
    )


def _members(line: Line) -> Sequence[tuple[str, str, str]]:
    one = line.handed_in
    ids = [*one.partner_ids, *[""] * len(one.partners)]
    emails = [*one.partner_emails, *[""] * len(one.partners)]
    return [(one.student, one.student_id, one.email), *zip(one.partners, ids, emails)]


def _grade(
    name: str, identifier: str, email: str, line: Line, late: LateRule | None, override: Override | None,
    told: dict[str, list[str]],
) -> Grade:  # fmt: skip
    verdict, one = line.verdict, line.handed_in
    days, penalty = 0, 0.0
    if late is not None and one.submitted_at:
        days = late.days(datetime.fromisoformat(one.submitted_at))
        penalty = verdict.score * late.share(days)
    elif late is not None and one.late:
        told.setdefault(LATE_UNKNOWN, []).append(name)
    elif late is not None and not one.submitted_at:
        told.setdefault(UNDATED, []).append(name)
    points, said, reason = verdict.score - penalty, "", ""
    if override is not None:
        points, said, reason = override.apply(points, verdict.max_score, name), override.said, override.reason
    state = _state(line)
    if state and override is None:
        told.setdefault(state[0].upper() + state[1:], []).append(name)
    return Grade(
        name, identifier, email, verdict.score, rounded(points), verdict.max_score, one.submitted_at, days, round(penalty, 6), said, reason,
        state, f"reports/{one.slug}",
    )  # fmt: skip


def _state(line: Line) -> str:
    verdict = line.verdict
    if verdict.state == "refused":
        return "could not be read"
    if any(check.status == "grader_error" for check in verdict.checks):
        return "the grader itself failed on it"
    if any(check.status == "not_run" for check in verdict.checks):
        return "not every task was judged"
    return ""


def rounded(points: float) -> Decimal:
    """To two decimals, half up; what binary fractions add in the ninth decimal does not count. Never below 0."""
    exact = Decimal(repr(round(max(points, 0.0), 9)))
    return exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
