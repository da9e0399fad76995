"""Ledger → grades: late rules, overrides, rounding. Pure; the formats of the platforms are in gradebook_formats.py.

The order: the score of the verdict, less the late penalty, then the override; rounded half up to two decimals at the very end.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from autograder.classroom.last_run import LastRun
from autograder.classroom.ledger import Line, current
from autograder.classroom.overrides import Override, match_overrides
from autograder.classroom.people import MOST_NAMED, Matched, Person, absent_remark, everybody, match, members_of
from autograder.errors import UserError
from autograder.kit.names import same_name
from autograder.submission.rules import listed

NAMED = 8  # students in one remark; the others are counted
LATE_UNKNOWN = (
    "Late, and the export does not say by how much; nothing was taken off, so override it where that is wrong"
)
SEVERAL = "Handed in alone and in a group, or in several groups; the newest counts"
HELD = "Points are held until a person has looked; give them with release in the overrides, and a reason"
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

    person: Person
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
    held: float = 0.0  # points that wait until a person has looked

    @property
    def name(self) -> str:
        return self.person.name


@dataclass(frozen=True)
class Gradebook:
    """The grades by name, and sentences about what a person has to decide."""

    title: str
    grades: tuple[Grade, ...]
    remarks: tuple[str, ...]
    participants_known: bool = False  # a roster of Moodle's says which numbers are of participants


@dataclass(frozen=True)
class Course:
    """Who is in the course. `rosters`: each knows people by what the one before it knew of them, and the last one says who is missing.
    `last`: whom the class page shows, None where that is not known.
    """

    rosters: tuple[tuple[Person, ...], ...] = ()
    last: LastRun | None = None
    zeros: bool = False  # a row of 0 points for everybody on the roster who handed in nothing


def make_gradebook(
    lines: Iterable[Line], late: LateRule | None, overrides: Mapping[str, Override], course: Course | None = None
) -> Gradebook:
    """The grade of every student in the ledger. Raises UserError for an override of nobody, or of points that do not exist."""
    course = course or Course()
    found, remarks = _of_last_run(current(lines), course.last)
    if len({line.verdict.assignment for line in found}) > 1:
        raise UserError("The ledger holds more than one assignment; grade each into a folder of its own.")
    remarks += _nobodys_numbers(found)
    everyone = everybody([line.handed_in for line in found], course.rosters[-1] if course.rosters else ())
    remarks += everyone.remarks
    newest: dict[int, Line] = {}
    several: set[int] = set()
    for line, own in sorted(zip(found, everyone.members), key=lambda pair: pair[0].handed_in.moment):
        several |= newest.keys() & set(own)
        newest |= dict.fromkeys(own, line)
    matched = Matched(everyone.people)
    for roster in course.rosters:
        matched = match(matched.people, roster)
        remarks += matched.remarks
    chosen = match_overrides(overrides, [*matched.people, *matched.absent])
    told: dict[str, list[str]] = {}  # what staff should know → about whom
    if several:
        told[SEVERAL] = [matched.people[n].called for n in several]
    grades = [_grade(person, newest[n], late, chosen.get(n), told) for n, person in enumerate(matched.people)]
    maximum = max((line.verdict.max_score for line in found), default=0.0)
    highest = max((line.verdict.highest for line in found), default=0.0)
    for n, person in enumerate(matched.absent, start=len(grades)):
        if course.zeros or n in chosen:
            grades.append(_nothing(person, maximum, highest, chosen.get(n)))
    remarks += [f"{what}: {listed(sorted(names), most=NAMED)}." for what, names in told.items()]
    if matched.absent:
        without = "no row, but where an override gives points; --zeros gives 0"
        note = "they have a row of 0 points" if course.zeros else without
        remarks.append(absent_remark(matched.absent, f" ({note})"))
    title = found[0].verdict.title if found else ""
    grades.sort(key=lambda grade: (same_name(grade.name), grade.person.number, grade.person.email))
    known = any(one.moodle_id for roster in course.rosters for one in roster)
    return Gradebook(title, tuple(grades), tuple(dict.fromkeys(remarks)), known)


def _of_last_run(lines: Sequence[Line], last: LastRun | None) -> tuple[list[Line], list[str]]:
    """The lines of those whom the class page shows, and remarks on the others."""
    if last is None:
        return list(lines), []
    known = {line.handed_in.identity for line in lines}
    waiting = [name for identity, name in last.names.items() if identity not in known]
    remarks = gone_remarks(lines, last)
    if waiting:
        who = listed(sorted(waiting), most=MOST_NAMED)
        remarks.append(f"Collected and not graded yet, so not in here; start the same `autograder class` again: {who}.")
    return [line for line in lines if line.handed_in.identity in last.names], remarks


def _nobodys_numbers(lines: Sequence[Line]) -> list[str]:
    """A remark on numbers of which the ledger does not say whose they are: no platform gets them."""
    who = [_called(line) for line in lines if line.handed_in.student_id and not line.handed_in.numbered_by]
    if not who:
        return []
    return [
        "Their numbers are of a group, or anonymous, or of a ledger that does not say whose they are, so no platform gets them: "
        f"{listed(sorted(who), most=NAMED)}. For the last, start the same `autograder class` again, which grades nothing twice."
    ]


def gone_remarks(lines: Iterable[Line], last: LastRun) -> list[str]:
    """About those whom an earlier run graded and the last one did not find. They count nowhere; renamed, as far as the files tell, or gone."""
    lines = current(lines)
    joined: dict[str, list[str]] = {}  # the content of a submission → who has joined with it
    for line in lines:
        if line.key.digest and line.handed_in.identity in last.joined:
            joined.setdefault(line.key.digest, []).append(_called(line))
    renamed, left = [], []
    for line in lines:
        if line.handed_in.identity not in last.names:
            same = joined.get(line.key.digest, [])
            if same:
                renamed.append(f"{_called(line)} → {' and '.join(sorted(same))}")
            else:
                left.append(_called(line))
    remarks = []
    if renamed:
        remarks.append(
            "No longer in the folder, and the same files are there under a new name, so only that is on the page and in the gradebook: "
            f"{listed(sorted(renamed), most=MOST_NAMED)}."
        )
    if left:
        remarks.append(
            f"Graded earlier and no longer in the folder, so neither on the page nor in the gradebook: {listed(sorted(left), most=MOST_NAMED)}. "
            "Where that is a mistake, put it back and start `autograder class` again."
        )
    return remarks


def _called(line: Line) -> str:
    return members_of(line.handed_in)[0].called


def _nothing(person: Person, maximum: float, highest: float, override: Override | None) -> Grade:
    points = override.apply(0.0, highest, person.called) if override else 0.0
    said, reason = (override.said, override.reason) if override else ("", "")
    return Grade(person, 0.0, rounded(points), maximum, override=said, reason=reason, state="handed in nothing")


def _grade(
    person: Person, line: Line, late: LateRule | None, override: Override | None, told: dict[str, list[str]]
) -> Grade:
    name = person.called
    verdict, one = line.verdict, line.handed_in
    if override is not None:
        verdict = override.release_in(verdict, name)
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
        points, said, reason = override.apply(points, verdict.highest, name), override.said, override.reason
    held = 0.0 if override is not None and override.points is not None else verdict.held
    if held:
        told.setdefault(HELD, []).append(name)
    state = _state(line) or (f"up to {held:g} points are held" if held else "")
    if state and override is None and not held:
        told.setdefault(state[0].upper() + state[1:], []).append(name)
    return Grade(
        person, verdict.score, rounded(points), verdict.max_score, one.submitted_at, days, round(penalty, 6), said, reason,
        state, f"reports/{one.slug}", held,
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
